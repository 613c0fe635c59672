//! Row structs: which column fills which field.
//!
//! Written here rather than derived: sqlx's macros compile SQLite and every driver a second time, for the compiler.

use rusqlite::Row;

/// A row struct that can be read without sqlx.
pub(crate) trait ReadRow: Sized {
    fn read(row: &Row<'_>) -> rusqlite::Result<Self>;
}

/// Declares a struct that each database fills by the names of its fields. `..inner: Inner,` at the end adds a field that
/// another row struct fills, with columns of its own.
macro_rules! row {
    (
        $(#[$attribute:meta])*
        $visible:vis struct $row:ident {
            $($(#[$of_field:meta])* $column:ident: $type:ty,)*
            $(..$inner:ident: $rest:ty,)?
        }
    ) => {
        $(#[$attribute])*
        $visible struct $row {
            $($(#[$of_field])* $column: $type,)*
            $($inner: $rest,)?
        }

        impl<'r, R: sqlx::Row> sqlx::FromRow<'r, R> for $row
        where
            &'static str: sqlx::ColumnIndex<R>,
            $($type: sqlx::Decode<'r, R::Database> + sqlx::Type<R::Database>,)*
            $($rest: sqlx::FromRow<'r, R>,)?
        {
            fn from_row(row: &'r R) -> sqlx::Result<Self> {
                Ok(Self {
                    $($column: row.try_get(stringify!($column))?,)*
                    $($inner: sqlx::FromRow::from_row(row)?,)?
                })
            }
        }

        impl $crate::db::ReadRow for $row {
            fn read(row: &rusqlite::Row<'_>) -> rusqlite::Result<Self> {
                Ok(Self {
                    $($column: row.get(stringify!($column))?,)*
                    $($inner: <$rest as $crate::db::ReadRow>::read(row)?,)?
                })
            }
        }
    };
}

pub(crate) use row;
