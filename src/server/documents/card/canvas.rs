//! Shapes and glyphs on pixels.

use std::sync::LazyLock;

use tiny_skia::{Color, FillRule, Paint, Path, PathBuilder, Pixmap, Rect, Transform};
use ttf_parser::{Face, OutlineBuilder};

pub const WIDTH: u16 = 1200;
pub const HEIGHT: u16 = 630;

/// A colour of `style/tokens.css`, in its dark form, as red, green and blue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ink(u8, u8, u8);

impl Ink {
    /// `--neutral-1`.
    pub const PAGE: Self = Self(0x0b, 0x13, 0x16);
    /// `--neutral-6`.
    pub const LINE: Self = Self(0x2f, 0x3f, 0x45);
    /// `--neutral-10`.
    pub const FAINT: Self = Self(0x9f, 0xae, 0xb4);
    /// `--neutral-11`.
    pub const TEXT: Self = Self(0xc2, 0xcc, 0xd1);
    /// `--neutral-12`.
    pub const STRONG: Self = Self(0xea, 0xef, 0xf1);
    /// `--accent`.
    pub const ACCENT: Self = Self(0x5e, 0xcb, 0xcb);
    /// `--signal`.
    pub const SIGNAL: Self = Self(0xfb, 0x8e, 0x31);

    fn paint(self) -> Paint<'static> {
        let mut paint = Paint::default();
        paint.set_color_rgba8(self.0, self.1, self.2, 255);
        paint.anti_alias = true;
        paint
    }
}

/// A face of the pages' own type: Latin, Greek and Cyrillic.
pub struct Font(Face<'static>);

/// For running text.
pub static REGULAR: LazyLock<Font> =
    LazyLock::new(|| Font::parse(include_bytes!("inter-regular.ttf")));
/// For names.
pub static BOLD: LazyLock<Font> =
    LazyLock::new(|| Font::parse(include_bytes!("inter-display-bold.ttf")));

impl Font {
    fn parse(bytes: &'static [u8]) -> Self {
        Self(Face::parse(bytes, 0).expect("the font is part of the program"))
    }

    /// Tells whether a character can be drawn.
    pub fn has(&self, character: char) -> bool {
        self.0.glyph_index(character).is_some()
    }

    /// Is the width of a text in pixels at a size.
    pub fn width(&self, text: &str, size: f32) -> f32 {
        let advances = text.chars().map(|character| self.advance(character));
        advances.sum::<f32>() * self.scale(size)
    }

    fn advance(&self, character: char) -> f32 {
        let glyph = self.0.glyph_index(character);
        glyph
            .and_then(|glyph| self.0.glyph_hor_advance(glyph))
            .map_or(0.0, f32::from)
    }

    fn scale(&self, size: f32) -> f32 {
        size / f32::from(self.0.units_per_em())
    }

    fn outline(&self, character: char) -> Option<Path> {
        let mut pen = Pen(PathBuilder::new());
        self.0
            .outline_glyph(self.0.glyph_index(character)?, &mut pen)?;
        pen.0.finish()
    }
}

/// Turns outlines over: a font's axis points up, a picture's down.
struct Pen(PathBuilder);

impl OutlineBuilder for Pen {
    fn move_to(&mut self, x: f32, y: f32) {
        self.0.move_to(x, -y);
    }

    fn line_to(&mut self, x: f32, y: f32) {
        self.0.line_to(x, -y);
    }

    fn quad_to(&mut self, x1: f32, y1: f32, x: f32, y: f32) {
        self.0.quad_to(x1, -y1, x, -y);
    }

    fn curve_to(&mut self, x1: f32, y1: f32, x2: f32, y2: f32, x: f32, y: f32) {
        self.0.cubic_to(x1, -y1, x2, -y2, x, -y);
    }

    fn close(&mut self) {
        self.0.close();
    }
}

/// A picture that is being drawn.
pub struct Canvas(Pixmap);

impl Canvas {
    pub fn new() -> Self {
        let size = (u32::from(WIDTH), u32::from(HEIGHT));
        let mut pixels = Pixmap::new(size.0, size.1).expect("the size is not zero");
        let Ink(red, green, blue) = Ink::PAGE;
        pixels.fill(Color::from_rgba8(red, green, blue, 255));
        Self(pixels)
    }

    /// Fills a rectangle: left, top, width, height.
    pub fn fill(&mut self, [x, y, width, height]: [f32; 4], ink: Ink) {
        if let Some(rect) = Rect::from_xywh(x, y, width, height) {
            let paint = ink.paint();
            self.0.fill_rect(rect, &paint, Transform::identity(), None);
        }
    }

    /// Writes a text from `x` on, standing on the line `y`; returns where it ends.
    pub fn write(
        &mut self,
        font: &Font,
        text: &str,
        size: f32,
        (mut x, y): (f32, f32),
        ink: Ink,
    ) -> f32 {
        let (scale, paint) = (font.scale(size), ink.paint());
        for character in text.chars() {
            if let Some(path) = font.outline(character) {
                let place = Transform::from_scale(scale, scale).post_translate(x, y);
                self.0
                    .fill_path(&path, &paint, FillRule::Winding, place, None);
            }
            x += font.advance(character) * scale;
        }
        x
    }

    /// Is the picture as a PNG.
    pub fn finish(self) -> Result<Vec<u8>, String> {
        self.0.encode_png().map_err(|error| error.to_string())
    }
}
