-- Clients as a file, and clients that move to another organisation.

-- The name under which a file knows a client; a deleted client gives it free. By which door its settings were last
-- changed: unknown for changes from before.
ALTER TABLE clients ADD COLUMN file_key TEXT;
ALTER TABLE clients ADD COLUMN changed_through TEXT;
CREATE UNIQUE INDEX clients_file_key ON clients (org_id, file_key) WHERE status <> 'deleted';

-- An offer to give a client away. `to_handle` is what the giver wrote, folded: whether such an organisation exists is
-- looked up when somebody there asks, and never told to the giver. A client has one open offer at most.
CREATE TABLE client_transfers (
    id TEXT PRIMARY KEY,
    client_id TEXT NOT NULL REFERENCES clients (client_id) ON DELETE CASCADE,
    client_name TEXT NOT NULL,
    from_org_id TEXT NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    to_handle TEXT NOT NULL,
    note TEXT NOT NULL,
    offered_by TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('offered', 'accepted', 'declined', 'withdrawn', 'expired')),
    settled_at BIGINT,
    settled_by TEXT
);
CREATE UNIQUE INDEX client_transfers_open ON client_transfers (client_id) WHERE state = 'offered';
CREATE INDEX client_transfers_from ON client_transfers (from_org_id, created_at);
CREATE INDEX client_transfers_to ON client_transfers (to_handle, created_at);
CREATE INDEX client_transfers_expiry ON client_transfers (expires_at);
