//! Turns what a person typed into a query that finds only what that person may see.

use dockyard_oci::Visibility;
use tantivy::Term;
use tantivy::query::{AllQuery, BooleanQuery, BoostQuery, FuzzyTermQuery, Occur, Query, TermQuery};
use tantivy::schema::{Field, IndexRecordOption};

use super::index::{Fields, SearchIndex};
use crate::accounts::Caller;

/// Most words of a query that are looked at.
const WORDS_MAX: usize = 16;
/// Longest word in characters: tantivy's own tokenizer drops longer ones.
const WORD_MAX_CHARS: usize = 40;

/// Builds the query; `None` when the text holds no word.
pub(super) fn build(index: &SearchIndex, caller: &Caller, text: &str) -> Option<Box<dyn Query>> {
    let words = words(text);
    if words.is_empty() {
        return None;
    }
    let mut clauses = vec![(Occur::Must, visible(index.fields, caller))];
    clauses.extend(
        words
            .iter()
            .map(|word| (Occur::Must, anywhere(index.fields, word))),
    );
    Some(Box::new(BooleanQuery::new(clauses)))
}

/// Splits as the index does: at everything that is neither letter nor digit, in lower case.
fn words(text: &str) -> Vec<String> {
    text.split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty() && word.chars().count() < WORD_MAX_CHARS)
        .take(WORDS_MAX)
        .map(str::to_lowercase)
        .collect()
}

/// A word in a name counts more than one in a description, and that more than one in a README; a
/// whole word counts more than the beginning of one.
fn anywhere(fields: Fields, word: &str) -> Box<dyn Query> {
    let clauses = vec![
        whole(fields.name, word, 8.0),
        beginning(fields.name, word, 4.0),
        whole(fields.description, word, 3.0),
        beginning(fields.description, word, 1.5),
        whole(fields.readme, word, 1.0),
        beginning(fields.readme, word, 0.5),
    ];
    Box::new(BooleanQuery::union(clauses))
}

fn whole(field: Field, word: &str, boost: f32) -> Box<dyn Query> {
    let term = Term::from_field_text(field, word);
    let query = TermQuery::new(term, IndexRecordOption::WithFreqs);
    Box::new(BoostQuery::new(Box::new(query), boost))
}

fn beginning(field: Field, word: &str, boost: f32) -> Box<dyn Query> {
    let query = FuzzyTermQuery::new_prefix(Term::from_field_text(field, word), 0, true);
    Box::new(BoostQuery::new(Box::new(query), boost))
}

/// Public repositories, and the caller's own; an administrator sees all. Weighs nothing.
fn visible(fields: Fields, caller: &Caller) -> Box<dyn Query> {
    let exactly = |field, text: &str| -> Box<dyn Query> {
        let term = Term::from_field_text(field, text);
        Box::new(TermQuery::new(term, IndexRecordOption::Basic))
    };
    let user = caller.user().filter(|_| caller.lists());
    let query: Box<dyn Query> = match user {
        Some(user) if user.is_admin => Box::new(AllQuery),
        Some(user) => Box::new(BooleanQuery::union(vec![
            exactly(fields.visibility, Visibility::Public.as_str()),
            exactly(fields.owner, &user.id.to_string()),
        ])),
        None => exactly(fields.visibility, Visibility::Public.as_str()),
    };
    Box::new(BoostQuery::new(query, 0.0))
}
