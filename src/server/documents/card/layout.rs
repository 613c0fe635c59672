//! Where things stand on a card.

use super::Facts;
use super::canvas::{BOLD, Canvas, HEIGHT, Ink, REGULAR, WIDTH};
use super::text::{cut, drawable, wrap};

/// Distances in pixels.
const MARGIN: f32 = 80.0;
const MARK: f32 = 72.0;
const STRIPE: f32 = 14.0;
/// Sizes of type in pixels.
const SITE_SIZE: f32 = 38.0;
const DESCRIPTION_SIZE: f32 = 36.0;
const LINE_SIZE: f32 = 30.0;
/// From the largest a title may have to the smallest; what is longer then takes a second line.
const TITLE_SIZES: [f32; 5] = [92.0, 80.0, 70.0, 62.0, 56.0];
/// Distance of lines, as a part of the size.
const LEADING: f32 = 1.38;
const TITLE_LEADING: f32 = 1.15;
/// Most lines of title and description together.
const LINES_MAX: usize = 4;

/// The mark in units of a sixteenth, as in `public/favicon.svg`: a crane over containers.
const CRANE: [[f32; 4]; 5] = [
    [0.0, 2.0, 16.0, 2.0],
    [1.0, 4.0, 2.0, 11.0],
    [13.0, 4.0, 2.0, 11.0],
    [7.0, 4.0, 2.0, 2.0],
    [5.0, 6.0, 6.0, 1.0],
];
const CONTAINERS: [[f32; 4]; 3] = [
    [4.0, 8.0, 2.0, 5.0],
    [6.5, 8.0, 3.0, 5.0],
    [10.0, 8.0, 2.0, 5.0],
];

/// Draws a card and returns it as a PNG.
pub fn draw(facts: &Facts) -> Result<Vec<u8>, String> {
    let mut canvas = Canvas::new();
    let (width, height) = (f32::from(WIDTH), f32::from(HEIGHT));
    canvas.fill([0.0, height - STRIPE, width, STRIPE], Ink::ACCENT);
    canvas.fill([0.0, height - STRIPE, width / 4.0, STRIPE], Ink::SIGNAL);
    draw_mark(&mut canvas, (MARGIN, MARGIN - 8.0));
    let beside = (MARGIN + MARK + 22.0, MARGIN + 42.0);
    if !facts.lead.is_empty() {
        canvas.write(&BOLD, "Dockyard", SITE_SIZE, beside, Ink::STRONG);
    }
    let (end, lines) = draw_title(&mut canvas, facts);
    draw_description(&mut canvas, &facts.description, end, LINES_MAX - lines);
    draw_line(&mut canvas, &facts.line);
    canvas.finish()
}

fn draw_mark(canvas: &mut Canvas, (left, top): (f32, f32)) {
    let unit = MARK / 16.0;
    let mut fill = |shapes: &[[f32; 4]], ink| {
        for [x, y, width, height] in shapes {
            let (x, y) = (left + x * unit, top + y * unit);
            canvas.fill([x, y, width * unit, height * unit], ink);
        }
    };
    fill(&CRANE, Ink::SIGNAL);
    fill(&CONTAINERS, Ink::ACCENT);
}

/// Writes the title as large as it fits; returns the line it ends on, and how many lines it took.
fn draw_title(canvas: &mut Canvas, facts: &Facts) -> (f32, usize) {
    let room = f32::from(WIDTH) - 2.0 * MARGIN;
    let whole = format!("{}{}", facts.lead, facts.title);
    let [.., smallest] = TITLE_SIZES;
    let fits = |size: &f32| BOLD.width(&whole, *size) <= room;
    let size = TITLE_SIZES.into_iter().find(fits).unwrap_or(smallest);
    let lines = wrap(&BOLD, &whole, size, room, 2);
    // Alone it stands lower; with a second line it begins higher.
    let mut y = match lines.len() {
        1 if facts.description.is_empty() => 330.0,
        1 => 290.0,
        _ => 262.0,
    };
    let mut faint = facts.lead.len();
    for (at, line) in lines.iter().enumerate() {
        if at > 0 {
            y += size * TITLE_LEADING;
        }
        let (lead, rest) = line.split_at_checked(faint).unwrap_or((line, ""));
        let x = canvas.write(&BOLD, lead, size, (MARGIN, y), Ink::FAINT);
        canvas.write(&BOLD, rest, size, (x, y), Ink::STRONG);
        faint -= lead.len();
    }
    (y, lines.len())
}

fn draw_description(canvas: &mut Canvas, text: &str, title: f32, lines_max: usize) {
    let room = f32::from(WIDTH) - 2.0 * MARGIN;
    let text = drawable(&REGULAR, text);
    let lines = wrap(&REGULAR, &text, DESCRIPTION_SIZE, room, lines_max.min(3));
    let mut y = title + 30.0;
    for line in lines {
        y += DESCRIPTION_SIZE * LEADING;
        canvas.write(&REGULAR, &line, DESCRIPTION_SIZE, (MARGIN, y), Ink::TEXT);
    }
}

fn draw_line(canvas: &mut Canvas, text: &str) {
    let text = drawable(&REGULAR, text);
    if text.is_empty() {
        return;
    }
    let (room, y) = (f32::from(WIDTH) - 2.0 * MARGIN, f32::from(HEIGHT) - 62.0);
    canvas.fill([MARGIN, y - 52.0, room, 2.0], Ink::LINE);
    let text = cut(&REGULAR, &text, LINE_SIZE, room);
    canvas.write(&REGULAR, &text, LINE_SIZE, (MARGIN, y), Ink::FAINT);
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    fn facts(title: &str, description: &str) -> Facts {
        Facts {
            lead: "alice/".to_owned(),
            title: title.to_owned(),
            description: description.to_owned(),
            line: "12 stars  ·  3.4k pulls  ·  linux/amd64, linux/arm64".to_owned(),
        }
    }

    #[test]
    fn draws_whatever_it_is_given() {
        let long = "x/".repeat(120);
        let huge = "\u{202e}😀 word\u{0} ".repeat(100_000);
        let texts = ["", "plain", "\u{202e}\u{0}\u{1b}", "字字字", huge.as_str()];
        for title in ["app", long.as_str(), &"w".repeat(249)] {
            for text in texts {
                let started = Instant::now();
                let png = draw(&facts(title, text)).unwrap();
                assert!(png.starts_with(b"\x89PNG"));
                assert!(png.len() < 150_000, "{} bytes", png.len());
                // Far more than any takes, without optimisation on a busy machine.
                assert!(started.elapsed().as_secs() < 60);
            }
        }
    }
}
