-- People sign in to apps and allow them things: grants with their codes and refresh tokens, consents, device codes;
-- and how people prove who they are. Lists of scopes are one text: `openid`, or API id, a slash and the value.

-- Sessions get an id of their own that may be told; those from before have none, so everybody signs in once more.
DELETE FROM sessions;
ALTER TABLE sessions ADD COLUMN id TEXT NOT NULL DEFAULT '';
CREATE UNIQUE INDEX sessions_id ON sessions (id);

ALTER TABLE users ADD COLUMN email_folded TEXT;
ALTER TABLE users ADD COLUMN email_verified_at BIGINT;
-- An address that takes the place of the other once the person has proven that it is his.
ALTER TABLE users ADD COLUMN email_pending TEXT;
ALTER TABLE users ADD COLUMN profile TEXT NOT NULL DEFAULT '{}';
ALTER TABLE users ADD COLUMN last_grant_at BIGINT;
UPDATE users SET email_folded = lower(email);
CREATE INDEX users_email ON users (email_folded);

-- Whom a text that works once is about, so that a newer one can end it.
ALTER TABLE one_time_tokens ADD COLUMN subject TEXT;
CREATE INDEX one_time_tokens_subject ON one_time_tokens (subject, purpose);

ALTER TABLE memberships ADD COLUMN last_grant_at BIGINT;

ALTER TABLE clients ADD COLUMN optional_scopes TEXT NOT NULL DEFAULT '';
ALTER TABLE clients ADD COLUMN home_page TEXT;
ALTER TABLE clients ADD COLUMN post_logout_redirect_uris TEXT NOT NULL DEFAULT '';
ALTER TABLE clients ADD COLUMN backchannel_logout_uri TEXT;
ALTER TABLE clients ADD COLUMN backchannel_logout_session_required BOOLEAN NOT NULL DEFAULT FALSE;
ALTER TABLE clients ADD COLUMN id_token_signed_response_alg TEXT;
ALTER TABLE clients ADD COLUMN userinfo_signed_response_alg TEXT;
ALTER TABLE clients ADD COLUMN subject_type TEXT NOT NULL DEFAULT 'public';
ALTER TABLE clients ADD COLUMN sector_identifier TEXT;
ALTER TABLE clients ADD COLUMN default_max_age BIGINT;
ALTER TABLE clients ADD COLUMN require_auth_time BOOLEAN NOT NULL DEFAULT FALSE;
ALTER TABLE clients ADD COLUMN require_second_factor BOOLEAN NOT NULL DEFAULT FALSE;

-- What a person gave a client: the family of everything that was ever issued for it. A refresh token names its grant
-- and a counter; only the counter of the row works. A revocation is remembered in memory until `tokens_until`.
CREATE TABLE grants (
    id TEXT PRIMARY KEY,
    client_id TEXT NOT NULL REFERENCES clients (client_id) ON DELETE CASCADE,
    client_epoch BIGINT NOT NULL,
    user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    org_id TEXT NOT NULL,
    scopes TEXT NOT NULL,
    claims TEXT,
    session_id TEXT,
    authenticated_at BIGINT NOT NULL,
    methods TEXT NOT NULL,
    offline BOOLEAN NOT NULL,
    refresh_counter BIGINT NOT NULL,
    rotated_at BIGINT,
    idle_expires_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    tokens_until BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    last_used_at BIGINT,
    revoked_at BIGINT,
    revoked_why TEXT
);
CREATE INDEX grants_user ON grants (user_id, client_id);
CREATE INDEX grants_client ON grants (client_id, user_id);
CREATE INDEX grants_session ON grants (session_id);
CREATE INDEX grants_expiry ON grants (expires_at);
CREATE INDEX grants_tokens ON grants (tokens_until);

-- A spent code is kept for a while, so that its replay is known for what it is.
CREATE TABLE authorization_codes (
    digest BYTEA PRIMARY KEY,
    grant_id TEXT NOT NULL REFERENCES grants (id) ON DELETE CASCADE,
    client_id TEXT NOT NULL,
    redirect_uri TEXT,
    code_challenge TEXT NOT NULL,
    nonce TEXT,
    wrong_tries BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    used_at BIGINT
);
CREATE INDEX authorization_codes_grant ON authorization_codes (grant_id);
CREATE INDEX authorization_codes_expiry ON authorization_codes (expires_at);

CREATE INDEX audit_events_actor ON audit_events (actor_id, at, id);

-- What a person allowed a client, and which optional scopes he left out; asked again only for what is new.
CREATE TABLE consents (
    user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    client_id TEXT NOT NULL REFERENCES clients (client_id) ON DELETE CASCADE,
    scopes TEXT NOT NULL,
    declined TEXT NOT NULL DEFAULT '',
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (user_id, client_id)
);
CREATE INDEX consents_client ON consents (client_id);

-- Both codes by digest. `poll_interval` grows when a device asks too often.
CREATE TABLE device_codes (
    digest BYTEA PRIMARY KEY,
    user_code BYTEA NOT NULL UNIQUE,
    client_id TEXT NOT NULL REFERENCES clients (client_id) ON DELETE CASCADE,
    client_epoch BIGINT NOT NULL,
    scopes TEXT NOT NULL,
    ip TEXT NOT NULL,
    user_agent TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    poll_interval BIGINT NOT NULL,
    polled_at BIGINT,
    state TEXT NOT NULL CHECK (state IN ('pending', 'approved', 'denied', 'spent')),
    grant_id TEXT REFERENCES grants (id) ON DELETE CASCADE
);
CREATE INDEX device_codes_expiry ON device_codes (expires_at);

-- Wrong passwords and codes for an account from one network, or from a browser it knows: whoever guesses shuts himself
-- out and nobody else. The account is the id of a person, or the digest of a user name that nobody has.
CREATE TABLE sign_in_failures (
    account TEXT NOT NULL,
    origin TEXT NOT NULL,
    failures BIGINT NOT NULL,
    last_at BIGINT NOT NULL,
    PRIMARY KEY (account, origin)
);
CREATE INDEX sign_in_failures_last ON sign_in_failures (last_at);

CREATE TABLE passkeys (
    id TEXT PRIMARY KEY,
    user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    credential TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    last_used_at BIGINT
);
CREATE INDEX passkeys_user ON passkeys (user_id);

-- Only what was confirmed with a code. The shared secret is sealed; `last_step` is the last time step that was used, which
-- never works twice.
CREATE TABLE totp_secrets (
    user_id TEXT PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
    sealed BYTEA NOT NULL,
    created_at BIGINT NOT NULL,
    last_step BIGINT NOT NULL
);

CREATE TABLE recovery_codes (
    user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    digest BYTEA NOT NULL,
    created_at BIGINT NOT NULL,
    used_at BIGINT,
    PRIMARY KEY (user_id, digest)
);

CREATE TABLE invitations (
    id TEXT PRIMARY KEY,
    org_id TEXT NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    email TEXT NOT NULL,
    email_folded TEXT NOT NULL,
    role TEXT NOT NULL CHECK (role IN ('owner', 'admin', 'auditor', 'member')),
    digest BYTEA NOT NULL UNIQUE,
    invited_by TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    accepted_at BIGINT,
    accepted_by TEXT,
    revoked_at BIGINT
);
CREATE INDEX invitations_org ON invitations (org_id, created_at);

-- Mail on its way; sealed, since it holds links that work once.
CREATE TABLE mails (
    id TEXT PRIMARY KEY,
    sealed BYTEA NOT NULL,
    created_at BIGINT NOT NULL,
    next_try_at BIGINT NOT NULL,
    tries BIGINT NOT NULL
);
CREATE INDEX mails_next ON mails (next_try_at);

-- Somebody cannot sign in. Kept sealed and looked into later, so that the answer tells nothing.
CREATE TABLE recovery_requests (
    id TEXT PRIMARY KEY,
    sealed BYTEA NOT NULL,
    created_at BIGINT NOT NULL
);

-- Back-channel logout requests on their way.
CREATE TABLE logout_deliveries (
    id TEXT PRIMARY KEY,
    client_id TEXT NOT NULL REFERENCES clients (client_id) ON DELETE CASCADE,
    subject TEXT NOT NULL,
    session_id TEXT,
    created_at BIGINT NOT NULL,
    next_try_at BIGINT NOT NULL,
    tries BIGINT NOT NULL
);
CREATE INDEX logout_deliveries_next ON logout_deliveries (next_try_at);
