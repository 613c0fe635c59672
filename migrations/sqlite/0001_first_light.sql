-- Times are Unix milliseconds, ids are UUIDv7 text, digests and tags compare byte-wise.

CREATE TABLE settings (
    name VARCHAR(64) NOT NULL PRIMARY KEY,
    value BLOB NOT NULL
);

CREATE TABLE users (
    id VARCHAR(36) NOT NULL PRIMARY KEY,
    name VARCHAR(39) NOT NULL UNIQUE,
    email VARCHAR(254),
    password_hash VARCHAR(255) NOT NULL,
    is_admin BIGINT NOT NULL,
    created_ms BIGINT NOT NULL
);

CREATE TABLE sessions (
    id VARCHAR(40) NOT NULL PRIMARY KEY,
    data BLOB NOT NULL,
    expires_ms BIGINT NOT NULL
);
CREATE INDEX sessions_by_expiry ON sessions (expires_ms);

CREATE TABLE access_tokens (
    id VARCHAR(36) NOT NULL PRIMARY KEY,
    user_id VARCHAR(36) NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    name VARCHAR(100) NOT NULL,
    secret_hash VARCHAR(64) NOT NULL UNIQUE,
    created_ms BIGINT NOT NULL,
    last_used_ms BIGINT
);
CREATE INDEX access_tokens_by_user ON access_tokens (user_id, created_ms);

CREATE TABLE repositories (
    id VARCHAR(36) NOT NULL PRIMARY KEY,
    name VARCHAR(255) NOT NULL UNIQUE,
    owner_id VARCHAR(36) NOT NULL REFERENCES users (id),
    visibility VARCHAR(7) NOT NULL,
    description VARCHAR(400) NOT NULL,
    readme TEXT NOT NULL,
    created_ms BIGINT NOT NULL,
    pushed_ms BIGINT
);
CREATE INDEX repositories_by_owner ON repositories (owner_id, name);
CREATE INDEX repositories_by_push ON repositories (visibility, pushed_ms);

CREATE TABLE blobs (
    digest VARCHAR(136) NOT NULL PRIMARY KEY,
    size_bytes BIGINT NOT NULL,
    location VARCHAR(64) NOT NULL UNIQUE,
    created_ms BIGINT NOT NULL,
    seen_ms BIGINT NOT NULL
);

CREATE TABLE repository_blobs (
    repository_id VARCHAR(36) NOT NULL REFERENCES repositories (id) ON DELETE CASCADE,
    digest VARCHAR(136) NOT NULL REFERENCES blobs (digest),
    linked_ms BIGINT NOT NULL,
    PRIMARY KEY (repository_id, digest)
);
CREATE INDEX repository_blobs_by_digest ON repository_blobs (digest);

CREATE TABLE uploads (
    id VARCHAR(36) NOT NULL PRIMARY KEY,
    repository_id VARCHAR(36) NOT NULL REFERENCES repositories (id) ON DELETE CASCADE,
    user_id VARCHAR(36) NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    location VARCHAR(64) NOT NULL UNIQUE,
    offset_bytes BIGINT NOT NULL,
    hash_state BLOB NOT NULL,
    started_ms BIGINT NOT NULL,
    updated_ms BIGINT NOT NULL
);

CREATE TABLE manifests (
    repository_id VARCHAR(36) NOT NULL REFERENCES repositories (id) ON DELETE CASCADE,
    digest VARCHAR(136) NOT NULL,
    media_type VARCHAR(255) NOT NULL,
    artifact_type VARCHAR(255),
    subject VARCHAR(136),
    size_bytes BIGINT NOT NULL,
    pushed_ms BIGINT NOT NULL,
    pushed_by VARCHAR(36),
    body BLOB NOT NULL,
    PRIMARY KEY (repository_id, digest)
);
CREATE INDEX manifests_by_subject ON manifests (repository_id, subject);

CREATE TABLE manifest_references (
    repository_id VARCHAR(36) NOT NULL,
    manifest VARCHAR(136) NOT NULL,
    position BIGINT NOT NULL,
    kind VARCHAR(8) NOT NULL,
    digest VARCHAR(136) NOT NULL,
    PRIMARY KEY (repository_id, manifest, position),
    FOREIGN KEY (repository_id, manifest) REFERENCES manifests (repository_id, digest) ON DELETE CASCADE
);
CREATE INDEX manifest_references_by_digest ON manifest_references (repository_id, digest);

CREATE TABLE tags (
    repository_id VARCHAR(36) NOT NULL,
    name VARCHAR(128) NOT NULL,
    digest VARCHAR(136) NOT NULL,
    pushed_ms BIGINT NOT NULL,
    pushed_by VARCHAR(36),
    PRIMARY KEY (repository_id, name),
    FOREIGN KEY (repository_id, digest) REFERENCES manifests (repository_id, digest) ON DELETE CASCADE
);
CREATE INDEX tags_by_digest ON tags (repository_id, digest);
CREATE INDEX tags_by_push ON tags (repository_id, pushed_ms);

-- Which blob an uncompressed layer became; only for diff ids that the server computed itself.
CREATE TABLE layers (
    diff_id VARCHAR(136) NOT NULL PRIMARY KEY,
    digest VARCHAR(136) NOT NULL REFERENCES blobs (digest) ON DELETE CASCADE
);

-- What the search index has yet to see, in order.
CREATE TABLE outbox (
    sequence INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    repository_id VARCHAR(36) NOT NULL,
    created_ms BIGINT NOT NULL
);
