//! What differs between the databases in a statement that is otherwise the same.

use sqlx::{AssertSqlSafe, SqlSafeStr, SqlStr};

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

/// Numbers the placeholders, as PostgreSQL wants them.
pub(super) fn postgres(sql: SqlStr) -> SqlStr {
    let text = sql.as_str();
    let mut numbered = String::with_capacity(text.len() + 32);
    for (i, part) in text.split('?').enumerate() {
        if i > 0 {
            numbered.push('$');
            numbered.push_str(&i.to_string());
        }
        numbered.push_str(part);
    }
    AssertSqlSafe(numbered).into_sql_str()
}

/// Casts to the type that MariaDB has a name for.
pub(super) fn mariadb(sql: SqlStr) -> SqlStr {
    if !sql.as_str().contains(" AS BIGINT)") {
        return sql;
    }
    AssertSqlSafe(sql.as_str().replace(" AS BIGINT)", " AS SIGNED)")).into_sql_str()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_are_put_in_each_database_s_words() {
        let sql = || "SELECT CAST(a AS BIGINT) FROM t WHERE b = ? AND c IN (?, ?)".into_sql_str();
        assert_eq!(
            postgres(sql()).as_str(),
            "SELECT CAST(a AS BIGINT) FROM t WHERE b = $1 AND c IN ($2, $3)"
        );
        assert_eq!(
            mariadb(sql()).as_str(),
            "SELECT CAST(a AS SIGNED) FROM t WHERE b = ? AND c IN (?, ?)"
        );
    }
}
