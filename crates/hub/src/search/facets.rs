//! Counts what the results have in common: platforms and namespaces.

use std::collections::HashMap;

use tantivy::collector::{Collector, SegmentCollector};
use tantivy::columnar::StrColumn;
use tantivy::{DocId, Score, SegmentOrdinal, SegmentReader};

/// Counts the values of a text field over everything that is found.
pub(super) struct Values {
    pub field: &'static str,
}

/// Counts in one segment, by the ordinals of its own dictionary.
pub(super) struct SegmentValues {
    column: Option<StrColumn>,
    counts: Vec<u64>,
}

impl Collector for Values {
    type Fruit = HashMap<String, u64>;
    type Child = SegmentValues;

    fn for_segment(
        &self,
        _: SegmentOrdinal,
        segment: &SegmentReader,
    ) -> tantivy::Result<SegmentValues> {
        let column = segment.fast_fields().str(self.field)?;
        let terms = column.as_ref().map_or(0, |column| column.num_terms());
        Ok(SegmentValues {
            column,
            counts: vec![0; terms],
        })
    }

    fn requires_scoring(&self) -> bool {
        false
    }

    fn merge_fruits(&self, fruits: Vec<Self::Fruit>) -> tantivy::Result<Self::Fruit> {
        let mut all = HashMap::new();
        for (value, count) in fruits.into_iter().flatten() {
            *all.entry(value).or_default() += count;
        }
        Ok(all)
    }
}

impl SegmentCollector for SegmentValues {
    type Fruit = HashMap<String, u64>;

    fn collect(&mut self, document: DocId, _: Score) {
        let Some(column) = &self.column else {
            return;
        };
        for ordinal in column.term_ords(document) {
            let at = usize::try_from(ordinal).unwrap_or(usize::MAX);
            if let Some(count) = self.counts.get_mut(at) {
                *count += 1;
            }
        }
    }

    fn harvest(self) -> Self::Fruit {
        let Some(column) = &self.column else {
            return HashMap::new();
        };
        let mut found = HashMap::new();
        for (ordinal, count) in (0..).zip(&self.counts) {
            let mut value = String::new();
            if *count > 0 && column.ord_to_str(ordinal, &mut value).unwrap_or(false) {
                found.insert(value, *count);
            }
        }
        found
    }
}

/// Sorts counted values, the most frequent first, and keeps the first few.
pub(super) fn ranked(counted: HashMap<String, u64>, most: usize) -> Vec<(String, u64)> {
    let mut values: Vec<_> = counted.into_iter().collect();
    values.sort_by(|(a, a_count), (b, b_count)| b_count.cmp(a_count).then_with(|| a.cmp(b)));
    values.truncate(most);
    values
}
