-- What the product keeps. Times are milliseconds since the epoch; digests are keyed; names that are compared
-- without case have a folded twin; lists that are never queried by element are one text.

CREATE TABLE instance (
    name TEXT PRIMARY KEY,
    value TEXT NOT NULL
);

CREATE TABLE counters (
    name TEXT PRIMARY KEY,
    value BIGINT NOT NULL
);
INSERT INTO counters (name, value) VALUES ('changes', 0);

-- Everything that can change an answer given from memory, in the order of a counter row.
CREATE TABLE change_log (
    seq BIGINT PRIMARY KEY,
    kind TEXT NOT NULL,
    subject TEXT NOT NULL,
    at BIGINT NOT NULL
);

CREATE TABLE organizations (
    id TEXT PRIMARY KEY,
    handle TEXT NOT NULL,
    handle_folded TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('team', 'personal')),
    settings TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    version BIGINT NOT NULL
);

CREATE TABLE users (
    id TEXT PRIMARY KEY,
    username TEXT NOT NULL,
    username_folded TEXT NOT NULL UNIQUE,
    email TEXT,
    display_name TEXT NOT NULL,
    password_hash TEXT,
    status TEXT NOT NULL CHECK (status IN ('active', 'inactive', 'locked')),
    source TEXT NOT NULL CHECK (source IN ('local', 'directory')),
    may_hold_credentials BOOLEAN NOT NULL,
    operator BOOLEAN NOT NULL,
    preferences TEXT NOT NULL,
    failed_attempts BIGINT NOT NULL,
    locked_until BIGINT,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);

CREATE TABLE memberships (
    org_id TEXT NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    role TEXT NOT NULL CHECK (role IN ('owner', 'admin', 'auditor', 'member')),
    created_at BIGINT NOT NULL,
    PRIMARY KEY (org_id, user_id)
);
CREATE INDEX memberships_user ON memberships (user_id);

-- A resource server. The product's own management API belongs to no organisation.
CREATE TABLE apis (
    id TEXT PRIMARY KEY,
    org_id TEXT REFERENCES organizations (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    audience TEXT NOT NULL UNIQUE,
    token_format TEXT NOT NULL CHECK (token_format IN ('jwt', 'opaque')),
    lifetime BIGINT,
    signing_algorithm TEXT,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    version BIGINT NOT NULL
);
CREATE INDEX apis_org ON apis (org_id);

CREATE TABLE scopes (
    api_id TEXT NOT NULL REFERENCES apis (id) ON DELETE CASCADE,
    value TEXT NOT NULL,
    description TEXT NOT NULL,
    risk TEXT NOT NULL CHECK (risk IN ('reads', 'changes', 'destructive')),
    implies TEXT NOT NULL,
    requires_consent BOOLEAN NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (api_id, value)
);

-- A deleted client stays as a tombstone, so that its id is never used again.
CREATE TABLE clients (
    client_id TEXT PRIMARY KEY,
    org_id TEXT NOT NULL REFERENCES organizations (id),
    user_id TEXT REFERENCES users (id),
    kind TEXT NOT NULL CHECK (kind IN ('custom', 'sync_connector', 'system', 'personal')),
    application_type TEXT NOT NULL CHECK (application_type IN ('web', 'native', 'user-agent-based', 'public', 'service')),
    name TEXT NOT NULL,
    name_folded TEXT NOT NULL,
    name_sort BYTEA NOT NULL,
    search_text TEXT NOT NULL,
    description TEXT NOT NULL,
    grant_types TEXT NOT NULL,
    redirect_uris TEXT NOT NULL,
    oidc_scopes TEXT NOT NULL,
    auth_method TEXT,
    require_consent BOOLEAN NOT NULL,
    first_party BOOLEAN NOT NULL,
    access_token_lifetime BIGINT,
    status TEXT NOT NULL CHECK (status IN ('active', 'disabled', 'deleted')),
    status_at BIGINT,
    status_by TEXT,
    status_reason TEXT,
    epoch BIGINT NOT NULL,
    origin TEXT NOT NULL,
    created_by TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    last_used_at BIGINT,
    last_used_ip TEXT,
    version BIGINT NOT NULL
);
CREATE INDEX clients_org_created ON clients (org_id, created_at, client_id);
CREATE INDEX clients_org_name ON clients (org_id, name_sort, client_id);
CREATE INDEX clients_org_used ON clients (org_id, last_used_at, client_id);

-- What a client may ask for. The first row's API is the default audience.
CREATE TABLE client_scopes (
    client_id TEXT NOT NULL REFERENCES clients (client_id) ON DELETE CASCADE,
    api_id TEXT NOT NULL,
    value TEXT NOT NULL,
    position BIGINT NOT NULL,
    PRIMARY KEY (client_id, api_id, value),
    FOREIGN KEY (api_id, value) REFERENCES scopes (api_id, value) ON DELETE CASCADE
);
CREATE INDEX client_scopes_scope ON client_scopes (api_id, value);

CREATE TABLE client_secrets (
    id TEXT PRIMARY KEY,
    client_id TEXT NOT NULL REFERENCES clients (client_id) ON DELETE CASCADE,
    label TEXT NOT NULL,
    hint TEXT NOT NULL,
    digest BYTEA NOT NULL,
    created_by TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT,
    ends_at BIGINT,
    revoked_at BIGINT,
    last_used_at BIGINT,
    last_used_ip TEXT,
    uses BIGINT NOT NULL
);
CREATE INDEX client_secrets_client ON client_secrets (client_id);

-- Private keys are sealed under the key file.
CREATE TABLE signing_keys (
    kid TEXT PRIMARY KEY,
    algorithm TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('pending', 'active', 'retired')),
    sealed BYTEA NOT NULL,
    created_at BIGINT NOT NULL,
    activated_at BIGINT,
    retired_at BIGINT
);

-- Single tokens cut off before their time; a row may go once the token has expired.
CREATE TABLE revoked_tokens (
    jti TEXT PRIMARY KEY,
    client_id TEXT NOT NULL,
    revoked_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX revoked_tokens_expiry ON revoked_tokens (expires_at);

CREATE TABLE sessions (
    digest BYTEA PRIMARY KEY,
    user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    created_at BIGINT NOT NULL,
    authenticated_at BIGINT NOT NULL,
    methods TEXT NOT NULL,
    last_seen_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    ip TEXT NOT NULL,
    user_agent TEXT NOT NULL
);
CREATE INDEX sessions_user ON sessions (user_id);

-- Texts that work once: set-up links, form tokens, downloads. `payload` is sealed where it is secret.
CREATE TABLE one_time_tokens (
    digest BYTEA PRIMARY KEY,
    purpose TEXT NOT NULL,
    payload BYTEA,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    used_at BIGINT
);
CREATE INDEX one_time_tokens_expiry ON one_time_tokens (expires_at);

CREATE TABLE idempotency_keys (
    caller TEXT NOT NULL,
    key TEXT NOT NULL,
    fingerprint BYTEA NOT NULL,
    answer BYTEA,
    secret BYTEA,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (caller, key)
);

-- Append-only, and never a secret in it.
CREATE TABLE audit_events (
    id TEXT PRIMARY KEY,
    org_id TEXT,
    at BIGINT NOT NULL,
    actor_kind TEXT NOT NULL,
    actor_id TEXT NOT NULL,
    actor_name TEXT NOT NULL,
    ip TEXT,
    request_id TEXT NOT NULL,
    action TEXT NOT NULL,
    resource_kind TEXT NOT NULL,
    resource_id TEXT NOT NULL,
    resource_name TEXT NOT NULL,
    outcome TEXT NOT NULL CHECK (outcome IN ('done', 'refused')),
    details TEXT NOT NULL
);
CREATE INDEX audit_events_org ON audit_events (org_id, at, id);
CREATE INDEX audit_events_resource ON audit_events (resource_id, at, id);

-- How many access tokens of a client are alive: counted by the ten seconds in which they expire.
CREATE TABLE issued_tokens (
    client_id TEXT NOT NULL,
    format TEXT NOT NULL,
    expires_at BIGINT NOT NULL,
    epoch BIGINT NOT NULL,
    tokens BIGINT NOT NULL,
    PRIMARY KEY (client_id, format, expires_at, epoch)
);
CREATE INDEX issued_tokens_expiry ON issued_tokens (expires_at);
