-- Counts the changes of a user's password. A session or a token is good while it has its user's count.
ALTER TABLE users ADD COLUMN generation BIGINT NOT NULL DEFAULT 0;
ALTER TABLE access_tokens ADD COLUMN generation BIGINT NOT NULL DEFAULT 0;
ALTER TABLE sessions ADD COLUMN generation BIGINT NOT NULL DEFAULT 0;

-- `id` is the SHA-256 of what the cookie holds, in hex. Sessions from before, kept as the cookie has them, end.
DELETE FROM sessions;

-- The set-up key, which was kept as it is; each start makes a new one.
DELETE FROM settings WHERE name = 'setup_key';
ALTER TABLE sessions MODIFY id VARCHAR(64) CHARACTER SET ascii COLLATE ascii_nopad_bin NOT NULL;

-- Names of accounts that were deleted: nobody else gets them.
CREATE TABLE former_users (
    name VARCHAR(39) CHARACTER SET ascii COLLATE ascii_nopad_bin NOT NULL PRIMARY KEY,
    deleted_ms BIGINT NOT NULL
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin;

-- What a user has under way is counted when one more begins.
CREATE INDEX uploads_by_user ON uploads (user_id);

-- Wrong passwords by name and network, and by name, as hashes: until when they count.
CREATE TABLE wrong_passwords (
    id VARCHAR(64) CHARACTER SET ascii COLLATE ascii_nopad_bin NOT NULL PRIMARY KEY,
    full_ms BIGINT NOT NULL
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin;
CREATE INDEX wrong_passwords_by_time ON wrong_passwords (full_ms);
