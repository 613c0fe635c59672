//! The tables `manifests` and `manifest_references`.

use dockyard_oci::{Digest, Manifest, ManifestReference, MediaType, Tag};
use sqlx::FromRow;

use super::{bytes_to_column, parse};
use crate::Id;
use crate::db::{Db, DbError, Tx, values};
use crate::images::StoredManifest;

#[derive(FromRow)]
struct ManifestRow {
    digest: String,
    media_type: String,
    body: Vec<u8>,
}

impl ManifestRow {
    fn into_manifest(self) -> Result<StoredManifest, DbError> {
        Ok(StoredManifest {
            digest: parse(&self.digest)?,
            media_type: parse(&self.media_type)?,
            bytes: self.body.into(),
        })
    }
}

pub(crate) async fn find(
    db: &Db,
    repository_id: Id,
    digest: &Digest,
) -> Result<Option<StoredManifest>, DbError> {
    let sql = "SELECT digest, media_type, body
        FROM manifests
        WHERE repository_id = ? AND digest = ?";
    let row = db
        .optional::<ManifestRow>(sql, values![&repository_id, digest])
        .await?;
    row.map(ManifestRow::into_manifest).transpose()
}

pub(crate) async fn find_by_tag(
    db: &Db,
    repository_id: Id,
    tag: &Tag,
) -> Result<Option<StoredManifest>, DbError> {
    let sql = "SELECT m.digest, m.media_type, m.body
        FROM tags t
        JOIN manifests m ON m.repository_id = t.repository_id AND m.digest = t.digest
        WHERE t.repository_id = ? AND t.name = ?";
    let row = db
        .optional::<ManifestRow>(sql, values![&repository_id, tag])
        .await?;
    row.map(ManifestRow::into_manifest).transpose()
}

/// A manifest to be written.
pub(crate) struct NewManifest<'a> {
    pub repository_id: Id,
    pub digest: &'a Digest,
    pub manifest: &'a Manifest,
    pub bytes: &'a [u8],
    /// Bytes of everything that it refers to.
    pub size_bytes: u64,
    pub pushed_ms: i64,
    pub pushed_by: Option<&'a Id>,
}

/// Writes a manifest with its references; one that is there already only gets a new push time.
pub(crate) async fn insert(tx: &mut Tx, new: NewManifest<'_>) -> Result<(), DbError> {
    let sql = "UPDATE manifests SET pushed_ms = ? WHERE repository_id = ? AND digest = ?";
    let again = tx
        .execute(sql, values![new.pushed_ms, &new.repository_id, new.digest])
        .await?;
    if again > 0 {
        return Ok(());
    }
    let sql = "INSERT INTO manifests
            (repository_id, digest, media_type, artifact_type, subject, size_bytes, pushed_ms,
            pushed_by, body)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)";
    let values = values![
        &new.repository_id,
        new.digest,
        &new.manifest.media_type,
        new.manifest.referrer_type(),
        new.manifest.subject.as_ref().map(|subject| &subject.digest),
        bytes_to_column(new.size_bytes),
        new.pushed_ms,
        new.pushed_by,
        new.bytes.to_vec(),
    ];
    tx.execute(sql, values).await?;
    insert_references(tx, new.repository_id, new.digest, new.manifest).await
}

async fn insert_references(
    tx: &mut Tx,
    repository_id: Id,
    digest: &Digest,
    manifest: &Manifest,
) -> Result<(), DbError> {
    let sql = "INSERT INTO manifest_references (repository_id, manifest, position, kind, digest)
        VALUES (?, ?, ?, ?, ?)";
    for (position, reference) in (0i64..).zip(manifest.references()) {
        let (kind, target) = match reference {
            ManifestReference::Blob(descriptor) => ("blob", &descriptor.digest),
            ManifestReference::Manifest(descriptor) => ("manifest", &descriptor.digest),
        };
        tx.execute(sql, values![&repository_id, digest, position, kind, target])
            .await?;
    }
    Ok(())
}

/// Is the sum of the content sizes of some manifests of a repository that are present.
pub(crate) async fn content_bytes(
    tx: &mut Tx,
    repository_id: Id,
    digests: &[&Digest],
) -> Result<u64, DbError> {
    let sql = sqlx::AssertSqlSafe(format!(
        "SELECT COALESCE(SUM(size_bytes), 0) FROM manifests
        WHERE repository_id = ? AND digest IN ({})",
        crate::db::placeholders(digests.len())
    ));
    let mut values = values![&repository_id];
    values.extend(digests.iter().map(|digest| crate::db::Value::from(*digest)));
    let row = tx.optional::<(i64,)>(sql, values).await?;
    Ok(row.map_or(0, |(sum,)| super::column_to_bytes(sum)))
}

/// Deletes a manifest, its references and the tags that point to it; false when it is not there.
pub(crate) async fn delete(
    tx: &mut Tx,
    repository_id: Id,
    digest: &Digest,
) -> Result<bool, DbError> {
    let sql = "DELETE FROM manifests WHERE repository_id = ? AND digest = ?";
    Ok(tx.execute(sql, values![&repository_id, digest]).await? > 0)
}

#[derive(FromRow)]
struct ReferrerRow {
    digest: String,
    media_type: String,
    artifact_type: Option<String>,
    body: Vec<u8>,
}

/// One manifest that names another as its subject.
pub(crate) struct Referrer {
    pub digest: Digest,
    pub media_type: MediaType,
    pub artifact_type: Option<MediaType>,
    pub bytes: Vec<u8>,
}

/// Lists the referrers of a digest, by digest, from after `after`.
pub(crate) async fn list_referrers(
    db: &Db,
    repository_id: Id,
    subject: &Digest,
    after: &str,
    limit: u32,
) -> Result<Vec<Referrer>, DbError> {
    let sql = "SELECT digest, media_type, artifact_type, body
        FROM manifests
        WHERE repository_id = ? AND subject = ? AND digest > ?
        ORDER BY digest
        LIMIT ?";
    let rows = db
        .all::<ReferrerRow>(sql, values![&repository_id, subject, after, limit])
        .await?;
    rows.into_iter()
        .map(|row| {
            Ok(Referrer {
                digest: parse(&row.digest)?,
                media_type: parse(&row.media_type)?,
                artifact_type: super::parse_optional(row.artifact_type.as_deref())?,
                bytes: row.body,
            })
        })
        .collect()
}
