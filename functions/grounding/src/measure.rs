//! Numbers with their units, however they are written, and when two of them are the same.

/// What a number counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// No unit: a count, an id, a version's part.
    Bare,
    /// 0–100.
    Percent,
    /// A difference of percentages.
    Points,
    /// Time, held in seconds.
    Seconds,
    /// Memory or storage, held in bytes.
    Bytes,
    /// `3x`, "three times", "doubled".
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
    /// The unit's size in the base unit.
    pub scale: f64,
}

/// Unit words, their kind and their size in the base unit.
const UNITS: &[(&str, Kind, f64)] = &[
    ("%", Kind::Percent, 1.0),
    ("percent", Kind::Percent, 1.0),
    ("per cent", Kind::Percent, 1.0),
    ("pct", Kind::Percent, 1.0),
    ("percentage point", Kind::Points, 1.0),
    ("point", Kind::Points, 1.0),
    ("pp", Kind::Points, 1.0),
    ("µs", Kind::Seconds, 1e-6),
    ("us", Kind::Seconds, 1e-6),
    ("microsecond", Kind::Seconds, 1e-6),
    ("ms", Kind::Seconds, 0.001),
    ("msec", Kind::Seconds, 0.001),
    ("millisecond", Kind::Seconds, 0.001),
    ("s", Kind::Seconds, 1.0),
    ("sec", Kind::Seconds, 1.0),
    ("second", Kind::Seconds, 1.0),
    ("m", Kind::Seconds, 60.0),
    ("min", Kind::Seconds, 60.0),
    ("minute", Kind::Seconds, 60.0),
    ("h", Kind::Seconds, 3_600.0),
    ("hr", Kind::Seconds, 3_600.0),
    ("hour", Kind::Seconds, 3_600.0),
    ("d", Kind::Seconds, 86_400.0),
    ("day", Kind::Seconds, 86_400.0),
    ("week", Kind::Seconds, 604_800.0),
    ("byte", Kind::Bytes, 1.0),
    ("kb", Kind::Bytes, 1e3),
    ("mb", Kind::Bytes, 1e6),
    ("megabyte", Kind::Bytes, 1e6),
    ("gb", Kind::Bytes, 1e9),
    ("gigabyte", Kind::Bytes, 1e9),
    ("tb", Kind::Bytes, 1e12),
    ("terabyte", Kind::Bytes, 1e12),
    ("kib", Kind::Bytes, 1_024.0),
    ("ki", Kind::Bytes, 1_024.0),
    ("mib", Kind::Bytes, 1_048_576.0),
    ("mi", Kind::Bytes, 1_048_576.0),
    ("mebibyte", Kind::Bytes, 1_048_576.0),
    ("gib", Kind::Bytes, 1_073_741_824.0),
    ("gi", Kind::Bytes, 1_073_741_824.0),
    ("gibibyte", Kind::Bytes, 1_073_741_824.0),
    ("tib", Kind::Bytes, 1_099_511_627_776.0),
    ("ti", Kind::Bytes, 1_099_511_627_776.0),
    ("x", Kind::Times, 1.0),
    ("×", Kind::Times, 1.0),
    ("times", Kind::Times, 1.0),
    ("fold", Kind::Times, 1.0),
    ("k", Kind::Bare, 1e3),
    ("thousand", Kind::Bare, 1e3),
    ("million", Kind::Bare, 1e6),
    ("billion", Kind::Bare, 1e9),
    ("rps", Kind::Bare, 1.0),
    ("qps", Kind::Bare, 1.0),
];

/// Words that are a multiple by themselves.
const MULTIPLES: &[(&str, f64)] = &[
    ("halved", 0.5),
    ("twice", 2.0),
    ("doubled", 2.0),
    ("doubling", 2.0),
    ("double", 2.0),
    ("twofold", 2.0),
    ("thrice", 3.0),
    ("tripled", 3.0),
    ("tripling", 3.0),
    ("triple", 3.0),
    ("threefold", 3.0),
    ("quadrupled", 4.0),
    ("fourfold", 4.0),
    ("fivefold", 5.0),
    ("tenfold", 10.0),
];

const ONES: &[&str] = &[
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
];
const TENS: &[&str] = &["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"];

/// Parts of a whole, as a percentage of it.
const PARTS: &[(&str, f64)] =
    &[("half", 2.0), ("third", 3.0), ("quarter", 4.0), ("fifth", 5.0), ("tenth", 10.0)];

/// What is counted in words: "two reasons" is no figure, "two pods" is.
const COUNTED: &str = "\
    pod node target replica container restart event error commit file release deployment instance connection session query \
    queries request host task job line monitor alarm rule rollout deploy database warning failure block crash eviction hunk \
    log thread server healthy unhealthy ready desired finding passage region country countries zone slot revision";

/// Kind and size of a unit word, in singular or plural.
fn unit(word: &str) -> Option<(Kind, f64)> {
    // A capital M after a number is a million, a small one a minute.
    if word == "M" {
        return Some((Kind::Bare, 1e6));
    }
    let word = word.to_lowercase();
    let word = word.strip_suffix("/s").filter(|w| !w.is_empty()).unwrap_or(&word);
    let find =
        |word: &str| UNITS.iter().find(|(name, ..)| *name == word).map(|(_, kind, scale)| (*kind, *scale));
    find(word).or_else(|| find(word.strip_suffix('s').filter(|w| w.len() > 1)?))
}

/// The quantity that the pieces begin with, and how many of them it takes.
pub fn read(pieces: &[&str]) -> Option<(Quantity, usize)> {
    let at = |i: usize| pieces.get(i).copied().unwrap_or_default();
    if let Some((number, rest)) = parse(at(0)) {
        let rest = rest.trim_start_matches('-');
        if !rest.is_empty() {
            return unit(rest).map(|of| with_scale_word(number.in_unit(of), at(1), 1));
        }
        return Some(with_unit(number, at(1), at(2), 1));
    }
    words(pieces)
}

/// The number in the unit that the next words name, if they do.
fn with_unit(number: Quantity, next: &str, after: &str, used: usize) -> (Quantity, usize) {
    if let Some(of) = unit(&format!("{next} {after}")) {
        return (number.in_unit(of), used + 2);
    }
    match unit(next) {
        Some(of @ (Kind::Bare, 1_000.0..)) => with_scale_word(number.in_unit(of), after, used + 1),
        Some(of) => (number.in_unit(of), used + 1),
        None => (number, used),
    }
}

/// `1.2 million` may have a unit of its own behind it.
fn with_scale_word(number: Quantity, next: &str, used: usize) -> (Quantity, usize) {
    match unit(next) {
        Some(of @ (kind, _)) if number.kind == Kind::Bare && kind != Kind::Bare => {
            (number.in_unit(of), used + 1)
        }
        _ => (number, used),
    }
}

/// Numbers in words: `two minutes`, `a third`, `half an hour`, `doubled`, `six targets`.
fn words(pieces: &[&str]) -> Option<(Quantity, usize)> {
    let lower: Vec<String> = pieces.iter().map(|piece| piece.to_lowercase()).collect();
    let at = |i: usize| lower.get(i).map_or("", String::as_str);
    if let Some((_, times)) = MULTIPLES.iter().find(|(word, _)| *word == at(0)) {
        return Some((Quantity { value: *times, kind: Kind::Times, rounding: 0.15 * times, scale: 1.0 }, 1));
    }
    if let Some(found) = part_of_a_whole(&lower) {
        return Some(found);
    }
    let article = matches!(at(0), "a" | "an");
    let (word, hyphened) = at(0).split_once('-').map_or((at(0), ""), |(word, rest)| (word, rest));
    let value = if article { 1.0 } else { in_words(at(0)).or_else(|| in_words(word))? };
    let number = Quantity { value, kind: Kind::Bare, rounding: 0.5, scale: 1.0 };
    if in_words(at(0)).is_none() && !article {
        return unit(hyphened).map(|of| (number.in_unit(of), 1));
    }
    // "a second query" is no time, "a second later" is.
    let ordinal = article && at(1) == "second" && !matches!(at(2), "before" | "after" | "later" | "earlier");
    if at(1).len() > 1
        && !ordinal
        && let Some(of @ (kind, _)) = unit(at(1))
        && (!article || kind == Kind::Seconds)
    {
        return Some((number.in_unit(of), 2));
    }
    let counted = |word: &str| {
        let singular = word.strip_suffix('s').unwrap_or(word);
        COUNTED.split_whitespace().any(|known| known == word || known == singular)
    };
    let of_many = at(1) == "of" && (in_words(at(2)).is_some() || parse(at(2)).is_some());
    (!article && (counted(at(1)) || counted(at(2)) && at(1) != "of" || of_many)).then_some((number, 1))
}

/// `a third`, `two thirds`, `half of`, `half an hour`.
fn part_of_a_whole(lower: &[String]) -> Option<(Quantity, usize)> {
    let at = |i: usize| lower.get(i).map_or("", String::as_str);
    let part = |word: &str| {
        let singular = word.strip_suffix('s').unwrap_or(word);
        PARTS.iter().find(|(name, _)| *name == singular || word == "halves").map(|(_, of)| *of)
    };
    let percent =
        |share: f64| Quantity { value: 100.0 * share, kind: Kind::Percent, rounding: 2.5, scale: 1.0 };
    if at(0) == "half" {
        if matches!(at(1), "a" | "an")
            && let Some((Kind::Seconds, scale)) = unit(at(2))
        {
            return Some((
                Quantity { value: 0.5 * scale, kind: Kind::Seconds, rounding: 0.1 * scale, scale },
                3,
            ));
        }
        return (matches!(at(1), "of" | "the" | "its")).then(|| (percent(0.5), 1));
    }
    let (first, joined) = at(0).split_once('-').unwrap_or((at(0), ""));
    let count = if matches!(first, "a" | "one") { 1.0 } else { in_words(first)? };
    if let Some(of) = part(joined) {
        return Some((percent(count / of), 1));
    }
    // "a third query" counts; "a third of" and "by a third" divide.
    let divides = count > 1.0
        || at(2) == "of"
        || at(2).is_empty()
        || !at(2).starts_with(|c: char| c.is_ascii_alphabetic());
    part(at(1)).filter(|_| divides).map(|of| (percent(count / of), 2))
}

/// `six`, `twenty`, `twenty-four`.
fn in_words(word: &str) -> Option<f64> {
    if let Some(ones) = ONES.iter().position(|w| *w == word) {
        return Some(ones as f64);
    }
    let (tens, ones) = word.split_once('-').unwrap_or((word, ""));
    let tens = TENS.iter().position(|w| *w == tens)?;
    let ones = if ones.is_empty() {
        0
    } else {
        ONES.iter().position(|w| *w == ones).filter(|n| (1..10).contains(n))?
    };
    Some((tens * 10 + 20 + ones) as f64)
}

/// A bare number at the beginning of `text`, with what follows it: `95%` is 95 and `%`.
fn parse(text: &str) -> Option<(Quantity, &str)> {
    let body = text.strip_prefix(['~', '+', '≈', '±', '$']).unwrap_or(text);
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
    fn in_unit(self, (kind, scale): (Kind, f64)) -> Self {
        Self { value: self.value * scale, rounding: self.rounding * scale, kind, scale: self.scale * scale }
    }

    /// True for a unit of memory in powers of ten. Kubernetes' Mi and Gi are often written MB and GB.
    pub fn binary(&self) -> Option<Self> {
        let power = [(1e3, 1_024.0), (1e6, 1_048_576.0), (1e9, 1_073_741_824.0)]
            .into_iter()
            .find(|(ten, _)| *ten == self.scale);
        let (ten, two) = power.filter(|_| self.kind == Kind::Bytes)?;
        Some(Self { value: self.value / ten * two, rounding: self.rounding / ten * two, scale: two, ..*self })
    }
}
