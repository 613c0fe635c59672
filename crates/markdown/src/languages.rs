//! What the scanner of `highlight` knows of each language.

/// A language, by what its code is made of.
pub(super) struct Language {
    /// What follows the fence in Markdown, in lower case.
    names: &'static [&'static str],
    pub shape: Shape,
    pub line_comments: &'static [&'static str],
    /// Opening and closing mark.
    pub block_comment: Option<(&'static str, &'static str)>,
    /// Longer marks first.
    pub strings: &'static [Quote],
    pub keywords: &'static [&'static str],
    pub case: Case,
    /// Characters that belong to words, beside letters, digits and `_`.
    pub word: &'static str,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// Words, some of them keywords or functions that are called.
    Code,
    /// Commands with `$VARIABLES`.
    Shell,
    /// Keys that begin a line, with their values.
    Settings,
    Markup,
    Diff,
}

/// Tells whether keywords may be written in both cases.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Case {
    Matters,
    Ignored,
}

/// A mark that opens a string and closes it.
pub(super) struct Quote {
    pub mark: &'static str,
    pub lines: Lines,
}

#[derive(PartialEq, Eq)]
pub(super) enum Lines {
    /// An open string ends with its line.
    One,
    Many,
}

const DOUBLE: Quote = Quote {
    mark: "\"",
    lines: Lines::One,
};
const SINGLE: Quote = Quote {
    mark: "'",
    lines: Lines::One,
};
const DOUBLE_LINES: Quote = Quote {
    mark: "\"",
    lines: Lines::Many,
};
const SINGLE_LINES: Quote = Quote {
    mark: "'",
    lines: Lines::Many,
};
const BACKTICK: Quote = Quote {
    mark: "`",
    lines: Lines::Many,
};
const TRIPLE_DOUBLE: Quote = Quote {
    mark: "\"\"\"",
    lines: Lines::Many,
};
const TRIPLE_SINGLE: Quote = Quote {
    mark: "'''",
    lines: Lines::Many,
};
const C_COMMENT: Option<(&str, &str)> = Some(("/*", "*/"));

/// Finds a language by its name, in either case.
pub(super) fn find(name: &str) -> Option<&'static Language> {
    let name = name.to_ascii_lowercase();
    LANGUAGES
        .iter()
        .find(|language| language.names.contains(&name.as_str()))
}

/// A list of words, written as a text.
macro_rules! words {
    ($($word:ident)*) => { &[$(stringify!($word)),*] };
}

static LANGUAGES: &[Language] = &[
    Language {
        names: &[
            "sh",
            "bash",
            "shell",
            "zsh",
            "console",
            "shell-session",
            "shellsession",
            "terminal",
        ],
        shape: Shape::Shell,
        line_comments: &["#"],
        strings: &[DOUBLE_LINES, SINGLE_LINES],
        keywords: words![if then else elif fi for while until do done case esac in function select
            return exit export local readonly set unset shift source alias trap eval exec],
        word: "-./",
        ..EMPTY
    },
    Language {
        names: &["dockerfile", "docker", "containerfile"],
        shape: Shape::Shell,
        line_comments: &["#"],
        strings: &[DOUBLE, SINGLE],
        keywords: words![FROM AS RUN CMD LABEL MAINTAINER EXPOSE ENV ADD COPY ENTRYPOINT VOLUME USER
            WORKDIR ARG ONBUILD STOPSIGNAL HEALTHCHECK SHELL],
        word: "-./",
        ..EMPTY
    },
    Language {
        names: &["yaml", "yml", "compose", "docker-compose"],
        shape: Shape::Settings,
        line_comments: &["#"],
        strings: &[DOUBLE_LINES, SINGLE_LINES],
        keywords: words![true false null yes no on off],
        word: "-./",
        ..EMPTY
    },
    Language {
        names: &["json", "jsonc", "json5"],
        shape: Shape::Settings,
        line_comments: &["//"],
        block_comment: C_COMMENT,
        strings: &[DOUBLE],
        keywords: words![true false null],
        ..EMPTY
    },
    Language {
        names: &["toml"],
        shape: Shape::Settings,
        line_comments: &["#"],
        strings: &[TRIPLE_DOUBLE, TRIPLE_SINGLE, DOUBLE, SINGLE],
        keywords: words![true false inf nan],
        word: "-.",
        ..EMPTY
    },
    Language {
        names: &[
            "ini",
            "conf",
            "cfg",
            "config",
            "properties",
            "env",
            "dotenv",
            "nginx",
            "apache",
        ],
        shape: Shape::Settings,
        line_comments: &["#", ";"],
        strings: &[DOUBLE, SINGLE],
        keywords: words![true false yes no on off],
        word: "-./",
        ..EMPTY
    },
    Language {
        names: &["python", "py", "python3"],
        line_comments: &["#"],
        strings: &[TRIPLE_DOUBLE, TRIPLE_SINGLE, DOUBLE, SINGLE],
        keywords: &[
            "and", "as", "assert", "async", "await", "break", "class", "continue", "def", "del",
            "elif", "else", "except", "False", "finally", "for", "from", "global", "if", "import",
            "in", "is", "lambda", "match", "None", "nonlocal", "not", "or", "pass", "raise",
            "return", "True", "try", "while", "with", "yield",
        ],
        ..EMPTY
    },
    Language {
        names: &["go", "golang"],
        line_comments: &["//"],
        block_comment: C_COMMENT,
        strings: &[DOUBLE, SINGLE, BACKTICK],
        keywords: words![break case chan const continue default defer else fallthrough false for func go
            goto if import interface iota map nil package range return select struct switch true type var],
        ..EMPTY
    },
    Language {
        names: &["rust", "rs"],
        line_comments: &["//"],
        block_comment: C_COMMENT,
        // No single quotes: most of them are lifetimes.
        strings: &[DOUBLE_LINES],
        keywords: &[
            "as", "async", "await", "break", "const", "continue", "crate", "dyn", "else", "enum",
            "extern", "false", "fn", "for", "if", "impl", "in", "let", "loop", "match", "mod",
            "move", "mut", "pub", "ref", "return", "self", "Self", "static", "struct", "super",
            "trait", "true", "type", "unsafe", "use", "where", "while",
        ],
        ..EMPTY
    },
    Language {
        names: &[
            "js",
            "javascript",
            "jsx",
            "mjs",
            "cjs",
            "node",
            "ts",
            "typescript",
            "tsx",
        ],
        line_comments: &["//"],
        block_comment: C_COMMENT,
        strings: &[DOUBLE, SINGLE, BACKTICK],
        keywords: &[
            "abstract",
            "as",
            "async",
            "await",
            "break",
            "case",
            "catch",
            "class",
            "const",
            "continue",
            "debugger",
            "declare",
            "default",
            "delete",
            "do",
            "else",
            "enum",
            "export",
            "extends",
            "false",
            "finally",
            "for",
            "from",
            "function",
            "if",
            "implements",
            "import",
            "in",
            "instanceof",
            "interface",
            "keyof",
            "let",
            "namespace",
            "new",
            "null",
            "of",
            "private",
            "protected",
            "public",
            "readonly",
            "return",
            "static",
            "super",
            "switch",
            "this",
            "throw",
            "true",
            "try",
            "type",
            "typeof",
            "undefined",
            "var",
            "void",
            "while",
            "yield",
        ],
        word: "$",
        ..EMPTY
    },
    Language {
        names: &["sql", "mysql", "pgsql", "postgresql", "postgres", "sqlite"],
        line_comments: &["--"],
        block_comment: C_COMMENT,
        strings: &[SINGLE_LINES, DOUBLE],
        keywords: words![add all alter and any as asc begin between by case check column commit
            constraint create cross database default delete desc distinct drop else end exists false
            foreign from full grant group having if in index inner insert into is join key left like
            limit not null offset on or order outer primary references replace returning revoke right
            rollback schema select set table then to transaction true truncate union unique update use
            user using values view when where with],
        case: Case::Ignored,
        ..EMPTY
    },
    Language {
        names: &["html", "xhtml", "xml", "svg", "vue", "plist"],
        shape: Shape::Markup,
        block_comment: Some(("<!--", "-->")),
        strings: &[DOUBLE_LINES, SINGLE_LINES],
        word: "-:.",
        ..EMPTY
    },
    Language {
        names: &["css", "scss", "less"],
        shape: Shape::Settings,
        line_comments: &["//"],
        block_comment: C_COMMENT,
        strings: &[DOUBLE, SINGLE],
        keywords: &[
            "@charset",
            "@container",
            "@font-face",
            "@import",
            "@keyframes",
            "@layer",
            "@media",
            "@page",
            "@property",
            "@supports",
            "@use",
        ],
        word: "-@",
        ..EMPTY
    },
    Language {
        names: &["diff", "patch"],
        shape: Shape::Diff,
        ..EMPTY
    },
    Language {
        names: &["java", "kotlin", "kt", "groovy", "scala", "cs", "csharp"],
        line_comments: &["//"],
        block_comment: C_COMMENT,
        strings: &[TRIPLE_DOUBLE, DOUBLE, SINGLE],
        keywords: words![abstract assert boolean break byte case catch char class const continue default
            do double else enum extends false final finally float for fun goto if implements import in
            instanceof int interface long namespace native new null object override package private
            protected public record return sealed short static string super switch synchronized this
            throw throws transient true try using val var void volatile when while],
        word: "@",
        ..EMPTY
    },
    Language {
        names: &["c", "h", "cpp", "c++", "hpp", "cc", "objc"],
        line_comments: &["//"],
        block_comment: C_COMMENT,
        strings: &[DOUBLE, SINGLE],
        keywords: &[
            "#define",
            "#elif",
            "#else",
            "#endif",
            "#if",
            "#ifdef",
            "#ifndef",
            "#include",
            "#pragma",
            "auto",
            "bool",
            "break",
            "case",
            "catch",
            "char",
            "class",
            "const",
            "constexpr",
            "continue",
            "default",
            "delete",
            "do",
            "double",
            "else",
            "enum",
            "explicit",
            "extern",
            "false",
            "float",
            "for",
            "friend",
            "goto",
            "if",
            "inline",
            "int",
            "long",
            "namespace",
            "new",
            "NULL",
            "nullptr",
            "operator",
            "private",
            "protected",
            "public",
            "register",
            "return",
            "short",
            "signed",
            "sizeof",
            "static",
            "struct",
            "switch",
            "template",
            "this",
            "throw",
            "true",
            "try",
            "typedef",
            "typename",
            "union",
            "unsigned",
            "using",
            "virtual",
            "void",
            "volatile",
            "while",
        ],
        word: "#",
        ..EMPTY
    },
];

const EMPTY: Language = Language {
    names: &[],
    shape: Shape::Code,
    line_comments: &[],
    block_comment: None,
    strings: &[],
    keywords: &[],
    case: Case::Matters,
    word: "",
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_each_name_once() {
        let mut names: Vec<_> = LANGUAGES
            .iter()
            .flat_map(|language| language.names)
            .collect();
        let count = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), count);
        assert!(find("YAML").is_some());
        assert!(find("\"><script>").is_none());
    }
}
