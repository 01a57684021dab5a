-- What was taken away and is given again is another thing under the same name. Each organisation has a number that only
-- rises: it is drawn whenever a client is cut off, and whenever something is granted that was not granted before. A token,
-- a grant and a consent name the number of their client when they were made; they hold a scope only if it was granted at
-- that number or before. What is stored already has number 0 and counts until it is taken away.

ALTER TABLE organizations ADD COLUMN incarnation BIGINT NOT NULL DEFAULT 1;
-- Not below the epoch of any of its clients: epochs are drawn from it from now on.
UPDATE organizations SET incarnation = (SELECT MAX(c.epoch) FROM clients c WHERE c.org_id = organizations.id)
    WHERE EXISTS (SELECT 1 FROM clients c WHERE c.org_id = organizations.id);

-- When a client was granted a scope.
ALTER TABLE client_scopes ADD COLUMN since BIGINT NOT NULL DEFAULT 0;

-- The same of scopes of OpenID Connect that were granted after the client was made.
CREATE TABLE client_openid_scopes (
    client_id TEXT NOT NULL REFERENCES clients (client_id) ON DELETE CASCADE,
    value TEXT NOT NULL,
    since BIGINT NOT NULL,
    PRIMARY KEY (client_id, value)
);

-- When a scope was made, and since when it comes with another one, where that was after its API was made.
ALTER TABLE scopes ADD COLUMN since BIGINT NOT NULL DEFAULT 0;
CREATE TABLE scope_implications (
    api_id TEXT NOT NULL,
    value TEXT NOT NULL,
    implied TEXT NOT NULL,
    since BIGINT NOT NULL,
    PRIMARY KEY (api_id, value, implied),
    FOREIGN KEY (api_id, value) REFERENCES scopes (api_id, value) ON DELETE CASCADE
);

-- The number of the client when each of the scopes was allowed, in their order; none are 0.
ALTER TABLE consents ADD COLUMN incarnations TEXT NOT NULL DEFAULT '';

-- The audience of an API that was deleted: only the organisation that had it may make it anew.
CREATE TABLE audience_tombstones (
    audience TEXT PRIMARY KEY,
    org_id TEXT NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    deleted_at BIGINT NOT NULL
);
