//! Parts of lists that are sorted by name.

use std::borrow::Cow;

/// A character that no name holds, and that stands behind all that names hold.
const BEHIND: char = '\u{7f}';

/// A part of a list that is sorted by name.
#[derive(Debug, Clone, Default)]
pub struct Page {
    /// The text after which the page starts; it need not be a name that exists.
    pub after: Option<String>,
    /// Most entries.
    pub limit: u32,
}

impl Page {
    /// Returns the text after which the page starts, in the characters of names: MariaDB compares no others with them.
    /// What begins with another character stands behind all names.
    pub(super) fn after_name(&self) -> Cow<'_, str> {
        let after = self.after.as_deref().unwrap_or_default();
        match after.find(|c: char| !c.is_ascii() || c.is_control()) {
            None => after.into(),
            Some(at) if after[at..].starts_with(|c: char| c.is_control() && c != BEHIND) => {
                after[..at].into()
            }
            Some(at) => format!("{}{BEHIND}", &after[..at]).into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_starts_where_its_text_stands_among_names() {
        let names = ["alice/app", "alice/b", "alice/b-1", "alice/z", "bob/app"];
        for after in [
            "",
            "a",
            "alice/app",
            "alice/b\0",
            "alice/b",
            "alice/bé",
            "é",
            "alice/é",
            "alice/b\u{7f}",
            "z\u{1}",
        ] {
            let page = Page {
                after: Some(after.to_owned()),
                limit: 1,
            };
            let bound = page.after_name();
            assert!(bound.is_ascii(), "{after:?}");
            for name in names {
                assert_eq!(name > bound.as_ref(), name > after, "{name} {after:?}");
            }
        }
    }
}
