//! What a picture is drawn on: the page's dark colours, the mark, lines of text.

use tiny_skia::{Color, FillRule, Paint, Pixmap, Rect, Transform};

use super::face::Weight;

const WIDTH: u32 = 1200;
const HEIGHT: u32 = 630;
/// Where lines end, in pixels.
const RIGHT: f32 = 1120.0;
/// Longest text in characters that is looked at: more than fits.
const TEXT_MAX_CHARS: usize = 400;
/// The rectangles of the crane and of its load, on the mark's grid of 16 by 16: left, top, width, height.
const CRANE: [(f32, f32, f32, f32); 5] = [
    (0.0, 2.0, 16.0, 2.0),
    (1.0, 4.0, 2.0, 11.0),
    (13.0, 4.0, 2.0, 11.0),
    (7.0, 4.0, 2.0, 2.0),
    (5.0, 6.0, 6.0, 1.0),
];
const LOAD: [(f32, f32, f32, f32); 3] = [
    (4.0, 8.0, 2.0, 5.0),
    (6.5, 8.0, 3.0, 5.0),
    (10.0, 8.0, 2.0, 5.0),
];

/// The colours, as `style/tokens.css` has them for the dark.
#[derive(Debug, Clone, Copy)]
pub(super) enum Ink {
    Text,
    Faint,
    Accent,
    Signal,
}

impl Ink {
    fn paint(self) -> Paint<'static> {
        let (red, green, blue) = match self {
            Self::Text => (232, 238, 240),
            Self::Faint => (164, 177, 182),
            Self::Accent => (107, 211, 207),
            Self::Signal => (244, 140, 44),
        };
        let mut paint = Paint::default();
        paint.set_color_rgba8(red, green, blue, 255);
        paint.anti_alias = true;
        paint
    }
}

/// Why a picture can't be drawn.
#[derive(Debug, thiserror::Error)]
pub(super) enum DrawError {
    #[error("there is no room for the picture")]
    NoRoom,
    #[error("the picture can't be written: {0}")]
    Png(String),
}

pub(super) struct Canvas(Pixmap);

impl Canvas {
    pub(super) fn new() -> Result<Self, DrawError> {
        let mut pixels = Pixmap::new(WIDTH, HEIGHT).ok_or(DrawError::NoRoom)?;
        pixels.fill(Color::from_rgba8(13, 21, 25, 255));
        Ok(Self(pixels))
    }

    /// Draws the mark, `unit` pixels for each of its 16.
    pub(super) fn mark(&mut self, left: f32, top: f32, unit: f32) {
        for (rects, ink) in [(&CRANE[..], Ink::Signal), (&LOAD[..], Ink::Accent)] {
            for (x, y, width, height) in rects {
                let rect = Rect::from_xywh(
                    x.mul_add(unit, left),
                    y.mul_add(unit, top),
                    width * unit,
                    height * unit,
                );
                if let Some(rect) = rect {
                    let none = Transform::identity();
                    self.0.fill_rect(rect, &ink.paint(), none, None);
                }
            }
        }
    }

    /// Writes one line as it is.
    pub(super) fn line(&mut self, text: &str, weight: Weight, size: f32, at: (f32, f32), ink: Ink) {
        if let Some(path) = weight.outline(text, size, at) {
            let none = Transform::identity();
            self.0
                .fill_path(&path, &ink.paint(), FillRule::Winding, none, None);
        }
    }

    /// Is the largest size from `most` down to `least` at which a text fits one line.
    pub(super) fn fitting(text: &str, weight: Weight, most: f32, least: f32) -> f32 {
        let text: String = text.chars().take(TEXT_MAX_CHARS).collect();
        let width = weight.width(&text, most).max(1.0);
        let room = RIGHT - 80.0;
        (most * room / width).clamp(least, most)
    }

    /// Writes a text in at most `most` lines, cut where it is longer; returns where the next line would stand.
    pub(super) fn lines(
        &mut self,
        text: &str,
        weight: Weight,
        size: f32,
        (x, y): (f32, f32),
        ink: Ink,
        most: usize,
    ) -> f32 {
        let mut below = y;
        for line in wrapped(text, weight, size, RIGHT - x, most) {
            self.line(&line, weight, size, (x, below), ink);
            below = size.mul_add(1.3, below);
        }
        below
    }

    pub(super) fn png(&self) -> Result<Vec<u8>, DrawError> {
        let written = self.0.encode_png();
        written.map_err(|error| DrawError::Png(error.to_string()))
    }
}

/// Breaks a text at its spaces, and within words that fit no line.
fn wrapped(text: &str, weight: Weight, size: f32, room: f32, most: usize) -> Vec<String> {
    let mut lines: Vec<String> = vec![String::new()];
    let letters = text.chars().take(TEXT_MAX_CHARS);
    let text: String = letters.filter(|letter| weight.has(*letter)).collect();
    let mut is_cut = false;
    for word in pieces(&text, weight, size, room) {
        let line = lines.last_mut().expect("there is a line from the start");
        let longer = if line.is_empty() {
            word.clone()
        } else {
            format!("{line} {word}")
        };
        if weight.width(&longer, size) <= room {
            *line = longer;
        } else if lines.len() < most {
            lines.push(word);
        } else {
            is_cut = true;
            break;
        }
    }
    if is_cut && let Some(last) = lines.last_mut() {
        while weight.width(&format!("{last}…"), size) > room && last.pop().is_some() {}
        last.push('…');
    }
    lines
}

/// Is the words of a text, the longest of them in parts.
fn pieces(text: &str, weight: Weight, size: f32, room: f32) -> Vec<String> {
    let mut pieces = Vec::new();
    for word in text.split_whitespace() {
        let mut piece = String::new();
        for letter in word.chars() {
            piece.push(letter);
            if weight.width(&piece, size) > room {
                piece.pop();
                pieces.push(std::mem::take(&mut piece));
                piece.push(letter);
            }
        }
        pieces.push(piece);
    }
    pieces
}
