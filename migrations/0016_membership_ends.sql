-- When somebody last left an organisation. What apps of the instance got for them before does not act there again when they
-- come back.
CREATE TABLE membership_ends (
    org_id TEXT NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    ended_at BIGINT NOT NULL,
    PRIMARY KEY (org_id, user_id)
);
