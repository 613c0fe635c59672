//! The tantivy index: its schema, its documents, and how far into the outbox it is.

use std::path::Path;

use tantivy::collector::{Count, TopDocs};
use tantivy::directory::MmapDirectory;
use tantivy::query::Query;
use tantivy::schema::{Field, STORED, STRING, Schema, TEXT, Value};
use tantivy::{Index, IndexReader, IndexWriter, ReloadPolicy, TantivyDocument, Term, doc};

use super::SearchError;
use crate::Id;
use crate::images::Repository;

/// Changes whenever the schema or the way of indexing does, so that older indexes are rebuilt.
const VERSION: &str = "1";
/// Stands in the place of the cursor while the index is being built.
const UNFINISHED: &str = "unfinished";
/// Memory of the writer in bytes: the least that tantivy takes.
const WRITER_BYTES: usize = 15_000_000;

#[derive(Clone, Copy)]
pub(super) struct Fields {
    pub id: Field,
    pub owner: Field,
    pub visibility: Field,
    pub name: Field,
    pub description: Field,
    pub readme: Field,
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
            writer.add_document(doc!(
                fields.id => id.to_string(),
                fields.owner => repository.owner_id.to_string(),
                fields.visibility => repository.visibility.as_str(),
                fields.name => repository.name.as_str(),
                fields.description => repository.description.as_str(),
                fields.readme => repository.readme.as_str(),
            ))?;
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

    /// Finds ids, best first, and how many there are in all.
    pub(super) fn find(
        &self,
        query: &dyn Query,
        limit: u32,
        offset: u32,
    ) -> Result<(u64, Vec<Id>), SearchError> {
        let searcher = self.reader.searcher();
        let top = TopDocs::with_limit(as_usize(limit)).and_offset(as_usize(offset));
        let (total, found) = searcher.search(query, &(Count, top.order_by_score()))?;
        let mut ids = Vec::with_capacity(found.len());
        for (_, address) in found {
            let document: TantivyDocument = searcher.doc(address)?;
            let id = document
                .get_first(self.fields.id)
                .and_then(|value| value.as_str());
            ids.extend(id.and_then(|text| text.parse::<Id>().ok()));
        }
        Ok((total as u64, ids))
    }
}

fn schema() -> (Schema, Fields) {
    let mut schema = Schema::builder();
    let fields = Fields {
        id: schema.add_text_field("id", STRING | STORED),
        owner: schema.add_text_field("owner", STRING),
        visibility: schema.add_text_field("visibility", STRING),
        name: schema.add_text_field("name", TEXT),
        description: schema.add_text_field("description", TEXT),
        readme: schema.add_text_field("readme", TEXT),
    };
    (schema.build(), fields)
}

fn as_usize(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}
