//! Numbers with their units, and when two of them are the same.

/// What a number counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// No unit: a count, an id, a version's part.
    Bare,
    /// 0–100.
    Percent,
    /// Time, held in seconds.
    Seconds,
    /// Memory or storage, held in bytes.
    Bytes,
    /// `3x`, "3 times".
    Times,
    /// A source that does not say; goes with every unit.
    Unstated,
}

/// A number as stated: its value in the base unit, and half a unit of its last digit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Quantity {
    /// In the base unit of its kind.
    pub value: f64,
    /// Its kind.
    pub kind: Kind,
    /// How far the true value may be off and still be written so.
    pub rounding: f64,
    /// The number as written, before its unit, and the unit's size in the base unit.
    pub scale: f64,
}

/// Unit words, their kind and their size in the base unit.
const UNITS: &[(&str, Kind, f64)] = &[
    ("%", Kind::Percent, 1.0),
    ("percent", Kind::Percent, 1.0),
    ("ms", Kind::Seconds, 0.001),
    ("millisecond", Kind::Seconds, 0.001),
    ("s", Kind::Seconds, 1.0),
    ("sec", Kind::Seconds, 1.0),
    ("second", Kind::Seconds, 1.0),
    ("m", Kind::Seconds, 60.0),
    ("min", Kind::Seconds, 60.0),
    ("minute", Kind::Seconds, 60.0),
    ("h", Kind::Seconds, 3_600.0),
    ("hour", Kind::Seconds, 3_600.0),
    ("day", Kind::Seconds, 86_400.0),
    ("week", Kind::Seconds, 604_800.0),
    ("kb", Kind::Bytes, 1e3),
    ("mb", Kind::Bytes, 1e6),
    ("gb", Kind::Bytes, 1e9),
    ("tb", Kind::Bytes, 1e12),
    ("kib", Kind::Bytes, 1_024.0),
    ("ki", Kind::Bytes, 1_024.0),
    ("mib", Kind::Bytes, 1_048_576.0),
    ("mi", Kind::Bytes, 1_048_576.0),
    ("gib", Kind::Bytes, 1_073_741_824.0),
    ("gi", Kind::Bytes, 1_073_741_824.0),
    ("x", Kind::Times, 1.0),
    ("×", Kind::Times, 1.0),
    ("times", Kind::Times, 1.0),
];

/// Kind and size of a unit word, in singular or plural.
pub fn unit(word: &str) -> Option<(Kind, f64)> {
    let word = word.to_lowercase();
    let find =
        |word: &str| UNITS.iter().find(|(name, ..)| *name == word).map(|(_, kind, scale)| (*kind, *scale));
    find(&word).or_else(|| find(word.strip_suffix('s').filter(|w| w.len() > 1)?))
}

/// A bare number at the beginning of `text`, with what follows it: `95%` is 95 and `%`.
pub fn parse(text: &str) -> Option<(Quantity, &str)> {
    let body = text.strip_prefix(['~', '+', '≈']).unwrap_or(text);
    let negative = body.starts_with(['-', '−']);
    let body = body.trim_start_matches(['-', '−']);
    let end = body.find(|c: char| !(c.is_ascii_digit() || c == ',' || c == '.')).unwrap_or(body.len());
    let (digits, rest) = body.split_at(end);
    let digits = digits.trim_end_matches(['.', ',']);
    if digits.is_empty() || digits.matches('.').count() > 1 {
        return None;
    }
    let plain = digits.replace(',', "");
    let value: f64 = plain.parse().ok()?;
    let decimals = plain.split_once('.').map_or(0, |(_, fraction)| fraction.len());
    // 412,000 may be 411,873 written short; 487 may not be 488.
    let zeros =
        if decimals == 0 && value >= 10_000.0 { plain.len() - plain.trim_end_matches('0').len() } else { 0 };
    let rounding = 0.5 * 10f64.powi(zeros as i32 - decimals as i32);
    let value = if negative { -value } else { value };
    Some((Quantity { value, kind: Kind::Bare, rounding, scale: 1.0 }, rest))
}

impl Quantity {
    /// The same number counted in that unit.
    pub fn in_unit(self, (kind, scale): (Kind, f64)) -> Self {
        Self { value: self.value * scale, rounding: self.rounding * scale, kind, scale }
    }

    /// Whether a seen value may be written as this one. `about` allows 5 %.
    pub fn matches(&self, seen: f64, kind: Kind, about: bool) -> bool {
        let same_kind =
            self.kind == kind || kind == Kind::Unstated || (self.kind == Kind::Bare && kind != Kind::Bytes);
        let slack = if about { (0.05 * seen.abs()).max(self.rounding) } else { self.rounding };
        // A rise may be told as a positive number and a fall as one, too: the direction is checked by its words.
        same_kind
            && (self.value.abs() - seen.abs()).abs() <= slack * 1.000_001 + 1e-9
            && sign_fits(self.value, seen)
    }
}

fn sign_fits(said: f64, seen: f64) -> bool {
    said >= 0.0 || seen <= 0.0
}
