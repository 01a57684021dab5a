-- Nothing is forgotten because one clock said so once.

-- For how many milliseconds programs have been seen to run on this database, by clocks that only go forward. It never
-- goes faster than time itself.
INSERT INTO counters (name, value) VALUES ('running', 0);

-- The earliest time that the clock showed in each of the last hours of running. What every one of them says is past may
-- be forgotten; while there are too few of them, nothing.
CREATE TABLE clock_readings (
    hour BIGINT PRIMARY KEY,
    earliest BIGINT NOT NULL
);
