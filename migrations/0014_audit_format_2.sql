-- The second format of entries. Each carries a MAC made with the key file from the moment it is written, and its two
-- personal parts (who: name and address of the actor; what: name of the thing, and details) stand beside what is sealed,
-- which commits to them by a salted digest. A part that was erased has no salt, and a MAC that says so. Entries of the first
-- format have none of these.
ALTER TABLE audit_events ADD COLUMN mac BYTEA;
ALTER TABLE audit_events ADD COLUMN who_digest BYTEA;
ALTER TABLE audit_events ADD COLUMN who_salt BYTEA;
ALTER TABLE audit_events ADD COLUMN who_erased BYTEA;
ALTER TABLE audit_events ADD COLUMN what_digest BYTEA;
ALTER TABLE audit_events ADD COLUMN what_salt BYTEA;
ALTER TABLE audit_events ADD COLUMN what_erased BYTEA;

-- Since when an entry is known not to be this server's: it gets no place in a chain.
ALTER TABLE audit_events ADD COLUMN refused_at BIGINT;
DROP INDEX audit_events_unsealed;
CREATE INDEX audit_events_unsealed ON audit_events (COALESCE(org_id, ''), at, id) WHERE seq IS NULL AND refused_at IS NULL;
CREATE INDEX audit_events_refused ON audit_events (COALESCE(org_id, ''), at, id) WHERE refused_at IS NOT NULL;
