//! Colours code by classes: comments, strings, numbers, keywords, names, and the lines of a diff.
//!
//! One pass without regular expressions: the time is linear in the code whatever it says, and nothing is loaded
//! or kept. It does not parse. What it takes for something else than it is gets another colour, no more.

use std::fmt::{self, Write};

use super::languages::{self, Case, Language, Lines, Shape};

/// Longest code that is coloured, in bytes: colours make it several times as long.
const COLOURED_MAX_BYTES: usize = 64 * 1024;
/// Deepest indentation of a key, in bytes.
const INDENT_MAX: usize = 64;
/// Longest `${...}` that is looked for, in bytes: an open one must not be searched to the end each time.
const VARIABLE_MAX: usize = 256;

/// Writes code as HTML. `info` is what follows the fence: a language, and whatever else.
pub(super) fn write(out: &mut dyn Write, info: &str, code: &str) -> fmt::Result {
    let name = info
        .split(|c: char| c.is_whitespace() || c == ',' || c == '{')
        .next()
        .unwrap_or_default();
    match languages::find(name) {
        Some(language) if code.len() <= COLOURED_MAX_BYTES => {
            let mut scanner = Scanner {
                language,
                code,
                at: 0,
                line: 0,
                out,
            };
            match language.shape {
                Shape::Diff => scanner.diff(),
                Shape::Markup => scanner.markup(),
                Shape::Code | Shape::Shell | Shape::Settings => scanner.code(),
            }
        }
        _ => comrak::html::escape(out, code),
    }
}

struct Scanner<'a> {
    language: &'static Language,
    code: &'a str,
    /// Where the next token begins.
    at: usize,
    /// Where its line begins.
    line: usize,
    out: &'a mut dyn Write,
}

impl<'a> Scanner<'a> {
    fn code(&mut self) -> fmt::Result {
        while let Some(next) = self.rest().chars().next() {
            if let Some(length) = self.comment() {
                self.coloured(length, "comment")?;
            } else if let Some(length) = self.string() {
                let is_key = self.language.shape == Shape::Settings && self.is_key(length);
                self.coloured(length, if is_key { "name" } else { "string" })?;
            } else if self.language.shape == Shape::Shell && next == '$' {
                self.variable()?;
            } else if self.is_word(next) {
                self.word()?;
            } else {
                self.plain(next.len_utf8())?;
            }
        }
        Ok(())
    }

    fn word(&mut self) -> fmt::Result {
        let length = self.word_length();
        let word = &self.rest()[..length];
        if word.starts_with(|c: char| c.is_ascii_digit()) {
            return self.coloured(length, "number");
        }
        let is_name = match self.language.shape {
            Shape::Settings => self.begins_line() && self.is_key(length),
            Shape::Shell => word.starts_with('-') && word.len() > 1,
            _ => self.rest()[length..].starts_with('('),
        };
        if self.is_keyword(word) {
            self.coloured(length, "keyword")
        } else if is_name {
            self.coloured(length, "name")
        } else {
            self.plain(length)
        }
    }

    /// Writes `$NAME`, or `${...}` without looking into it.
    fn variable(&mut self) -> fmt::Result {
        let tail = &self.rest()[1..];
        let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let length = if tail.starts_with('{') {
            let mut near = tail.bytes().take(VARIABLE_MAX);
            near.position(|b| b == b'}').map_or(1, |end| end + 2)
        } else {
            1 + tail.find(|c| !is_name(c)).unwrap_or(tail.len())
        };
        self.coloured(length, "name")
    }

    fn markup(&mut self) -> fmt::Result {
        while let Some(start) = self.rest().find('<') {
            self.plain(start)?;
            if let Some(length) = self.comment() {
                self.coloured(length, "comment")?;
            } else {
                self.tag()?;
            }
        }
        self.plain(self.rest().len())
    }

    fn tag(&mut self) -> fmt::Result {
        let marks = self.rest().find(|c| !"</?!".contains(c));
        self.plain(marks.unwrap_or(self.rest().len()))?;
        self.coloured(self.word_length(), "keyword")?;
        while let Some(next) = self.rest().chars().next() {
            if next == '>' || next == '<' {
                break;
            } else if let Some(length) = self.string() {
                self.coloured(length, "string")?;
            } else if self.is_word(next) {
                self.coloured(self.word_length(), "name")?;
            } else {
                self.plain(next.len_utf8())?;
            }
        }
        Ok(())
    }

    fn diff(&mut self) -> fmt::Result {
        for line in self.code.split_inclusive('\n') {
            let text = line.trim_end_matches('\n');
            let class = match text {
                _ if text.starts_with("+++") || text.starts_with("---") => "keyword",
                _ if text.starts_with("diff ") || text.starts_with("index ") => "keyword",
                _ if text.starts_with("@@") => "name",
                _ if text.starts_with('+') => "added",
                _ if text.starts_with('-') => "removed",
                _ => "",
            };
            if class.is_empty() {
                self.plain(text.len())?;
            } else {
                self.coloured(text.len(), class)?;
            }
            self.plain(line.len() - text.len())?;
        }
        Ok(())
    }

    /// Is the length of the comment that begins here.
    fn comment(&self) -> Option<usize> {
        let rest = self.rest();
        if let Some((open, close)) = self.language.block_comment
            && let Some(tail) = rest.strip_prefix(open)
        {
            let end = tail.find(close).map(|end| open.len() + end + close.len());
            return Some(end.unwrap_or(rest.len()));
        }
        let mut marks = self.language.line_comments.iter();
        let mark = marks.find(|mark| rest.starts_with(**mark))?;
        // `#` and `;` within a word, and the `//` of an address, are none.
        let before = self.code[..self.at].chars().next_back();
        let is_apart = match before {
            None => true,
            Some(c) if mark.len() == 1 => c.is_whitespace(),
            Some(c) => c != ':',
        };
        is_apart.then(|| rest.find('\n').unwrap_or(rest.len()))
    }

    /// Is the length of the string that begins here.
    fn string(&self) -> Option<usize> {
        let rest = self.rest();
        let mut quotes = self.language.strings.iter();
        let quote = quotes.find(|quote| rest.starts_with(quote.mark))?;
        // The apostrophe of a text.
        let before = self.code[..self.at].chars().next_back();
        if self.language.shape == Shape::Settings && before.is_some_and(char::is_alphanumeric) {
            return None;
        }
        let mut escaped = false;
        for (at, c) in rest.char_indices().skip(quote.mark.len()) {
            if escaped {
                escaped = false;
            } else if c == '\\' {
                escaped = true;
            } else if rest[at..].starts_with(quote.mark) {
                return Some(at + quote.mark.len());
            } else if c == '\n' && quote.lines == Lines::One {
                return Some(at);
            }
        }
        Some(rest.len())
    }

    /// Tells whether what is so long is followed by `:` or `=`.
    fn is_key(&self, length: usize) -> bool {
        let tail = self.rest()[length..].trim_start_matches([' ', '\t']);
        tail.starts_with([':', '='])
    }

    /// Tells whether only blanks, and the marks of lists, are before this place in its line.
    fn begins_line(&self) -> bool {
        let line = &self.code[self.line..self.at];
        // Long runs of blanks are no indentation, and would be read again for every word.
        line.len() <= INDENT_MAX && line.chars().all(|c| " \t-{".contains(c))
    }

    fn is_keyword(&self, word: &str) -> bool {
        let mut keywords = self.language.keywords.iter();
        match self.language.case {
            Case::Matters => keywords.any(|keyword| *keyword == word),
            Case::Ignored => keywords.any(|keyword| keyword.eq_ignore_ascii_case(word)),
        }
    }

    fn is_word(&self, c: char) -> bool {
        c.is_alphanumeric() || c == '_' || self.language.word.contains(c)
    }

    fn word_length(&self) -> usize {
        let rest = self.rest();
        rest.find(|c| !self.is_word(c)).unwrap_or(rest.len())
    }

    fn rest(&self) -> &'a str {
        &self.code[self.at..]
    }

    fn coloured(&mut self, length: usize, class: &str) -> fmt::Result {
        if length == 0 {
            return Ok(());
        }
        write!(self.out, "<span class=\"hl-{class}\">")?;
        self.plain(length)?;
        self.out.write_str("</span>")
    }

    fn plain(&mut self, length: usize) -> fmt::Result {
        let text = &self.rest()[..length];
        if let Some(end) = text.rfind('\n') {
            self.line = self.at + end + 1;
        }
        self.at += length;
        comrak::html::escape(self.out, text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Writes colours as `[class text]`.
    fn marked(info: &str, code: &str) -> String {
        let mut html = String::new();
        write(&mut html, info, code).unwrap();
        html.replace("<span class=\"hl-", "[")
            .replace("\">", " ")
            .replace("</span>", "]")
            .replace("&quot;", "\"")
            .replace("&lt;", "<")
            .replace("&gt;", ">")
    }

    #[test]
    fn colours_what_readmes_hold() {
        for (info, code, expected) in [
            (
                "sh",
                "docker run -e A=\"$B\" x:1#2 $C ${D} # e",
                "docker run [name -e] A=[string \"$B\"] x:[number 1]#[number 2] [name $C] [name ${D}] [comment # e]",
            ),
            (
                "Dockerfile",
                "FROM a AS b\nRUN c --d",
                "[keyword FROM] a [keyword AS] b\n[keyword RUN] c [name --d]",
            ),
            (
                "yaml",
                "# a\n- b-c: 'd' # e\n  f: true\n  it's: https://x",
                "[comment # a]\n- [name b-c]: [string 'd'] [comment # e]\n  [name f]: [keyword true]\n  it's: https://x",
            ),
            (
                "json",
                "{\"a\": [1, \"b\", null]}",
                "{[name \"a\"]: [[number 1], [string \"b\"], [keyword null]]}",
            ),
            ("toml", "[a]\nb.c = 1.5", "[a]\n[name b.c] = [number 1.5]"),
            (
                "py",
                "def a(b):\n  return '''c\n'''",
                "[keyword def] [name a](b):\n  [keyword return] [string '''c\n''']",
            ),
            (
                "rust",
                "fn a<'b>() {} // c",
                "[keyword fn] a<'b>() {} [comment // c]",
            ),
            (
                "ts",
                "const a = `b\n${c}`",
                "[keyword const] a = [string `b\n${c}`]",
            ),
            (
                "sql",
                "SELECT 1 -- a\nfrom b",
                "[keyword SELECT] [number 1] [comment -- a]\n[keyword from] b",
            ),
            (
                "html",
                "<!-- a --><b c='d'>e</b> f < g",
                "[comment <!-- a -->]<[keyword b] [name c]=[string 'd']>e</[keyword b]> f < [name g]",
            ),
            (
                "css",
                "@media x { a { b: c } }\n/* d */",
                "[keyword @media] x { a { b: c } }\n[comment /* d */]",
            ),
            (
                "diff",
                "--- a\n+b\n-c\n d\n",
                "[keyword --- a]\n[added +b]\n[removed -c]\n d\n",
            ),
            (
                "c",
                "#include <a.h>\nint b = '\\'';",
                "[keyword #include] <a.h>\n[keyword int] b = [string '\\''];",
            ),
            ("go", "a(\"b\n", "[name a]([string \"b]\n"),
            ("none", "if <", "if <"),
            ("", "if", "if"),
            ("rust,ignore", "if", "[keyword if]"),
        ] {
            assert_eq!(marked(info, code), expected, "{info}");
        }
    }

    #[test]
    fn leaves_long_code_as_it_is() {
        let code = "if ".repeat(COLOURED_MAX_BYTES / 3 + 1);
        assert_eq!(marked("sh", &code), code);
    }
}
