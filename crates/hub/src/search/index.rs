//! The tantivy index: its schema, its documents, and how far into the outbox it is.

use std::collections::HashMap;
use std::path::Path;

use dockyard_oci::RepositoryName;
use tantivy::collector::{Collector, Count, TopDocs};
use tantivy::columnar::Column;
use tantivy::directory::MmapDirectory;
use tantivy::query::Query;
use tantivy::schema::{FAST, Field, STORED, STRING, Schema, TEXT, Value};
use tantivy::{
    DocAddress, DocId, Index, IndexReader, IndexWriter, Order, ReloadPolicy, Score, Searcher,
    SegmentReader, TantivyDocument, Term, doc,
};

use super::facets::{Values, ranked};
use super::query::STEP;
use super::{Facets, SearchError, SearchSort};
use crate::Id;
use crate::images::Repository;

/// Changes whenever the schema or the way of indexing does, so that older indexes are rebuilt.
const VERSION: &str = "4";
/// Stands in the place of the cursor while the index is being built.
const UNFINISHED: &str = "unfinished";
/// Memory of the writer in bytes: the least that tantivy takes.
const WRITER_BYTES: usize = 15_000_000;
/// Bytes of a README that are searched: its beginning, which says what the image is for.
const README_BYTES: usize = 32 * 1024;
/// Values of one facet that are told.
const FACET_VALUES: usize = 12;

#[derive(Clone, Copy)]
pub(super) struct Fields {
    pub id: Field,
    pub owner: Field,
    pub visibility: Field,
    pub namespace: Field,
    pub platform: Field,
    /// The whole name, and its last part, as one word each.
    pub full: Field,
    pub last: Field,
    pub name: Field,
    pub description: Field,
    pub readme: Field,
    pub stars: Field,
    pub pulls: Field,
    pub pushed: Field,
}

pub(super) struct SearchIndex {
    pub fields: Fields,
    index: Index,
    reader: IndexReader,
}

impl SearchIndex {
    /// Opens the index of a folder, or makes an empty one.
    pub(super) fn open(folder: &Path) -> Result<Self, SearchError> {
        std::fs::create_dir_all(folder)?;
        let (schema, fields) = schema();
        let directory = MmapDirectory::open(folder).map_err(tantivy::TantivyError::from)?;
        let index = Index::open_or_create(directory, schema)?;
        let reader = index
            .reader_builder()
            .reload_policy(ReloadPolicy::Manual)
            .try_into()?;
        Ok(Self {
            fields,
            index,
            reader,
        })
    }

    /// Is the sequence number of the last outbox row that the index has seen; `None` when it was
    /// made by another version or not built to its end.
    pub(super) fn cursor(&self) -> Option<i64> {
        let payload = self.index.load_metas().ok()?.payload?;
        let (version, sequence) = payload.split_once(':')?;
        (version == VERSION)
            .then(|| sequence.parse().ok())
            .flatten()
    }

    pub(super) fn writer(&self) -> Result<IndexWriter, SearchError> {
        Ok(self.index.writer_with_num_threads(1, WRITER_BYTES)?)
    }

    /// Puts a repository as it is now, or takes it out when it is gone.
    pub(super) fn put(
        &self,
        writer: &IndexWriter,
        id: Id,
        repository: Option<&Repository>,
    ) -> Result<(), SearchError> {
        let fields = self.fields;
        writer.delete_term(Term::from_field_text(fields.id, &id.to_string()));
        if let Some(repository) = repository {
            let mut document = doc!(
                fields.id => id.to_string(),
                fields.owner => repository.owner_id.to_string(),
                fields.visibility => repository.visibility.as_str(),
                fields.namespace => repository.name.namespace(),
                fields.full => repository.name.as_str(),
                fields.last => last_part(&repository.name),
                fields.name => repository.name.as_str(),
                fields.description => repository.description.as_str(),
                fields.readme => start_of(&repository.readme),
                fields.stars => repository.stars,
                fields.pulls => repository.pulls,
                fields.pushed => repository.pushed_ms.unwrap_or_default(),
            );
            for platform in &repository.platforms {
                document.add_text(fields.platform, platform);
            }
            writer.add_document(document)?;
        }
        Ok(())
    }

    /// Makes what was put findable, together with how far it goes: `None` while the index is being
    /// built, so that one whose building was cut short is not taken for whole.
    pub(super) fn commit(
        &self,
        writer: &mut IndexWriter,
        cursor: Option<i64>,
    ) -> Result<(), SearchError> {
        let mut commit = writer.prepare_commit()?;
        let cursor = cursor.map_or_else(|| UNFINISHED.to_owned(), |cursor| cursor.to_string());
        commit.set_payload(&format!("{VERSION}:{cursor}"));
        commit.commit()?;
        self.reader.reload()?;
        Ok(())
    }

    /// Finds ids in an order, and how many there are in all.
    pub(super) fn find(
        &self,
        query: &dyn Query,
        (sort, limit, offset): (SearchSort, u32, u32),
    ) -> Result<(u64, Vec<Id>), SearchError> {
        let (total, ids) = self.collect(query, (sort, limit, offset), Count)?;
        Ok((total as u64, ids))
    }

    /// Finds the same, and what everything that is found has in common, in one go through the index.
    pub(super) fn find_with_facets(
        &self,
        query: &dyn Query,
        page: (SearchSort, u32, u32),
    ) -> Result<(u64, Vec<Id>, Facets), SearchError> {
        let ((total, values), ids) = self.collect(query, page, (Count, values()))?;
        Ok((total as u64, ids, facets_of(values)))
    }

    fn collect<C: Collector>(
        &self,
        query: &dyn Query,
        (sort, limit, offset): (SearchSort, u32, u32),
        also: C,
    ) -> Result<(C::Fruit, Vec<Id>), SearchError> {
        let searcher = self.reader.searcher();
        let top = || TopDocs::with_limit(as_usize(limit)).and_offset(as_usize(offset));
        let by = |field: &'static str| top().order_by_u64_field(field, Order::Desc);
        let (fruit, found) = match sort {
            SearchSort::Best => {
                addresses(searcher.search(query, &(also, top().tweak_score(liked)))?)
            }
            SearchSort::Stars => addresses(searcher.search(query, &(also, by("stars")))?),
            SearchSort::Pulls => addresses(searcher.search(query, &(also, by("pulls")))?),
            SearchSort::Pushed => {
                let newest = top().order_by_fast_field::<i64>("pushed", Order::Desc);
                addresses(searcher.search(query, &(also, newest))?)
            }
        };
        Ok((fruit, self.ids(&searcher, found)?))
    }

    /// Counts what everything that is found has in common.
    pub(super) fn facets(&self, query: &dyn Query) -> Result<Facets, SearchError> {
        let values = self.reader.searcher().search(query, &values())?;
        Ok(facets_of(values))
    }

    fn ids(&self, searcher: &Searcher, found: Vec<DocAddress>) -> Result<Vec<Id>, SearchError> {
        let mut ids = Vec::with_capacity(found.len());
        for address in found {
            let document: TantivyDocument = searcher.doc(address)?;
            let id = document
                .get_first(self.fields.id)
                .and_then(|value| value.as_str());
            ids.extend(id.and_then(|text| text.parse::<Id>().ok()));
        }
        Ok(ids)
    }
}

fn last_part(name: &RepositoryName) -> &str {
    let name = name.as_str();
    name.rsplit('/').next().unwrap_or(name)
}

/// Returns the part of a README that is indexed.
fn start_of(readme: &str) -> &str {
    &readme[..readme.floor_char_boundary(README_BYTES)]
}

fn addresses<F, T>((fruit, found): (F, Vec<(T, DocAddress)>)) -> (F, Vec<DocAddress>) {
    (fruit, found.into_iter().map(|(_, at)| at).collect())
}

fn values() -> (Values, Values, Values) {
    let values = |field| Values { field };
    (
        values("platform"),
        values("namespace"),
        values("visibility"),
    )
}

type Counted = HashMap<String, u64>;

fn facets_of((platforms, namespaces, visibilities): (Counted, Counted, Counted)) -> Facets {
    Facets {
        platforms: ranked(platforms, FACET_VALUES),
        namespaces: ranked(namespaces, FACET_VALUES),
        visibilities: ranked(visibilities, FACET_VALUES),
    }
}

/// Lets what people like weigh a little among what stands on the same step: a hundred stars as much as a word that fits half
/// as well again.
fn liked(segment: &SegmentReader) -> impl Fn(DocId, Score) -> Score + use<> {
    let column = |name| segment.fast_fields().u64(name).ok();
    let (stars, pulls) = (column("stars"), column("pulls"));
    move |document, score| {
        let value = |column: &Option<Column<u64>>| {
            let first = column.as_ref().and_then(|column| column.first(document));
            first.unwrap_or_default()
        };
        let likes = value(&stars).saturating_add(value(&pulls) / 50);
        // A logarithm in whole numbers is exact enough, and needs no conversion that could lose something.
        let doublings = u8::try_from((likes + 1).ilog2()).unwrap_or(u8::MAX);
        let step = (score / STEP).floor() * STEP;
        let within = (score - step) * 0.07f32.mul_add(f32::from(doublings), 1.0);
        step + within.min(STEP * 0.999)
    }
}

fn schema() -> (Schema, Fields) {
    let mut schema = Schema::builder();
    let fields = Fields {
        id: schema.add_text_field("id", STRING | STORED),
        owner: schema.add_text_field("owner", STRING),
        visibility: schema.add_text_field("visibility", STRING | FAST),
        namespace: schema.add_text_field("namespace", STRING | FAST),
        platform: schema.add_text_field("platform", STRING | FAST),
        full: schema.add_text_field("full", STRING),
        last: schema.add_text_field("last", STRING),
        name: schema.add_text_field("name", TEXT),
        description: schema.add_text_field("description", TEXT),
        readme: schema.add_text_field("readme", TEXT),
        stars: schema.add_u64_field("stars", FAST),
        pulls: schema.add_u64_field("pulls", FAST),
        pushed: schema.add_i64_field("pushed", FAST),
    };
    (schema.build(), fields)
}

fn as_usize(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}
