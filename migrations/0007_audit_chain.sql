-- The entries of each organisation form a chain: each gets a number and a hash over the one before. Those of no
-- organisation form one as well, with an empty name. An entry without a number is not sealed yet.
ALTER TABLE audit_events ADD COLUMN seq BIGINT;
ALTER TABLE audit_events ADD COLUMN hash BYTEA;
CREATE UNIQUE INDEX audit_events_chain ON audit_events (COALESCE(org_id, ''), seq) WHERE seq IS NOT NULL;
CREATE INDEX audit_events_unsealed ON audit_events (COALESCE(org_id, ''), at, id) WHERE seq IS NULL;

-- Where a chain ends, and where it begins: the last entry that was removed because of its age. The MACs are made with
-- the key file, so that whoever can only write here cannot make a chain of his own.
CREATE TABLE audit_chains (
    chain TEXT PRIMARY KEY,
    seq BIGINT NOT NULL,
    hash BYTEA NOT NULL,
    mac BYTEA NOT NULL,
    sealed_at BIGINT NOT NULL,
    anchor_seq BIGINT NOT NULL,
    anchor_hash BYTEA NOT NULL,
    anchor_mac BYTEA NOT NULL
);
