-- The life of secrets and of clients that nobody uses.

-- Where a secret is kept, and when somebody is to be told next that it stops.
ALTER TABLE client_secrets ADD COLUMN note TEXT NOT NULL DEFAULT '';
ALTER TABLE client_secrets ADD COLUMN next_notice_at BIGINT;
UPDATE client_secrets SET next_notice_at = COALESCE(ends_at, expires_at - 2592000000) WHERE revoked_at IS NULL;
CREATE INDEX client_secrets_notice ON client_secrets (next_notice_at);

-- A disabled client that is deleted on a day, unless somebody enables it before.
ALTER TABLE clients ADD COLUMN delete_at BIGINT;
CREATE INDEX clients_delete_at ON clients (delete_at);

-- Lists by last use, and counts, that read an index and no rows.
DROP INDEX clients_org_used;
CREATE INDEX clients_org_last_use ON clients (org_id, COALESCE(last_used_at, 0), client_id);
CREATE INDEX clients_org_status ON clients (org_id, status, client_id);

-- After how many days without a use somebody was told last, and about which last use.
ALTER TABLE clients ADD COLUMN unused_told BIGINT;
ALTER TABLE clients ADD COLUMN unused_told_for BIGINT;

-- Scopes that were taken from a client because it never asked for them, to be given back with one click.
CREATE TABLE scope_trims (
    id TEXT PRIMARY KEY,
    client_id TEXT NOT NULL REFERENCES clients (client_id) ON DELETE CASCADE,
    scopes TEXT NOT NULL, -- JSON: [[API id, value], …]
    taken_by TEXT NOT NULL,
    taken_at BIGINT NOT NULL,
    undone_at BIGINT
);
CREATE INDEX scope_trims_client ON scope_trims (client_id, taken_at);
