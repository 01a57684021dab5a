-- A session that was begun before the password or a second factor of its person was changed elsewhere does not count as
-- fresh until its person has proven anew who they are.
ALTER TABLE sessions ADD COLUMN demoted BOOLEAN NOT NULL DEFAULT FALSE;
