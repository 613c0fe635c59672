-- Visibility of a repository that a push made, taken over with its first manifest; NULL afterwards. Lists show it to its
-- owner alone until then.
ALTER TABLE repositories ADD COLUMN becomes VARCHAR(7);
CREATE INDEX repositories_by_becoming ON repositories (becomes, created_ms);

-- Whether a layer was compressed by Dockyard itself: only then may others get it in place of the plain one.
ALTER TABLE layers ADD COLUMN made_here BIGINT NOT NULL DEFAULT 0;

-- A digest that somebody pastes into the search.
CREATE INDEX manifests_by_digest ON manifests (digest);
