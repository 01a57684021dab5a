-- How clients are used: counted in memory by every node and added up here. No row refers to another table, so that what
-- was counted just before something was deleted can still be written.

-- Tokens issued and requests that failed: of a client, and of all clients of an organisation. A span is an hour or a
-- day, in seconds.
CREATE TABLE usage_counts (
    subject TEXT NOT NULL,
    span BIGINT NOT NULL,
    began_at BIGINT NOT NULL,
    tokens BIGINT NOT NULL,
    failures BIGINT NOT NULL,
    PRIMARY KEY (subject, span, began_at)
);
CREATE INDEX usage_counts_age ON usage_counts (span, began_at);

CREATE TABLE secret_counts (
    secret_id TEXT NOT NULL,
    span BIGINT NOT NULL,
    began_at BIGINT NOT NULL,
    uses BIGINT NOT NULL,
    PRIMARY KEY (secret_id, span, began_at)
);
CREATE INDEX secret_counts_age ON secret_counts (span, began_at);

-- From where a secret was used; an empty address stands for all those that were too many.
CREATE TABLE secret_addresses (
    secret_id TEXT NOT NULL,
    ip TEXT NOT NULL,
    uses BIGINT NOT NULL,
    first_at BIGINT NOT NULL,
    last_at BIGINT NOT NULL,
    PRIMARY KEY (secret_id, ip)
);
CREATE INDEX secret_addresses_last ON secret_addresses (last_at);

-- Which scopes were asked for, and since when they could be: `granted_at` is not known of older ones. Scopes of OpenID
-- Connect belong to no API.
CREATE TABLE scopes_asked (
    client_id TEXT NOT NULL,
    api_id TEXT NOT NULL,
    value TEXT NOT NULL,
    granted_at BIGINT,
    first_at BIGINT,
    last_at BIGINT,
    times BIGINT NOT NULL,
    PRIMARY KEY (client_id, api_id, value)
);

CREATE TABLE redirects_used (
    client_id TEXT NOT NULL,
    redirect_uri TEXT NOT NULL,
    first_at BIGINT NOT NULL,
    last_at BIGINT NOT NULL,
    times BIGINT NOT NULL,
    PRIMARY KEY (client_id, redirect_uri)
);

-- Requests that were refused, by the hour.
CREATE TABLE client_failures (
    client_id TEXT NOT NULL,
    org_id TEXT NOT NULL,
    place TEXT NOT NULL,
    error TEXT NOT NULL,
    began_at BIGINT NOT NULL,
    last_at BIGINT NOT NULL,
    times BIGINT NOT NULL,
    PRIMARY KEY (client_id, place, error, began_at)
);
CREATE INDEX client_failures_org ON client_failures (org_id, began_at);
CREATE INDEX client_failures_age ON client_failures (began_at);

-- Who still tries a client that is disabled.
CREATE TABLE client_attempts (
    client_id TEXT PRIMARY KEY,
    first_at BIGINT NOT NULL,
    last_at BIGINT NOT NULL,
    last_ip TEXT NOT NULL,
    times BIGINT NOT NULL
);

-- How many access tokens are out, by what decides whether they still count: whose they are and of which epoch, when they
-- expire, for which API and scopes, and on which grant they stand (none where a client acts for itself). Scopes are
-- sorted; the digest of them is part of the key because a list can be long. A token that is taken back is one less.
CREATE TABLE tokens_out (
    client_id TEXT NOT NULL,
    epoch BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    format TEXT NOT NULL,
    api_id TEXT NOT NULL,
    scopes_digest TEXT NOT NULL,
    grant_id TEXT NOT NULL,
    scopes TEXT NOT NULL,
    tokens BIGINT NOT NULL,
    PRIMARY KEY (client_id, epoch, expires_at, format, api_id, scopes_digest, grant_id)
);
CREATE INDEX tokens_out_expiry ON tokens_out (expires_at);

-- Of tokens that were counted before, API and scopes are not known.
INSERT INTO tokens_out (client_id, epoch, expires_at, format, api_id, scopes_digest, grant_id, scopes, tokens)
    SELECT client_id, epoch, expires_at, format, '', '', '', '', tokens FROM issued_tokens;
DROP TABLE issued_tokens;
