//! The two weights of the text face, cut to the letters of Europe's languages.

use std::sync::LazyLock;

use tiny_skia::{Path, PathBuilder, Transform};
use ttf_parser::{Face, OutlineBuilder};

static REGULAR: LazyLock<Face<'static>> = LazyLock::new(|| parse(include_bytes!("inter-400.ttf")));
static BOLD: LazyLock<Face<'static>> = LazyLock::new(|| parse(include_bytes!("inter-650.ttf")));

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Weight {
    Regular,
    Bold,
}

impl Weight {
    fn face(self) -> &'static Face<'static> {
        match self {
            Self::Regular => &REGULAR,
            Self::Bold => &BOLD,
        }
    }

    /// Tells whether a letter can be drawn.
    pub(super) fn has(self, letter: char) -> bool {
        self.face().glyph_index(letter).is_some()
    }

    /// Is how wide a text is in pixels.
    pub(super) fn width(self, text: &str, size: f32) -> f32 {
        let face = self.face();
        let advances = text.chars().filter_map(|letter| {
            let glyph = face.glyph_index(letter)?;
            face.glyph_hor_advance(glyph)
        });
        advances.map(f32::from).sum::<f32>() * self.scale(size)
    }

    /// Draws a text that begins at `x` and stands on `y`.
    pub(super) fn outline(self, text: &str, size: f32, (x, y): (f32, f32)) -> Option<Path> {
        let face = self.face();
        let mut pen = Pen {
            path: PathBuilder::new(),
            x: 0.0,
        };
        for letter in text.chars() {
            let Some(glyph) = face.glyph_index(letter) else {
                continue;
            };
            face.outline_glyph(glyph, &mut pen);
            pen.x += f32::from(face.glyph_hor_advance(glyph).unwrap_or_default());
        }
        let scale = self.scale(size);
        let place = Transform::from_row(scale, 0.0, 0.0, -scale, x, y);
        pen.path.finish()?.transform(place)
    }

    fn scale(self, size: f32) -> f32 {
        size / f32::from(self.face().units_per_em())
    }
}

fn parse(bytes: &'static [u8]) -> Face<'static> {
    Face::parse(bytes, 0).expect("the built-in face is whole")
}

/// Writes letters one after the other, in the units of the face.
struct Pen {
    path: PathBuilder,
    x: f32,
}

impl OutlineBuilder for Pen {
    fn move_to(&mut self, x: f32, y: f32) {
        self.path.move_to(self.x + x, y);
    }

    fn line_to(&mut self, x: f32, y: f32) {
        self.path.line_to(self.x + x, y);
    }

    fn quad_to(&mut self, x1: f32, y1: f32, x: f32, y: f32) {
        self.path.quad_to(self.x + x1, y1, self.x + x, y);
    }

    fn curve_to(&mut self, x1: f32, y1: f32, x2: f32, y2: f32, x: f32, y: f32) {
        self.path
            .cubic_to(self.x + x1, y1, self.x + x2, y2, self.x + x, y);
    }

    fn close(&mut self) {
        self.path.close();
    }
}
