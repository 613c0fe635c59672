//! Arguments of a statement, free of any one database.

use dockyard_oci::{Digest, MediaType, RepositoryName, Tag, UserName, Visibility};

use crate::Id;

/// One argument.
#[derive(Debug, Clone)]
pub enum Value {
    Int(i64),
    Text(String),
    OptionalText(Option<String>),
    OptionalInt(Option<i64>),
    Bytes(Vec<u8>),
    OptionalBytes(Option<Vec<u8>>),
}

impl From<i64> for Value {
    fn from(value: i64) -> Self {
        Self::Int(value)
    }
}

impl From<u32> for Value {
    fn from(value: u32) -> Self {
        Self::Int(value.into())
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Int(value.into())
    }
}

impl From<Option<i64>> for Value {
    fn from(value: Option<i64>) -> Self {
        Self::OptionalInt(value)
    }
}

impl From<String> for Value {
    fn from(value: String) -> Self {
        Self::Text(storable(value))
    }
}

impl From<&str> for Value {
    fn from(value: &str) -> Self {
        Self::Text(storable(value.to_owned()))
    }
}

impl From<Option<String>> for Value {
    fn from(value: Option<String>) -> Self {
        Self::OptionalText(value.map(storable))
    }
}

/// Puts the replacement character in the place of U+0000, which PostgreSQL's texts can't hold.
fn storable(text: String) -> String {
    if text.contains('\0') {
        return text.replace('\0', "\u{fffd}");
    }
    text
}

impl From<Vec<u8>> for Value {
    fn from(value: Vec<u8>) -> Self {
        Self::Bytes(value)
    }
}

impl From<Option<Vec<u8>>> for Value {
    fn from(value: Option<Vec<u8>>) -> Self {
        Self::OptionalBytes(value)
    }
}

/// Types that are stored as the text they print.
macro_rules! as_text {
    ($($name:ty),*) => {$(
        impl From<&$name> for Value {
            fn from(value: &$name) -> Self {
                Self::Text(value.to_string())
            }
        }

        impl From<Option<&$name>> for Value {
            fn from(value: Option<&$name>) -> Self {
                Self::OptionalText(value.map(ToString::to_string))
            }
        }
    )*};
}

as_text!(
    Id,
    Digest,
    MediaType,
    RepositoryName,
    Tag,
    UserName,
    Visibility
);

/// Builds the arguments of a statement in the order of its placeholders.
macro_rules! values {
    ($($value:expr),* $(,)?) => {
        vec![$($crate::db::Value::from($value)),*]
    };
}

pub(crate) use values;

/// Gives a query its arguments, in order, whichever database it is for.
macro_rules! bind {
    ($query:expr, $values:expr) => {
        $values.into_iter().fold($query, |query, value| {
            use $crate::db::Value;
            match value {
                Value::Int(value) => query.bind(value),
                Value::Text(value) => query.bind(value),
                Value::OptionalText(value) => query.bind(value),
                Value::OptionalInt(value) => query.bind(value),
                Value::Bytes(value) => query.bind(value),
                Value::OptionalBytes(value) => query.bind(value),
            }
        })
    };
}

pub(super) use bind;

/// Is `?, ?, ?` for `count` arguments.
pub(crate) fn placeholders(count: usize) -> String {
    let mut text = "?, ".repeat(count);
    text.truncate(text.len().saturating_sub(2));
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_holds_what_a_database_refuses() {
        let Value::Text(text) = Value::from("a\0b") else {
            panic!("a text is a text");
        };
        assert_eq!(text, "a\u{fffd}b");
    }
}
