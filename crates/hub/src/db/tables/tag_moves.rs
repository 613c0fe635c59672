//! The table `tag_moves`: what each tag pointed to, since when, and who moved it.

use dockyard_oci::{Digest, Tag};

use super::{column_to_bytes, parse, parse_optional};
use crate::Id;
use crate::db::{Db, DbError, Tx, row, values};
use crate::images::{Move, MoveKind};

/// A move to be written.
pub(crate) struct NewMove<'a> {
    pub repository_id: Id,
    pub tag: &'a Tag,
    pub kind: MoveKind,
    /// What the tag points to now; `None` when it was deleted.
    pub digest: Option<&'a Digest>,
    pub moved_ms: i64,
    pub moved_by: Option<&'a Id>,
}

/// Writes a move. Of several within a millisecond each further one gets the next, so that none is lost and their order
/// stays.
pub(crate) async fn insert(tx: &mut Tx, new: NewMove<'_>) -> Result<(), DbError> {
    let sql = "INSERT INTO tag_moves (repository_id, tag, moved_ms, kind, digest, moved_by)
        SELECT ?, ?, CASE WHEN MAX(moved_ms) >= ? THEN MAX(moved_ms) + 1 ELSE ? END, ?, ?, ?
        FROM tag_moves WHERE repository_id = ? AND tag = ?";
    let values = values![
        &new.repository_id,
        new.tag,
        new.moved_ms,
        new.moved_ms,
        new.kind.as_str(),
        new.digest,
        new.moved_by,
        &new.repository_id,
        new.tag
    ];
    tx.execute(sql, values).await?;
    Ok(())
}

/// Notes the end of every tag that points to a manifest.
pub(crate) async fn insert_ends(
    tx: &mut Tx,
    repository_id: Id,
    digest: &Digest,
    moved_ms: i64,
    moved_by: Option<&Id>,
) -> Result<(), DbError> {
    let sql = "INSERT INTO tag_moves (repository_id, tag, moved_ms, kind, digest, moved_by)
        SELECT t.repository_id, t.name, (
                SELECT CASE WHEN MAX(v.moved_ms) >= ? THEN MAX(v.moved_ms) + 1 ELSE ? END
                FROM tag_moves v WHERE v.repository_id = t.repository_id AND v.tag = t.name
            ), 'delete', NULL, ?
        FROM tags t
        WHERE t.repository_id = ? AND t.digest = ?";
    let values = values![moved_ms, moved_ms, moved_by, &repository_id, digest];
    tx.execute(sql, values).await?;
    Ok(())
}

row! {
    struct MoveRow {
        tag: String,
        moved_ms: i64,
        kind: String,
        digest: Option<String>,
        moved_by: Option<String>,
        size_bytes: Option<i64>,
    }
}

impl MoveRow {
    fn into_move(self) -> Result<Move, DbError> {
        Ok(Move {
            tag: parse(&self.tag)?,
            moved_ms: self.moved_ms,
            kind: MoveKind::of(&self.kind),
            digest: parse_optional(self.digest.as_deref())?,
            moved_by: parse_optional(self.moved_by.as_deref())?,
            kept_bytes: self.size_bytes.map(column_to_bytes),
        })
    }
}

/// The columns of a move; `size_bytes` is NULL when the manifest is not kept any more.
macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT v.tag, v.moved_ms, v.kind, v.digest, u.name AS moved_by, m.size_bytes
        FROM tag_moves v
        LEFT JOIN users u ON u.id = v.moved_by
        LEFT JOIN manifests m ON m.repository_id = v.repository_id AND m.digest = v.digest ",
            $rest
        )
    };
}

/// Lists the moves of one tag, newest first, from before `before_ms`.
pub(crate) async fn list_of_tag(
    db: &Db,
    repository_id: Id,
    tag: &Tag,
    before_ms: i64,
    limit: u32,
) -> Result<Vec<Move>, DbError> {
    let sql = select!(
        "WHERE v.repository_id = ? AND v.tag = ? AND v.moved_ms < ?
        ORDER BY v.moved_ms DESC
        LIMIT ?"
    );
    let rows = db.all::<MoveRow>(sql, values![&repository_id, tag, before_ms, limit]);
    rows.await?.into_iter().map(MoveRow::into_move).collect()
}

/// Lists the moves of a repository's tags, newest first, from before a time and tag.
pub(crate) async fn list(
    db: &Db,
    repository_id: Id,
    before: (i64, &str),
    limit: u32,
) -> Result<Vec<Move>, DbError> {
    let sql = select!(
        "WHERE v.repository_id = ? AND v.moved_ms <= ?
            AND (v.moved_ms < ? OR v.tag < ?)
        ORDER BY v.moved_ms DESC, v.tag DESC
        LIMIT ?"
    );
    let (ms, tag) = before;
    let rows = db.all::<MoveRow>(sql, values![&repository_id, ms, ms, tag, limit]);
    rows.await?.into_iter().map(MoveRow::into_move).collect()
}

/// Tells whether a tag pointed to a digest at some time.
pub(crate) async fn has_been(
    tx: &mut Tx,
    repository_id: Id,
    tag: &Tag,
    digest: &Digest,
) -> Result<bool, DbError> {
    let sql = "SELECT moved_ms FROM tag_moves
        WHERE repository_id = ? AND tag = ? AND digest = ?
        LIMIT 1";
    let row = tx.optional::<(i64,)>(sql, values![&repository_id, tag, digest]);
    Ok(row.await?.is_some())
}

row! {
    struct NewsRow {
        repository: String,
        ..moved: MoveRow,
    }
}

/// Lists what happened since `since_ms` in the repositories that a user owns or starred and may see,
/// newest first.
pub(crate) async fn list_news(
    db: &Db,
    user_id: Id,
    since_ms: i64,
    limit: u32,
) -> Result<Vec<(dockyard_oci::RepositoryName, Move)>, DbError> {
    // Only a repository that was pushed to lately has news: `limit` of them are enough to look at.
    let sql = "SELECT r.name AS repository, v.tag, v.moved_ms, v.kind, v.digest,
            u.name AS moved_by, m.size_bytes
        FROM (
            SELECT id, name FROM (
                SELECT id, name, pushed_ms FROM repositories
                WHERE owner_id = ? AND pushed_ms IS NOT NULL
                ORDER BY pushed_ms DESC
                LIMIT ?
            ) own
            UNION
            SELECT id, name FROM (
                SELECT s.id, s.name, s.pushed_ms
                FROM stars st
                JOIN repositories s ON s.id = st.repository_id
                WHERE st.user_id = ? AND (s.visibility = 'public' OR s.owner_id = ?)
                    AND s.pushed_ms IS NOT NULL
                ORDER BY s.pushed_ms DESC
                LIMIT ?
            ) starred
        ) r
        JOIN tag_moves v ON v.repository_id = r.id AND v.moved_ms >= ?
        LEFT JOIN users u ON u.id = v.moved_by
        LEFT JOIN manifests m ON m.repository_id = v.repository_id AND m.digest = v.digest
        ORDER BY v.moved_ms DESC, v.tag DESC
        LIMIT ?";
    let values = values![&user_id, limit, &user_id, &user_id, limit, since_ms, limit];
    let rows = db.all::<NewsRow>(sql, values).await?;
    rows.into_iter()
        .map(|row| Ok((parse(&row.repository)?, row.moved.into_move()?)))
        .collect()
}
