-- The same tables as in ../sqlite, in MariaDB's words. What is ASCII by its nature is stored as such, so that it can be
-- a key; `nopad_bin` compares byte-wise and does not ignore spaces at the end.
-- Times are Unix milliseconds, ids are UUIDv7 text, digests and tags compare byte-wise.

CREATE TABLE settings (
    name VARCHAR(64) CHARACTER SET ascii COLLATE ascii_nopad_bin NOT NULL PRIMARY KEY,
    value LONGBLOB NOT NULL
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin;

CREATE TABLE users (
    id VARCHAR(36) CHARACTER SET ascii COLLATE ascii_nopad_bin NOT NULL PRIMARY KEY,
    name VARCHAR(39) CHARACTER SET ascii COLLATE ascii_nopad_bin NOT NULL UNIQUE,
    email VARCHAR(254),
    password_hash VARCHAR(255) CHARACTER SET ascii COLLATE ascii_nopad_bin NOT NULL,
    is_admin BIGINT NOT NULL,
    created_ms BIGINT NOT NULL,
    display_name VARCHAR(100) NOT NULL DEFAULT '',
    about VARCHAR(400) NOT NULL DEFAULT ''
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin;

-- `user_id` says whose a session is, so that its user can see and end it.
CREATE TABLE sessions (
    id VARCHAR(40) CHARACTER SET ascii COLLATE ascii_nopad_bin NOT NULL PRIMARY KEY,
    data LONGBLOB NOT NULL,
    expires_ms BIGINT NOT NULL,
    user_id VARCHAR(36) CHARACTER SET ascii COLLATE ascii_nopad_bin REFERENCES users (id) ON DELETE CASCADE,
    client VARCHAR(200) NOT NULL DEFAULT '',
    created_ms BIGINT NOT NULL DEFAULT 0,
    seen_ms BIGINT NOT NULL DEFAULT 0
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin;
CREATE INDEX sessions_by_expiry ON sessions (expires_ms);
CREATE INDEX sessions_by_user ON sessions (user_id, seen_ms);

-- `kind`: 'personal' tokens are made by people, 'refresh' tokens by `docker login`, good at /token alone.
-- `reach`: 'read', 'write' or 'all'. `expires_ms`: NULL until it is revoked.
CREATE TABLE access_tokens (
    id VARCHAR(36) CHARACTER SET ascii COLLATE ascii_nopad_bin NOT NULL PRIMARY KEY,
    user_id VARCHAR(36) CHARACTER SET ascii COLLATE ascii_nopad_bin NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    name VARCHAR(100) NOT NULL,
    secret_hash VARCHAR(64) CHARACTER SET ascii COLLATE ascii_nopad_bin NOT NULL UNIQUE,
    created_ms BIGINT NOT NULL,
    last_used_ms BIGINT,
    kind VARCHAR(8) CHARACTER SET ascii COLLATE ascii_nopad_bin NOT NULL DEFAULT 'personal',
    reach VARCHAR(5) CHARACTER SET ascii COLLATE ascii_nopad_bin NOT NULL DEFAULT 'all',
    expires_ms BIGINT
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin;
CREATE INDEX access_tokens_by_user ON access_tokens (user_id, created_ms);

-- Counts and facts of lists are kept with each change, so that a list costs one query.
-- `platforms`: of what was tagged last, 'linux/amd64,linux/arm64'.
CREATE TABLE repositories (
    id VARCHAR(36) CHARACTER SET ascii COLLATE ascii_nopad_bin NOT NULL PRIMARY KEY,
    name VARCHAR(255) CHARACTER SET ascii COLLATE ascii_nopad_bin NOT NULL UNIQUE,
    owner_id VARCHAR(36) CHARACTER SET ascii COLLATE ascii_nopad_bin NOT NULL REFERENCES users (id),
    visibility VARCHAR(7) CHARACTER SET ascii COLLATE ascii_nopad_bin NOT NULL,
    description VARCHAR(400) NOT NULL,
    readme MEDIUMTEXT NOT NULL,
    created_ms BIGINT NOT NULL,
    pushed_ms BIGINT,
    tag_count BIGINT NOT NULL DEFAULT 0,
    stars BIGINT NOT NULL DEFAULT 0,
    pulls BIGINT NOT NULL DEFAULT 0,
    pulled_ms BIGINT,
    stored_bytes BIGINT NOT NULL DEFAULT 0,
    platforms VARCHAR(400) CHARACTER SET ascii COLLATE ascii_nopad_bin NOT NULL DEFAULT ''
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin;
CREATE INDEX repositories_by_owner ON repositories (owner_id, name);
CREATE INDEX repositories_by_owner_and_push ON repositories (owner_id, pushed_ms);
CREATE INDEX repositories_by_push ON repositories (visibility, pushed_ms);
CREATE INDEX repositories_by_pulls ON repositories (visibility, pulls);
CREATE INDEX repositories_by_visibility ON repositories (visibility, name);

-- Names that repositories had: they lead to the new one until somebody takes them.
CREATE TABLE former_names (
    name VARCHAR(255) CHARACTER SET ascii COLLATE ascii_nopad_bin NOT NULL PRIMARY KEY,
    repository_id VARCHAR(36) CHARACTER SET ascii COLLATE ascii_nopad_bin NOT NULL REFERENCES repositories (id) ON DELETE CASCADE,
    renamed_ms BIGINT NOT NULL
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin;
CREATE INDEX former_names_by_repository ON former_names (repository_id);

CREATE TABLE stars (
    user_id VARCHAR(36) CHARACTER SET ascii COLLATE ascii_nopad_bin NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    repository_id VARCHAR(36) CHARACTER SET ascii COLLATE ascii_nopad_bin NOT NULL REFERENCES repositories (id) ON DELETE CASCADE,
    starred_ms BIGINT NOT NULL,
    PRIMARY KEY (user_id, repository_id)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin;
CREATE INDEX stars_by_repository ON stars (repository_id);

-- Pulls of a repository on a day, counted in days since 1970 (UTC).
CREATE TABLE pulls (
    repository_id VARCHAR(36) CHARACTER SET ascii COLLATE ascii_nopad_bin NOT NULL REFERENCES repositories (id) ON DELETE CASCADE,
    day BIGINT NOT NULL,
    pulls BIGINT NOT NULL,
    PRIMARY KEY (repository_id, day)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin;

-- `damaged_ms`: when a blob was found damaged; from then on it is as good as not there, until it is pushed again.
CREATE TABLE blobs (
    digest VARCHAR(136) CHARACTER SET ascii COLLATE ascii_nopad_bin NOT NULL PRIMARY KEY,
    size_bytes BIGINT NOT NULL,
    location VARCHAR(64) CHARACTER SET ascii COLLATE ascii_nopad_bin NOT NULL UNIQUE,
    created_ms BIGINT NOT NULL,
    seen_ms BIGINT NOT NULL,
    damaged_ms BIGINT
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin;

-- `unreferenced_ms`, here and with manifests: since when nothing refers to a row, as far as the collector has seen;
-- NULL while something does.
CREATE TABLE repository_blobs (
    repository_id VARCHAR(36) CHARACTER SET ascii COLLATE ascii_nopad_bin NOT NULL REFERENCES repositories (id) ON DELETE CASCADE,
    digest VARCHAR(136) CHARACTER SET ascii COLLATE ascii_nopad_bin NOT NULL REFERENCES blobs (digest),
    linked_ms BIGINT NOT NULL,
    unreferenced_ms BIGINT,
    PRIMARY KEY (repository_id, digest)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin;
CREATE INDEX repository_blobs_by_digest ON repository_blobs (digest);

-- Which layer is inside a blob, as the server saw when it compressed or unpacked it. It spares work and may be empty.
CREATE TABLE layers (
    digest VARCHAR(136) CHARACTER SET ascii COLLATE ascii_nopad_bin NOT NULL PRIMARY KEY REFERENCES blobs (digest) ON DELETE CASCADE,
    diff_id VARCHAR(136) CHARACTER SET ascii COLLATE ascii_nopad_bin,
    media_type VARCHAR(255) CHARACTER SET ascii COLLATE ascii_nopad_bin NOT NULL
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin;
CREATE INDEX layers_by_diff_id ON layers (diff_id);

CREATE TABLE uploads (
    id VARCHAR(36) CHARACTER SET ascii COLLATE ascii_nopad_bin NOT NULL PRIMARY KEY,
    repository_id VARCHAR(36) CHARACTER SET ascii COLLATE ascii_nopad_bin NOT NULL REFERENCES repositories (id) ON DELETE CASCADE,
    user_id VARCHAR(36) CHARACTER SET ascii COLLATE ascii_nopad_bin NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    location VARCHAR(64) CHARACTER SET ascii COLLATE ascii_nopad_bin NOT NULL UNIQUE,
    offset_bytes BIGINT NOT NULL,
    hash_state LONGBLOB NOT NULL,
    started_ms BIGINT NOT NULL,
    updated_ms BIGINT NOT NULL
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin;
CREATE INDEX uploads_by_update ON uploads (updated_ms);

-- `subject_gone_ms`: when the manifest that this one names as its subject was deleted; NULL for one whose subject is
-- there, or never was.
CREATE TABLE manifests (
    repository_id VARCHAR(36) CHARACTER SET ascii COLLATE ascii_nopad_bin NOT NULL REFERENCES repositories (id) ON DELETE CASCADE,
    digest VARCHAR(136) CHARACTER SET ascii COLLATE ascii_nopad_bin NOT NULL,
    media_type VARCHAR(255) CHARACTER SET ascii COLLATE ascii_nopad_bin NOT NULL,
    artifact_type VARCHAR(255) CHARACTER SET ascii COLLATE ascii_nopad_bin,
    subject VARCHAR(136) CHARACTER SET ascii COLLATE ascii_nopad_bin,
    size_bytes BIGINT NOT NULL,
    pushed_ms BIGINT NOT NULL,
    pushed_by VARCHAR(36) CHARACTER SET ascii COLLATE ascii_nopad_bin,
    body LONGBLOB NOT NULL,
    unreferenced_ms BIGINT,
    subject_gone_ms BIGINT,
    platforms VARCHAR(400) CHARACTER SET ascii COLLATE ascii_nopad_bin NOT NULL DEFAULT '',
    pulled_ms BIGINT,
    PRIMARY KEY (repository_id, digest)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin;
CREATE INDEX manifests_by_subject ON manifests (repository_id, subject);

CREATE TABLE manifest_references (
    repository_id VARCHAR(36) CHARACTER SET ascii COLLATE ascii_nopad_bin NOT NULL,
    manifest VARCHAR(136) CHARACTER SET ascii COLLATE ascii_nopad_bin NOT NULL,
    position BIGINT NOT NULL,
    kind VARCHAR(8) CHARACTER SET ascii COLLATE ascii_nopad_bin NOT NULL,
    digest VARCHAR(136) CHARACTER SET ascii COLLATE ascii_nopad_bin NOT NULL,
    PRIMARY KEY (repository_id, manifest, position),
    FOREIGN KEY (repository_id, manifest) REFERENCES manifests (repository_id, digest) ON DELETE CASCADE
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin;
CREATE INDEX manifest_references_by_digest ON manifest_references (repository_id, digest);

-- `version_key` sorts as people sort versions; the program makes it (`Tag::version_key`).
CREATE TABLE tags (
    repository_id VARCHAR(36) CHARACTER SET ascii COLLATE ascii_nopad_bin NOT NULL,
    name VARCHAR(128) CHARACTER SET ascii COLLATE ascii_nopad_bin NOT NULL,
    digest VARCHAR(136) CHARACTER SET ascii COLLATE ascii_nopad_bin NOT NULL,
    pushed_ms BIGINT NOT NULL,
    pushed_by VARCHAR(36) CHARACTER SET ascii COLLATE ascii_nopad_bin,
    version_key VARCHAR(600) CHARACTER SET ascii COLLATE ascii_nopad_bin NOT NULL,
    PRIMARY KEY (repository_id, name),
    FOREIGN KEY (repository_id, digest) REFERENCES manifests (repository_id, digest) ON DELETE CASCADE
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin;
CREATE INDEX tags_by_digest ON tags (repository_id, digest);
CREATE INDEX tags_by_push ON tags (repository_id, pushed_ms);
CREATE INDEX tags_by_version ON tags (repository_id, version_key);

-- What a tag pointed to, since when: one row a move. A tag that was deleted points to nothing.
CREATE TABLE tag_moves (
    repository_id VARCHAR(36) CHARACTER SET ascii COLLATE ascii_nopad_bin NOT NULL REFERENCES repositories (id) ON DELETE CASCADE,
    tag VARCHAR(128) CHARACTER SET ascii COLLATE ascii_nopad_bin NOT NULL,
    moved_ms BIGINT NOT NULL,
    kind VARCHAR(7) CHARACTER SET ascii COLLATE ascii_nopad_bin NOT NULL,
    digest VARCHAR(136) CHARACTER SET ascii COLLATE ascii_nopad_bin,
    moved_by VARCHAR(36) CHARACTER SET ascii COLLATE ascii_nopad_bin,
    PRIMARY KEY (repository_id, tag, moved_ms)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin;
CREATE INDEX tag_moves_by_time ON tag_moves (repository_id, moved_ms);

-- What the search index has yet to see, in order.
CREATE TABLE outbox (
    sequence BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
    repository_id VARCHAR(36) CHARACTER SET ascii COLLATE ascii_nopad_bin NOT NULL,
    created_ms BIGINT NOT NULL
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin;
CREATE INDEX outbox_by_time ON outbox (created_ms);
