//! Rewrites a statement to the words of PostgreSQL or MariaDB.

use sqlx::{AssertSqlSafe, SqlSafeStr, SqlStr};

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
