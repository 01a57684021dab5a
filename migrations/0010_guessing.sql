-- Guesses in a row, counted for what is guessed, wherever they come from. The subject is the id of a person, the digest of
-- a user name that nobody has, or the digest of half a sign-in; the way is how one gets in there. The lane is empty for
-- everybody whom the account does not know, or the id of a browser that it knows. Whoever gets in starts it anew.
-- `due_at` waits for the person to hear of it; `told_at` is when they last did.
CREATE TABLE guess_counts (
    subject TEXT NOT NULL,
    way TEXT NOT NULL,
    lane TEXT NOT NULL,
    guesses BIGINT NOT NULL,
    opens_at BIGINT NOT NULL,
    last_at BIGINT NOT NULL,
    due_at BIGINT,
    told_at BIGINT,
    PRIMARY KEY (subject, way, lane)
);
CREATE INDEX guess_counts_last ON guess_counts (last_at);
CREATE INDEX guess_counts_due ON guess_counts (due_at) WHERE due_at IS NOT NULL;

-- The organisations hear of a network that was shut out a moment later, so that a user name that nobody has costs as much.
ALTER TABLE sign_in_failures ADD COLUMN due_at BIGINT;
CREATE INDEX sign_in_failures_due ON sign_in_failures (due_at) WHERE due_at IS NOT NULL;

-- Who typed the code that a device shows: nobody else answers for it.
ALTER TABLE device_codes ADD COLUMN user_id TEXT;
