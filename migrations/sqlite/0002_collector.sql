-- Since when nothing refers to a row, as far as the collector has seen; NULL while something does.
ALTER TABLE repository_blobs ADD COLUMN unreferenced_ms BIGINT;
ALTER TABLE manifests ADD COLUMN unreferenced_ms BIGINT;

-- When a blob was found damaged: from then on it is as good as not there, until it is pushed again.
ALTER TABLE blobs ADD COLUMN damaged_ms BIGINT;

-- 'personal' tokens are made by people; 'refresh' tokens by `docker login`, good at /token alone.
ALTER TABLE access_tokens ADD COLUMN kind VARCHAR(8) NOT NULL DEFAULT 'personal';

CREATE INDEX repositories_by_visibility ON repositories (visibility, name);
CREATE INDEX uploads_by_update ON uploads (updated_ms);
CREATE INDEX outbox_by_time ON outbox (created_ms);
