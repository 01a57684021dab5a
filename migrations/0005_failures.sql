-- What was refused at the OAuth endpoints, for whoever looks after the client. Never a secret, a code or a token.
CREATE TABLE failures (
    reference TEXT PRIMARY KEY,
    -- NULL: no client was named, or none that there is; for operators only.
    org_id TEXT REFERENCES organizations (id) ON DELETE CASCADE,
    client_id TEXT,
    at BIGINT NOT NULL,
    endpoint TEXT NOT NULL,
    error TEXT NOT NULL,
    description TEXT NOT NULL,
    -- A stable word.
    cause TEXT NOT NULL,
    -- JSON: what belongs to the cause.
    facts TEXT NOT NULL,
    -- JSON: names of parameters, and the values of harmless ones.
    sent TEXT NOT NULL,
    ip TEXT NOT NULL,
    request_id TEXT NOT NULL
);
CREATE INDEX failures_org ON failures (org_id, at, reference);
CREATE INDEX failures_client ON failures (client_id, at, reference);
CREATE INDEX failures_at ON failures (at);

-- Whose secret was it?
CREATE INDEX client_secrets_digest ON client_secrets (digest);
