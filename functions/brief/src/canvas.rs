//! A white picture with lines, areas and text. Shapes by tiny-skia, letters from a font that was drawn beforehand.

use noto_sans_mono_bitmap::{FontWeight, RasterHeight, get_raster, get_raster_width};
use tiny_skia::{Color, FillRule, LineCap, Paint, PathBuilder, Pixmap, Stroke, StrokeDash, Transform};

/// Red, green, blue.
pub type Rgb = (u8, u8, u8);

/// How text looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Letters {
    /// Labels.
    Small,
    /// The title.
    Large,
}

impl Letters {
    fn font(self) -> (FontWeight, RasterHeight) {
        match self {
            Self::Small => (FontWeight::Regular, RasterHeight::Size20),
            Self::Large => (FontWeight::Bold, RasterHeight::Size24),
        }
    }

    /// Pixels from one letter to the next.
    pub fn advance(self) -> f32 {
        let (weight, size) = self.font();
        get_raster_width(weight, size) as f32
    }

    /// Pixels from one line to the next.
    pub fn height(self) -> f32 {
        self.font().1.val() as f32
    }
}

/// The picture.
pub struct Canvas(Pixmap);

impl Canvas {
    /// A white one; `None` for a size that no picture has.
    pub fn new(width: u32, height: u32) -> Option<Self> {
        let mut pixmap = Pixmap::new(width, height)?;
        pixmap.fill(Color::WHITE);
        Some(Self(pixmap))
    }

    /// A line through points; dashed where told.
    pub fn line(&mut self, points: &[(f32, f32)], width: f32, colour: Rgb, dashes: Option<[f32; 2]>) {
        let Some(path) = path(points) else { return };
        let dash = dashes.and_then(|dashes| StrokeDash::new(dashes.to_vec(), 0.0));
        let stroke = Stroke { width, line_cap: LineCap::Round, dash, ..Stroke::default() };
        self.0.stroke_path(&path, &paint(colour, 255), &stroke, Transform::identity(), None);
    }

    /// The area inside points.
    pub fn area(&mut self, points: &[(f32, f32)], colour: Rgb, alpha: u8) {
        let Some(path) = path(points) else { return };
        self.0.fill_path(&path, &paint(colour, alpha), FillRule::Winding, Transform::identity(), None);
    }

    /// A disc.
    pub fn disc(&mut self, (x, y): (f32, f32), radius: f32, colour: Rgb) {
        if let Some(path) = PathBuilder::from_circle(x, y, radius) {
            self.0.fill_path(&path, &paint(colour, 255), FillRule::Winding, Transform::identity(), None);
        }
    }

    /// Text whose top left corner is given. What the font lacks is shown as its nearest plain letter, else as `?`.
    pub fn text(&mut self, (x, y): (f32, f32), text: &str, letters: Letters, colour: Rgb) {
        let (weight, size) = letters.font();
        let mut left = x.round() as i32;
        for c in plain(text).chars() {
            if let Some(letter) = get_raster(c, weight, size) {
                for (row, pixels) in letter.raster().iter().enumerate() {
                    for (column, strength) in pixels.iter().enumerate() {
                        self.blend(left + column as i32, y.round() as i32 + row as i32, *strength, colour);
                    }
                }
            }
            left += letters.advance() as i32;
        }
    }

    /// The picture as a PNG file.
    pub fn png(&self) -> Option<Vec<u8>> {
        self.0.encode_png().ok()
    }

    /// One pixel of a letter over what is there, which is opaque everywhere.
    fn blend(&mut self, x: i32, y: i32, strength: u8, colour: Rgb) {
        let inside = (0..self.0.width() as i32).contains(&x) && (0..self.0.height() as i32).contains(&y);
        if !inside || strength == 0 {
            return;
        }
        let at = 4 * (y as usize * self.0.width() as usize + x as usize);
        let pixel = &mut self.0.data_mut()[at..at + 3];
        for (channel, ink) in pixel.iter_mut().zip([colour.0, colour.1, colour.2]) {
            let (paper, ink, strength) = (u32::from(*channel), u32::from(ink), u32::from(strength));
            *channel = ((paper * (255 - strength) + ink * strength) / 255) as u8;
        }
    }
}

fn path(points: &[(f32, f32)]) -> Option<tiny_skia::Path> {
    let mut builder = PathBuilder::new();
    let (first, rest) = points.split_first()?;
    builder.move_to(first.0, first.1);
    rest.iter().for_each(|(x, y)| builder.line_to(*x, *y));
    builder.finish()
}

fn paint((red, green, blue): Rgb, alpha: u8) -> Paint<'static> {
    let mut paint = Paint::default();
    paint.set_color_rgba8(red, green, blue, alpha);
    paint.anti_alias = true;
    paint
}

/// Text in letters that the font has.
fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '“' | '”' => out.push('"'),
            '‘' | '’' => out.push('\''),
            '–' | '—' => out.push('-'),
            '…' => out.push_str("..."),
            '→' => out.push_str("->"),
            '×' => out.push('x'),
            '\u{a0}' | '\u{202f}' => out.push(' '),
            c if c.is_ascii_graphic() || c == ' ' || ('\u{a1}'..='\u{ff}').contains(&c) => out.push(c),
            _ => out.push('?'),
        }
    }
    out
}
