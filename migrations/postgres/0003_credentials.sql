-- Counts the changes of a user's password. A session or a token is good while it has its user's count.
ALTER TABLE users ADD COLUMN generation BIGINT NOT NULL DEFAULT 0;
ALTER TABLE access_tokens ADD COLUMN generation BIGINT NOT NULL DEFAULT 0;
ALTER TABLE sessions ADD COLUMN generation BIGINT NOT NULL DEFAULT 0;

-- `id` is the SHA-256 of what the cookie holds, in hex. Sessions from before, kept as the cookie has them, end.
DELETE FROM sessions;

-- The set-up key, which was kept as it is; each start makes a new one.
DELETE FROM settings WHERE name = 'setup_key';
ALTER TABLE sessions ALTER COLUMN id TYPE VARCHAR(64) COLLATE "C";

-- Names of accounts that were deleted: nobody else gets them.
CREATE TABLE former_users (
    name VARCHAR(39) COLLATE "C" NOT NULL PRIMARY KEY,
    deleted_ms BIGINT NOT NULL
);

-- What a user has under way is counted when one more begins.
CREATE INDEX uploads_by_user ON uploads (user_id);

-- Wrong passwords by name and network, and by name, as hashes: until when they count.
CREATE TABLE wrong_passwords (
    id VARCHAR(64) COLLATE "C" NOT NULL PRIMARY KEY,
    full_ms BIGINT NOT NULL
);
CREATE INDEX wrong_passwords_by_time ON wrong_passwords (full_ms);
