//! Sizes as people read them.

use leptos::prelude::*;

/// Decimal units, as registries and disks count.
const UNITS: [&str; 4] = ["kB", "MB", "GB", "TB"];

/// Shows a size with one decimal, the exact bytes on hover.
#[component]
pub fn ByteSize(bytes: u64) -> impl IntoView {
    view! {
        <span class="byte-size" title=format!("{} bytes", grouped(bytes))>
            {human(bytes)}
        </span>
    }
}

/// Writes a size with one decimal in the largest unit that leaves a whole number before the point.
pub fn human(bytes: u64) -> String {
    if bytes < 1000 {
        return format!("{bytes} B");
    }
    let (mut unit, mut tenths) = (0, bytes / 100);
    while tenths >= 10_000 && unit + 1 < UNITS.len() {
        tenths /= 1000;
        unit += 1;
    }
    format!("{}.{} {}", tenths / 10, tenths % 10, UNITS[unit])
}

/// Writes a number in groups of three with thin spaces between.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() * 2);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push('\u{202f}');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_sizes_for_people() {
        let written = [0, 999, 1000, 12_345_678, 999_999_999, 1_500_000_000].map(human);
        assert_eq!(
            written,
            ["0 B", "999 B", "1.0 kB", "12.3 MB", "999.9 MB", "1.5 GB"]
        );
    }

    #[test]
    fn groups_digits() {
        assert_eq!(grouped(1_234_567), "1\u{202f}234\u{202f}567");
        assert_eq!(grouped(12), "12");
    }
}
