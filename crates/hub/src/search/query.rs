//! Turns what a person typed into a query that finds only what that person may see.

use dockyard_oci::Visibility;
use tantivy::Term;
use tantivy::query::{
    AllQuery, BooleanQuery, BoostQuery, ConstScoreQuery, FuzzyTermQuery, Occur, Query, TermQuery,
};
use tantivy::schema::{Field, IndexRecordOption};

use super::SearchFilter;
use super::index::{Fields, SearchIndex};
use crate::accounts::Caller;

/// Most words of a query that are looked at.
const WORDS_MAX: usize = 16;
/// Longest word in characters: tantivy's own tokenizer drops longer ones.
const WORD_MAX_CHARS: usize = 40;
/// Letters from which on a word may have one mistake, or two.
const ONE_MISTAKE_CHARS: usize = 4;
const TWO_MISTAKES_CHARS: usize = 8;

/// Most words, and characters of each, that are looked for with mistakes: the cost grows steeply with both.
const MISTAKEN_WORDS_MAX: usize = 3;
const MISTAKEN_CHARS_MAX: usize = 16;

/// How a word is looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reading {
    /// As it was typed, in names, descriptions and READMEs.
    Typed,
    /// As it was typed, in names alone.
    Names,
    /// With a letter or two wrong, missing or swapped, in names and descriptions.
    Mistaken,
}

/// Builds the query for words that are all to be there; for no words it is everything that fits the filter.
pub(super) fn build(
    index: &SearchIndex,
    caller: &Caller,
    (name, words): (&str, &[String]),
    filter: &SearchFilter,
    reading: Reading,
) -> Box<dyn Query> {
    let fields = index.fields;
    let mut clauses = vec![(Occur::Must, visible(fields, caller))];
    let wanted = [
        (fields.platform, filter.platform.as_deref()),
        (fields.namespace, filter.namespace.as_deref()),
        (fields.visibility, filter.visibility.map(Visibility::as_str)),
    ];
    let wanted = wanted.into_iter().filter_map(|(field, value)| {
        let exactly = exactly(field, value?);
        Some((Occur::Must, weightless(exactly)))
    });
    clauses.extend(wanted);
    if reading != Reading::Mistaken && !words.is_empty() {
        clauses.push((Occur::Should, rank(fields, name, words)));
    }
    let words = words.iter().map(|word| {
        let query = match reading {
            Reading::Typed => anywhere(fields, word),
            Reading::Names => in_names(fields, word),
            Reading::Mistaken => mistaken(fields, word),
        };
        (Occur::Must, query)
    });
    clauses.extend(words);
    Box::new(BooleanQuery::new(clauses))
}

/// Longest beginning of a name in bytes that is looked for.
const START_BYTES_MAX: usize = 64;

/// Splits as the index does: at everything that is neither letter nor digit, in lower case; each word once.
pub(super) fn words(text: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let found = text
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty() && word.chars().count() < WORD_MAX_CHARS);
    for word in found.map(str::to_lowercase) {
        // A word that is typed twice weighs no more.
        if words.len() < WORDS_MAX && !words.contains(&word) {
            words.push(word);
        }
    }
    words
}

/// Tells whether words are few and short enough to be looked for with mistakes.
pub(super) fn may_be_mistaken(words: &[String]) -> bool {
    let is_short = |word: &String| word.chars().count() <= MISTAKEN_CHARS_MAX;
    (1..=MISTAKEN_WORDS_MAX).contains(&words.len()) && words.iter().all(is_short)
}

/// Score between two steps of the rank: larger than any text score.
pub(super) const STEP: f32 = 10_000.0;

/// Ranks by how much of the name was typed: all of it, all of its last part, the beginning of that, or all the words of it.
/// Everything else only orders what is equal in this.
fn rank(fields: Fields, name: &str, words: &[String]) -> Box<dyn Query> {
    // Several words stand for what joins them in a name.
    let joined = words.join("-");
    let path = words.join("/");
    let (full, last) = if name.contains('/') {
        (name, name)
    } else {
        (&*path, &*joined)
    };
    let in_name = words
        .iter()
        .map(|word| (Occur::Must, whole(fields.name, word, 1.0)));
    let steps = |steps: f32, query| -> Box<dyn Query> {
        Box::new(ConstScoreQuery::new(query, steps * STEP))
    };
    let mut ranks = vec![
        steps(5.0, exactly(fields.full, full)),
        steps(1.0, exactly(fields.last, last)),
        steps(1.0, Box::new(BooleanQuery::new(in_name.collect()))),
    ];
    // An automaton takes a kilobyte for each character, and many times that beyond ASCII.
    let (field, start) = if name.contains('/') {
        (fields.full, name)
    } else {
        (fields.last, last)
    };
    if start.is_ascii() && start.len() <= START_BYTES_MAX {
        let start = FuzzyTermQuery::new_prefix(Term::from_field_text(field, start), 0, true);
        ranks.push(steps(2.0, Box::new(start)));
    }
    Box::new(BooleanQuery::union(ranks))
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

fn in_names(fields: Fields, word: &str) -> Box<dyn Query> {
    let clauses = vec![
        whole(fields.name, word, 2.0),
        beginning(fields.name, word, 1.0),
    ];
    Box::new(BooleanQuery::union(clauses))
}

/// A short word has to be right: with one letter wrong it could be anything. Beyond ASCII one mistake is enough: what is
/// compared are bytes, and each letter has several.
fn mistaken(fields: Fields, word: &str) -> Box<dyn Query> {
    let mistakes = match word.chars().count() {
        TWO_MISTAKES_CHARS.. if word.is_ascii() => 2,
        ONE_MISTAKE_CHARS.. => 1,
        _ => 0,
    };
    let near = |field, boost| -> Box<dyn Query> {
        let term = Term::from_field_text(field, word);
        let query = FuzzyTermQuery::new(term, mistakes, true);
        Box::new(BoostQuery::new(Box::new(query), boost))
    };
    let clauses = vec![near(fields.name, 4.0), near(fields.description, 1.5)];
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
    let user = caller.user().filter(|_| caller.lists());
    weightless(match user {
        Some(user) if user.is_admin => Box::new(AllQuery),
        Some(user) => Box::new(BooleanQuery::union(vec![
            exactly(fields.visibility, Visibility::Public.as_str()),
            exactly(fields.owner, &user.id.to_string()),
        ])),
        None => exactly(fields.visibility, Visibility::Public.as_str()),
    })
}

fn exactly(field: Field, text: &str) -> Box<dyn Query> {
    let term = Term::from_field_text(field, text);
    Box::new(TermQuery::new(term, IndexRecordOption::Basic))
}

fn weightless(query: Box<dyn Query>) -> Box<dyn Query> {
    Box::new(BoostQuery::new(query, 0.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_few_and_short_words_may_be_mistaken() {
        let may = |text: &str| may_be_mistaken(&words(text));
        assert!(may("postgers") && may("a b c"));
        assert!(!may("") && !may("a b c d"));
        assert!(may("kubernetes-operator") && !may("abcdefghijklmnopq"));
    }
}
