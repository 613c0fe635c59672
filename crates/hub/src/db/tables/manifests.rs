//! The tables `manifests` and `manifest_references`.

use std::ops::Range;

use bytes::Bytes;
use dockyard_oci::{
    Digest, Manifest, ManifestReference, MediaType, Reference, RepositoryName, Tag,
};
use sqlx::AssertSqlSafe;

use super::access::{AccessRow, RepositoryAccess, caller_admin, shown};
use super::blobs::DIGESTS_A_QUERY;
use super::{bytes_to_column, column_to_bytes, parse};
use crate::Id;
use crate::accounts::Credential;
use crate::db::{Db, DbError, Tx, Value, placeholders, row, values};
use crate::images::StoredManifest;

row! {
    struct FoundRow {
        digest: Option<String>,
        media_type: Option<String>,
        unreferenced_ms: Option<i64>,
        ..access: AccessRow,
    }
}

/// A manifest of a repository, its bytes left out.
#[derive(Debug)]
pub(crate) struct ManifestHead {
    pub digest: Digest,
    pub media_type: MediaType,
    /// Whether the collector saw that nothing refers to it.
    pub is_marked: bool,
}

/// Finds a repository by name and in it a manifest by tag or digest: all that a pull has to know.
pub(crate) async fn find_in(
    db: &Db,
    name: &RepositoryName,
    reference: &Reference,
    credential: Option<&Credential>,
) -> Result<Option<(RepositoryAccess, Option<ManifestHead>)>, DbError> {
    let mut values = shown(credential);
    let row = match reference {
        Reference::Tag(tag) => {
            let sql = concat!(
                "SELECT r.id, r.owner_id, COALESCE(r.becomes, r.visibility) AS visibility, ",
                caller_admin!(),
                " AS caller_admin, m.digest, m.media_type, m.unreferenced_ms
                FROM repositories r
                LEFT JOIN tags t ON t.repository_id = r.id AND t.name = ?
                LEFT JOIN manifests m ON m.repository_id = r.id AND m.digest = t.digest
                WHERE r.name = ?"
            );
            values.extend(values![tag, name]);
            db.lookup::<FoundRow>(sql, values).await?
        }
        Reference::Digest(digest) => {
            let sql = concat!(
                "SELECT r.id, r.owner_id, COALESCE(r.becomes, r.visibility) AS visibility, ",
                caller_admin!(),
                " AS caller_admin, m.digest, m.media_type, m.unreferenced_ms
                FROM repositories r
                LEFT JOIN manifests m ON m.repository_id = r.id AND m.digest = ?
                WHERE r.name = ?"
            );
            values.extend(values![digest, name]);
            db.lookup::<FoundRow>(sql, values).await?
        }
    };
    let Some(row) = row else { return Ok(None) };
    let head = match (row.digest, row.media_type) {
        (Some(digest), Some(media_type)) => Some(ManifestHead {
            digest: parse(&digest)?,
            media_type: parse(&media_type)?,
            is_marked: row.unreferenced_ms.is_some(),
        }),
        _ => None,
    };
    Ok(Some((row.access.into_access()?, head)))
}

/// Finds a manifest of a repository by tag or digest.
pub(crate) async fn find_head(
    db: &Db,
    repository_id: Id,
    reference: &Reference,
) -> Result<Option<ManifestHead>, DbError> {
    let row = match reference {
        Reference::Tag(tag) => {
            let sql = "SELECT m.digest, m.media_type, m.unreferenced_ms
                FROM tags t
                JOIN manifests m ON m.repository_id = t.repository_id AND m.digest = t.digest
                WHERE t.repository_id = ? AND t.name = ?";
            db.optional::<(String, String, Option<i64>)>(sql, values![&repository_id, tag])
                .await?
        }
        Reference::Digest(digest) => {
            let sql = "SELECT digest, media_type, unreferenced_ms
                FROM manifests
                WHERE repository_id = ? AND digest = ?";
            db.optional::<(String, String, Option<i64>)>(sql, values![&repository_id, digest])
                .await?
        }
    };
    row.map(|(digest, media_type, unreferenced_ms)| {
        Ok(ManifestHead {
            digest: parse(&digest)?,
            media_type: parse(&media_type)?,
            is_marked: unreferenced_ms.is_some(),
        })
    })
    .transpose()
}

/// Reads the bytes of a manifest.
pub(crate) async fn find_body(
    db: &Db,
    repository_id: Id,
    digest: &Digest,
) -> Result<Option<Vec<u8>>, DbError> {
    let sql = "SELECT body FROM manifests WHERE repository_id = ? AND digest = ?";
    let row = db.optional::<(Vec<u8>,)>(sql, values![&repository_id, digest]);
    Ok(row.await?.map(|(body,)| body))
}

/// Reads a part of the bytes of a manifest.
pub(crate) async fn find_part(
    db: &Db,
    repository_id: Id,
    digest: &Digest,
    range: Range<u64>,
) -> Result<Option<Bytes>, DbError> {
    let sql = "SELECT SUBSTR(body, CAST(? AS INTEGER), CAST(? AS INTEGER))
        FROM manifests
        WHERE repository_id = ? AND digest = ?";
    let (from, length) = (range.start + 1, range.end - range.start);
    let (from, length) = (bytes_to_column(from), bytes_to_column(length));
    let values = values![from, length, &repository_id, digest];
    let row = db.optional::<(Vec<u8>,)>(sql, values).await?;
    Ok(row.map(|(part,)| part.into()))
}

row! {
    struct ManifestRow {
        digest: String,
        media_type: String,
        body: Vec<u8>,
    }
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
    /// `linux/amd64,linux/arm64`.
    pub platforms: &'a str,
    /// Bytes of everything that it refers to.
    pub size_bytes: u64,
    pub pushed_ms: i64,
    pub pushed_by: Option<&'a Id>,
}

/// Writes a manifest with its references; one that is there already gets a new push time, and its
/// bytes once more, should they have been damaged.
pub(crate) async fn insert(tx: &mut Tx, new: NewManifest<'_>) -> Result<(), DbError> {
    let sql = "UPDATE manifests SET pushed_ms = ?, unreferenced_ms = NULL, body = ?
        WHERE repository_id = ? AND digest = ?";
    let body = new.bytes.to_vec();
    let values = values![new.pushed_ms, body, &new.repository_id, new.digest];
    let again = tx.execute(sql, values).await?;
    if again > 0 {
        return Ok(());
    }
    let sql = "INSERT INTO manifests
            (repository_id, digest, media_type, artifact_type, subject, platforms, size_bytes,
            pushed_ms, pushed_by, body)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
    let values = values![
        &new.repository_id,
        new.digest,
        &new.manifest.media_type,
        new.manifest.referrer_type(),
        new.manifest.subject.as_ref().map(|subject| &subject.digest),
        new.platforms,
        bytes_to_column(new.size_bytes),
        new.pushed_ms,
        new.pushed_by,
        new.bytes.to_vec(),
    ];
    tx.execute(sql, values).await?;
    insert_references(tx, new.repository_id, new.digest, new.manifest).await
}

/// Writes the references of a manifest anew.
pub(crate) async fn replace_references(
    tx: &mut Tx,
    repository_id: Id,
    digest: &Digest,
    manifest: &Manifest,
) -> Result<(), DbError> {
    let sql = "DELETE FROM manifest_references WHERE repository_id = ? AND manifest = ?";
    tx.execute(sql, values![&repository_id, digest]).await?;
    insert_references(tx, repository_id, digest, manifest).await
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
    let mut bytes = 0;
    for some in digests.chunks(DIGESTS_A_QUERY) {
        let sql = AssertSqlSafe(format!(
            "SELECT CAST(COALESCE(SUM(size_bytes), 0) AS BIGINT) FROM manifests
            WHERE repository_id = ? AND digest IN ({})",
            placeholders(some.len())
        ));
        let mut values = values![&repository_id];
        values.extend(some.iter().map(|digest| Value::from(*digest)));
        let row = tx.optional::<(i64,)>(sql, values).await?;
        bytes += row.map_or(0, |(sum,)| column_to_bytes(sum));
    }
    Ok(bytes)
}

/// Lists the digests of what a manifest refers to.
pub(crate) async fn references(
    db: &Db,
    repository_id: Id,
    digest: &Digest,
) -> Result<Vec<Digest>, DbError> {
    let sql = "SELECT digest FROM manifest_references WHERE repository_id = ? AND manifest = ?";
    let rows = db.all::<(String,)>(sql, values![&repository_id, digest]);
    rows.await?.iter().map(|(digest,)| parse(digest)).collect()
}

pub(crate) async fn exists(
    tx: &mut Tx,
    repository_id: Id,
    digest: &Digest,
) -> Result<bool, DbError> {
    let sql = "SELECT pushed_ms FROM manifests WHERE repository_id = ? AND digest = ?";
    let row = tx.optional::<(i64,)>(sql, values![&repository_id, digest]);
    Ok(row.await?.is_some())
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

row! {
    struct ReferrerRow {
        digest: String,
        media_type: String,
        artifact_type: Option<String>,
        body: Vec<u8>,
    }
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
    artifact_type: Option<&MediaType>,
    after: &str,
    limit: u32,
) -> Result<Vec<Referrer>, DbError> {
    let sql = "SELECT digest, media_type, artifact_type, body
        FROM manifests
        WHERE repository_id = ? AND subject = ? AND digest > ?
            AND (? IS NULL OR artifact_type = ?)
        ORDER BY digest
        LIMIT ?";
    let values = values![
        &repository_id,
        subject,
        after,
        artifact_type,
        artifact_type,
        limit
    ];
    let rows = db.all::<ReferrerRow>(sql, values).await?;
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

/// Lists the manifests of a repository by digest, from after `after`.
pub(crate) async fn list(
    db: &Db,
    repository_id: Id,
    after: &str,
    limit: u32,
) -> Result<Vec<StoredManifest>, DbError> {
    let sql = "SELECT digest, media_type, body
        FROM manifests
        WHERE repository_id = ? AND digest > ?
        ORDER BY digest
        LIMIT ?";
    let rows = db.all::<ManifestRow>(sql, values![&repository_id, after, limit]);
    rows.await?
        .into_iter()
        .map(ManifestRow::into_manifest)
        .collect()
}

/// Lists repositories with a manifest whose digest begins so (the algorithm, a colon, and hexadecimal digits): all of them, or
/// those that are public or a user's.
pub(crate) async fn find_repositories(
    db: &Db,
    start: &str,
    (sees_all, user_id): (bool, Option<&Id>),
    (limit, offset): (u32, u32),
) -> Result<Vec<Id>, DbError> {
    // After the last digit comes the letter g.
    let end = format!("{start}g");
    let sql = "SELECT DISTINCT r.id
        FROM manifests m
        JOIN repositories r ON r.id = m.repository_id
        WHERE m.digest >= ? AND m.digest < ?
            AND (? = 1 OR r.visibility = 'public' OR r.owner_id = ?)
        ORDER BY r.id LIMIT ? OFFSET ?";
    let sees_all = i64::from(sees_all);
    let values = values![start, end.as_str(), sees_all, user_id, limit, offset];
    let rows = db.all::<(String,)>(sql, values).await?;
    rows.iter().map(|(id,)| parse(id)).collect()
}
