-- Credentials that belong to a person, and offers of such: what somebody prepared for a member, who alone can fetch it.

CREATE INDEX clients_user ON clients (user_id);
CREATE INDEX clients_org_kind ON clients (org_id, kind, created_at, client_id);
CREATE INDEX clients_personal ON clients (updated_at, client_id) WHERE kind = 'personal';

-- Until it is claimed an offer is only what is to be made: neither a client nor a secret. What that is is sealed, and
-- erased when the offer comes to its end.
CREATE TABLE credential_offers (
    id TEXT PRIMARY KEY,
    org_id TEXT NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    sealed BYTEA,
    digest BYTEA NOT NULL UNIQUE,
    offered_by TEXT NOT NULL,
    offered_by_name TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('open', 'claimed', 'withdrawn', 'expired')),
    ended_at BIGINT,
    client_id TEXT
);
CREATE INDEX credential_offers_org ON credential_offers (org_id, created_at);
CREATE INDEX credential_offers_user ON credential_offers (user_id);
CREATE INDEX credential_offers_state ON credential_offers (state, expires_at);
