-- When the manifest that this one names as its subject was deleted; NULL for one whose subject is there,
-- or never was.
ALTER TABLE manifests ADD COLUMN subject_gone_ms BIGINT;

-- Until now, the mark was the only trace of that.
UPDATE manifests SET subject_gone_ms = unreferenced_ms
WHERE subject IS NOT NULL AND unreferenced_ms IS NOT NULL;
