//! The referrers of a manifest.

use dockyard_oci::{Descriptor, Digest, Manifest, MediaType};

use super::{ImageError, Manifests};
use crate::accounts::{Grant, Pull};
use crate::db::tables::manifests::{self, Referrer};

/// One page of the referrers of a digest.
#[derive(Debug, Clone, Default)]
pub struct ReferrerPage {
    pub descriptors: Vec<Descriptor>,
    /// The digest after which the next page starts.
    pub next: Option<Digest>,
}

/// Referrers read at once: each may have 4 MiB.
const REFERRERS_AT_ONCE: u32 = 8;
/// Bytes of manifests after which a page of referrers ends: clients read no more than some 4 MiB.
const REFERRERS_BYTES: usize = 3 * 1024 * 1024;

impl Manifests {
    /// Lists the manifests that name a digest as their subject, by digest.
    ///
    /// A subject that is not there has referrers all the same.
    /// Source: OCI distribution-spec, "Listing Referrers".
    pub async fn referrers(
        &self,
        grant: &Grant<Pull>,
        subject: &Digest,
        artifact_type: Option<&MediaType>,
        after: Option<&Digest>,
        limit: u32,
    ) -> Result<ReferrerPage, ImageError> {
        let after = after.map_or("", Digest::as_str);
        let repository_id = grant.repository_id();
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let mut page = ReferrerPage::default();
        let mut after = after.to_owned();
        let mut bytes = 0;
        loop {
            let (db, some) = (&self.db, REFERRERS_AT_ONCE);
            let rows =
                manifests::list_referrers(db, repository_id, subject, artifact_type, &after, some)
                    .await?;
            let Some(last) = rows.last() else {
                return Ok(page);
            };
            after = last.digest.to_string();
            for row in rows {
                if page.descriptors.len() == limit || bytes > REFERRERS_BYTES {
                    page.next = page.descriptors.last().map(|last| last.digest.clone());
                    return Ok(page);
                }
                bytes += row.bytes.len();
                page.descriptors.push(describe(row));
            }
        }
    }
}

fn describe(row: Referrer) -> Descriptor {
    let manifest = Manifest::parse(&row.bytes, Some(row.media_type.as_str()));
    Descriptor {
        media_type: row.media_type,
        digest: row.digest,
        size: row.bytes.len() as u64,
        artifact_type: row.artifact_type,
        platform: None,
        annotations: manifest
            .map(|manifest| manifest.annotations)
            .unwrap_or_default(),
    }
}
