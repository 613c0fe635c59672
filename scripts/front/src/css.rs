//! One style sheet out of several, with hashed names in it. Knows nothing of files.

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail};

/// Puts the sheets that `main.css` imports in the place of their `@import` lines.
///
/// Understands `@import "name.css";` and `@import "name.css" layer(name);`. An imported sheet imports
/// nothing itself. Comments are left out.
pub fn inline(sheets: &BTreeMap<String, String>) -> Result<String> {
    let main = sheets.get("main.css").context("main.css is missing")?;
    let mut rest = without_comments(main);
    let mut out = String::new();
    while let Some(at) = rest.find("@import") {
        out.push_str(&rest[..at]);
        let end = rest[at..]
            .find(';')
            .context("an @import of main.css has no `;`")?;
        let statement = &rest[at..at + end];
        out.push_str(&imported(statement, sheets)?);
        rest = rest[at + end + 1..].to_owned();
    }
    out.push_str(&rest);
    Ok(out)
}

/// Replaces each `url(name)` by what `hashed` answers for the name.
///
/// Errors: a name that `hashed` does not know, and an address of another host. `data:` and `#`
/// addresses stay as they are.
pub fn rewrite_urls(sheet: &str, hashed: impl Fn(&str) -> Option<String>) -> Result<String> {
    let mut out = String::with_capacity(sheet.len());
    let mut rest = sheet;
    while let Some(at) = rest.find("url(") {
        let inside = &rest[at + "url(".len()..];
        let end = inside
            .find(')')
            .context("a url( in the style sheets has no `)`")?;
        let address = inside[..end].trim().trim_matches(['"', '\'']);
        out.push_str(&rest[..at]);
        if address.starts_with("data:") || address.starts_with('#') {
            out.push_str(&rest[at..=at + "url(".len() + end]);
        } else if let Some(name) = hashed(address) {
            out.push_str("url(\"");
            out.push_str(&name);
            out.push_str("\")");
        } else {
            bail!("the style sheets ask for url({address}), and public/ has no such file");
        }
        rest = &inside[end + 1..];
    }
    out.push_str(rest);
    Ok(out)
}

/// Is the text that an `@import` statement stands for.
fn imported(statement: &str, sheets: &BTreeMap<String, String>) -> Result<String> {
    let odd = || format!("cannot read `{statement}`: write @import \"name.css\" layer(name);");
    let after = statement.trim_start_matches("@import").trim();
    let quote = after
        .chars()
        .next()
        .filter(|c| ['"', '\''].contains(c))
        .with_context(odd)?;
    let (name, condition) = after[1..].split_once(quote).with_context(odd)?;
    let sheet = sheets
        .get(name)
        .with_context(|| format!("`{statement}`: no such file"))?;
    let sheet = without_comments(sheet);
    if sheet.contains("@import") {
        bail!("{name} imports another sheet; only main.css may");
    }
    let sheet = sheet.trim();
    match condition.trim() {
        "" => Ok(format!("{sheet}\n")),
        layer => {
            let layer = layer
                .strip_prefix("layer(")
                .and_then(|l| l.strip_suffix(')'));
            Ok(format!(
                "@layer {} {{\n{sheet}\n}}",
                layer.with_context(odd)?.trim()
            ))
        }
    }
}

/// Leaves comments out, and knows that `/*` inside a string is none.
fn without_comments(sheet: &str) -> String {
    let mut out = String::with_capacity(sheet.len());
    let mut quote = None;
    let mut rest = sheet;
    while let Some(c) = rest.chars().next() {
        if quote.is_none() && rest.starts_with("/*") {
            rest = rest[2..].split_once("*/").map_or("", |(_, after)| after);
            continue;
        }
        let escaped = quote.is_some() && c == '\\';
        if !escaped && (c == '"' || c == '\'') {
            quote = match quote {
                Some(open) if open == c => None,
                None => Some(c),
                other => other,
            };
        }
        let taken = if escaped {
            rest.chars().take(2).map(char::len_utf8).sum()
        } else {
            c.len_utf8()
        };
        out.push_str(&rest[..taken]);
        rest = &rest[taken..];
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sheets(files: &[(&str, &str)]) -> BTreeMap<String, String> {
        files
            .iter()
            .map(|(name, text)| ((*name).to_owned(), (*text).to_owned()))
            .collect()
    }

    #[test]
    fn puts_imported_sheets_into_their_layers() {
        let main =
            "@layer base, pages;\n@import \"base.css\" layer(base);\n@import 'plain.css';\nb {}\n";
        let files = sheets(&[
            ("main.css", main),
            ("base.css", "a { top: 0 }\n"),
            ("plain.css", "i {}"),
        ]);
        let expected = "@layer base, pages;\n@layer base {\na { top: 0 }\n}\ni {}\n\nb {}\n";
        assert_eq!(inline(&files).unwrap(), expected);
    }

    #[test]
    fn ignores_an_import_in_a_comment() {
        let files = sheets(&[("main.css", "/* @import \"gone.css\"; */a {}")]);
        assert_eq!(inline(&files).unwrap(), "a {}");
    }

    #[test]
    fn names_the_import_that_it_cannot_follow() {
        for (main, complaint) in [
            ("@import \"gone.css\";", "no such file"),
            ("@import url(base.css);", "cannot read"),
            ("@import \"base.css\" screen;", "cannot read"),
            ("@import \"nested.css\";", "imports another sheet"),
        ] {
            let files = sheets(&[
                ("main.css", main),
                ("base.css", ""),
                ("nested.css", "@import \"base.css\";"),
            ]);
            let error = inline(&files).unwrap_err().to_string();
            assert!(error.contains(complaint), "{main}: {error}");
        }
    }

    #[test]
    fn keeps_what_only_looks_like_a_comment() {
        let text = r#"a::before { content: "/* \" */" } /* gone */b {}"#;
        assert_eq!(
            without_comments(text),
            r#"a::before { content: "/* \" */" } b {}"#
        );
    }

    #[test]
    fn rewrites_only_addresses_of_files() {
        let sheet = r#"a { src: url(a.woff2); b: url("b.svg"); c: url(#x); d: url('data:x,y') }"#;
        let hashed = |name: &str| Some(name.replace('.', "-1."));
        let expected =
            r#"a { src: url("a-1.woff2"); b: url("b-1.svg"); c: url(#x); d: url('data:x,y') }"#;
        assert_eq!(rewrite_urls(sheet, hashed).unwrap(), expected);
    }

    #[test]
    fn refuses_an_address_that_is_no_file_of_ours() {
        let error = rewrite_urls("a { b: url(https://example.org/x.png) }", |_| None).unwrap_err();
        assert!(error.to_string().contains("https://example.org/x.png"));
    }
}
