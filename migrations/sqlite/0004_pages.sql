-- What people see of a user.
ALTER TABLE users ADD COLUMN display_name VARCHAR(100) NOT NULL DEFAULT '';
ALTER TABLE users ADD COLUMN about VARCHAR(400) NOT NULL DEFAULT '';

-- Whose a session is, so that its user can see and end it.
ALTER TABLE sessions ADD COLUMN user_id VARCHAR(36) REFERENCES users (id) ON DELETE CASCADE;
ALTER TABLE sessions ADD COLUMN client VARCHAR(200) NOT NULL DEFAULT '';
ALTER TABLE sessions ADD COLUMN created_ms BIGINT NOT NULL DEFAULT 0;
ALTER TABLE sessions ADD COLUMN seen_ms BIGINT NOT NULL DEFAULT 0;
CREATE INDEX sessions_by_user ON sessions (user_id, seen_ms);

-- How far a token reaches ('read', 'write', 'all') and until when; NULL: until it is revoked.
ALTER TABLE access_tokens ADD COLUMN reach VARCHAR(5) NOT NULL DEFAULT 'all';
ALTER TABLE access_tokens ADD COLUMN expires_ms BIGINT;

-- Counts and facts of lists, kept with each change, so that a list costs one query.
ALTER TABLE repositories ADD COLUMN tag_count BIGINT NOT NULL DEFAULT 0;
ALTER TABLE repositories ADD COLUMN stars BIGINT NOT NULL DEFAULT 0;
ALTER TABLE repositories ADD COLUMN pulls BIGINT NOT NULL DEFAULT 0;
ALTER TABLE repositories ADD COLUMN pulled_ms BIGINT;
ALTER TABLE repositories ADD COLUMN stored_bytes BIGINT NOT NULL DEFAULT 0;
-- Platforms of what was tagged last, 'linux/amd64,linux/arm64'.
ALTER TABLE repositories ADD COLUMN platforms VARCHAR(400) NOT NULL DEFAULT '';
UPDATE repositories SET
    tag_count = (SELECT COUNT(*) FROM tags t WHERE t.repository_id = repositories.id),
    stored_bytes = (
        SELECT COALESCE(SUM(b.size_bytes), 0)
        FROM repository_blobs rb
        JOIN blobs b ON b.digest = rb.digest
        WHERE rb.repository_id = repositories.id
    );
CREATE INDEX repositories_by_pulls ON repositories (visibility, pulls);
CREATE INDEX repositories_by_owner_and_push ON repositories (owner_id, pushed_ms);

ALTER TABLE manifests ADD COLUMN platforms VARCHAR(400) NOT NULL DEFAULT '';
ALTER TABLE manifests ADD COLUMN pulled_ms BIGINT;

-- Names that repositories had: they lead to the new one until somebody takes them.
CREATE TABLE former_names (
    name VARCHAR(255) NOT NULL PRIMARY KEY,
    repository_id VARCHAR(36) NOT NULL REFERENCES repositories (id) ON DELETE CASCADE,
    renamed_ms BIGINT NOT NULL
);
CREATE INDEX former_names_by_repository ON former_names (repository_id);

CREATE TABLE stars (
    user_id VARCHAR(36) NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    repository_id VARCHAR(36) NOT NULL REFERENCES repositories (id) ON DELETE CASCADE,
    starred_ms BIGINT NOT NULL,
    PRIMARY KEY (user_id, repository_id)
);
CREATE INDEX stars_by_repository ON stars (repository_id);

-- Pulls of a repository on a day, counted in days since 1970 (UTC).
CREATE TABLE pulls (
    repository_id VARCHAR(36) NOT NULL REFERENCES repositories (id) ON DELETE CASCADE,
    day BIGINT NOT NULL,
    pulls BIGINT NOT NULL,
    PRIMARY KEY (repository_id, day)
);

-- What a tag pointed to, since when: one row a move. A tag that was deleted points to nothing.
CREATE TABLE tag_moves (
    repository_id VARCHAR(36) NOT NULL REFERENCES repositories (id) ON DELETE CASCADE,
    tag VARCHAR(128) NOT NULL,
    moved_ms BIGINT NOT NULL,
    kind VARCHAR(7) NOT NULL,
    digest VARCHAR(136),
    moved_by VARCHAR(36),
    PRIMARY KEY (repository_id, tag, moved_ms)
);
CREATE INDEX tag_moves_by_time ON tag_moves (repository_id, moved_ms);
INSERT INTO tag_moves (repository_id, tag, moved_ms, kind, digest, moved_by)
SELECT repository_id, name, pushed_ms, 'push', digest, pushed_by FROM tags;

-- Sorts as people sort versions; made by the program (`Tag::version_key`), filled in at the start where empty.
ALTER TABLE tags ADD COLUMN version_key VARCHAR(600) NOT NULL DEFAULT '';
CREATE INDEX tags_by_version ON tags (repository_id, version_key);
