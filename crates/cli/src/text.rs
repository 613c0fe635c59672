//! Makes text fit for a terminal: single lines without control characters, sizes, ages, tables.

use std::fmt::Write as _;
use std::time::UNIX_EPOCH;

use dockyard_oci::is_harmful;

/// Keeps a text on one line and free of characters that could drive the terminal.
pub fn one_line(text: &str) -> String {
    let harmless = text.replace(is_harmful, " ");
    harmless.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Keeps the lines of a text, free of other characters that could drive the terminal.
pub fn lines(text: &str) -> String {
    let kept = |c: &char| !is_harmful(*c) || matches!(c, '\n' | '\t');
    text.trim_end().chars().filter(kept).collect()
}

/// Writes a JSON document with characters that could drive the terminal as escapes.
pub fn json(document: &str) -> String {
    let mut written = String::with_capacity(document.len());
    for c in document.chars() {
        if is_harmful(c) && c != '\n' {
            let _ = write!(written, "\\u{:04x}", u32::from(c));
        } else {
            written.push(c);
        }
    }
    written
}

/// Shortens a text to a number of characters, with an ellipsis when something was left out.
pub fn shorten(text: &str, max_chars: usize) -> String {
    let text = one_line(text);
    if text.chars().count() <= max_chars {
        return text;
    }
    let kept: String = text.chars().take(max_chars.saturating_sub(1)).collect();
    format!("{}…", kept.trim_end())
}

/// Writes a size in bytes as people read it: `17 B`, `4.0 KiB`, `1.5 GiB`.
pub fn size(bytes: u64) -> String {
    indicatif::BinaryBytes(bytes).to_string()
}

/// Writes how long ago a time was, both in Unix milliseconds.
pub fn age(then_ms: i64, now_ms: i64) -> String {
    let minutes = (now_ms - then_ms).max(0) / 60_000;
    let (count, unit) = match minutes {
        0 => return "just now".to_owned(),
        1..60 => (minutes, "minute"),
        60..1_440 => (minutes / 60, "hour"),
        1_440..86_400 => (minutes / 1_440, "day"),
        86_400..1_051_200 => (minutes / 43_200, "month"),
        _ => (minutes / 525_600, "year"),
    };
    format!("{} ago", counted(count.unsigned_abs(), unit))
}

/// Writes the day that this machine's clock shows: `2026-11-25`.
pub fn today() -> String {
    let now = UNIX_EPOCH + UNIX_EPOCH.elapsed().unwrap_or_default();
    let mut date = humantime::format_rfc3339_seconds(now).to_string();
    date.truncate("2026-11-25".len());
    date
}

/// Writes a number with its noun: `1 layer`, `3 layers`.
pub fn counted(count: u64, noun: &str) -> String {
    if count == 1 {
        format!("1 {noun}")
    } else {
        format!("{count} {noun}s")
    }
}

/// Lays rows out in columns as wide as their widest cell, two spaces apart.
pub fn table<const N: usize>(rows: &[[String; N]]) -> Vec<String> {
    let mut widths = [0; N];
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    rows.iter().map(|row| table_line(row, &widths)).collect()
}

fn table_line<const N: usize>(row: &[String; N], widths: &[usize; N]) -> String {
    let mut line = String::new();
    for (cell, width) in row.iter().zip(widths) {
        let _ = write!(line, "{cell:<width$}  ");
    }
    line.trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_escape_sequences_and_line_breaks_out() {
        assert_eq!(one_line("a\x1b[31mred\r\n  b\u{9b}1m"), "a [31mred b 1m");
        assert_eq!(one_line("gpj\u{202e}exe"), "gpj exe");
        assert_eq!(lines("a\x1b[2J\n\tb\u{2066}\n"), "a[2J\n\tb");
        let written = serde_json::to_string_pretty(&["a\x1b\u{9b}\u{202e}é"]).unwrap();
        let cleaned = json(&written);
        assert_eq!(cleaned, "[\n  \"a\\u001b\\u009b\\u202eé\"\n]");
        let read: Vec<String> = serde_json::from_str(&cleaned).unwrap();
        assert_eq!(read, ["a\x1b\u{9b}\u{202e}é"]);
    }

    #[test]
    fn shortens_by_characters_and_not_by_bytes() {
        assert_eq!(shorten("ééééé", 5), "ééééé");
        assert_eq!(shorten("éééééé", 5), "éééé…");
    }

    #[test]
    fn ages_are_rounded_down_to_the_largest_unit() {
        let hour = 3_600_000;
        for (passed, expected) in [
            (0, "just now"),
            (-5 * hour, "just now"),
            (60_000, "1 minute ago"),
            (5 * hour, "5 hours ago"),
            (49 * hour, "2 days ago"),
            (24 * 70 * hour, "2 months ago"),
            (24 * 800 * hour, "2 years ago"),
        ] {
            assert_eq!(age(0, passed), expected);
        }
    }

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let rows = [["TAG", "SIZE"], ["latest", "1 B"]].map(|row| row.map(str::to_owned));
        assert_eq!(table(&rows), ["TAG     SIZE", "latest  1 B"]);
    }
}
