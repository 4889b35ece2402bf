//! A claim's text as tokens: words, and the things among them that can be checked.

use jiff::civil::Date;

use crate::measure::{self, Quantity};

/// A piece of the text.
#[derive(Debug, Clone, PartialEq)]
pub struct Token {
    /// As written, without the punctuation around it.
    pub text: String,
    /// In lower case.
    pub lower: String,
    /// What it is.
    pub item: Item,
}

/// What a token is.
#[derive(Debug, Clone, PartialEq)]
pub enum Item {
    /// A word of the language.
    Word,
    /// A time of day.
    Clock { hour: i8, minute: i8, second: Option<i8> },
    /// A day.
    Date(Date),
    /// A line of a file.
    Place { file: String, line: u32 },
    /// A number with its unit.
    Quantity(Quantity),
    /// A version, an id, the name of a thing.
    Name,
}

/// Numbers that are written as words before a unit or a noun.
const NUMBER_WORDS: &[&str] = &[
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
];

/// Words that look like names and are none: abbreviations, technology by its own name.
const LANGUAGE: &str = "\
    e.g i.e etc vs postgresql mysql ddos github cloudwatch dynamodb websocket websockets replicaset \
    replicasets statefulset daemonset configmap oauth graphql javascript typescript 5xx 4xx l3 l4 l7 \
    p50 p90 p95 p99 http/2 s3 ec2 k8s ipv4 ipv6 h2";

/// The parts of hyphenated words of the language; a hyphenated token with any other part is a name.
const PARTS: &str = "\
    a active all at back based before bound by cache client co connection cpu cross day double down \
    driven edge end error fast fine first follow free full grained growing half heavy high hit hour \
    idle in index intensive large last layer level like limit live load lock long low memory mid \
    minute multi near new non of off old on one only out over peak per point pool post pre query \
    rate re read real related replica roll rolled round run running same scan second self server \
    short side single slow sort spike start starting state step sub table term the time timed to top \
    traffic two un under up user wait well whole wide write year";

fn has(list: &str, word: &str) -> bool {
    list.split_whitespace().any(|known| known == word)
}

/// The tokens of a text. A number followed by a unit word is one quantity.
pub fn split(text: &str) -> Vec<Token> {
    let pieces: Vec<&str> = text
        .split(|c: char| c.is_whitespace() || "()[]{}\"“”‘’`;!?=<>…→|*".contains(c))
        .flat_map(numeric_fraction)
        .map(|piece| piece.trim_matches(|c: char| ".,:'–—".contains(c)))
        .filter(|piece| !piece.is_empty())
        .collect();
    let mut tokens: Vec<Token> = Vec::new();
    let mut skip = false;
    for (i, piece) in pieces.iter().enumerate() {
        if std::mem::take(&mut skip) {
            continue;
        }
        let next = pieces.get(i + 1).copied().unwrap_or_default();
        let (item, with_unit) = classify(piece, next);
        let text = if with_unit { format!("{piece} {next}") } else { (*piece).to_owned() };
        skip = with_unit;
        tokens.push(Token { lower: text.to_lowercase(), text, item });
    }
    tokens
}

/// `487/500` is two numbers; a path is one token.
fn numeric_fraction(piece: &str) -> impl Iterator<Item = &str> {
    let numeric = piece.contains('/') && piece.chars().all(|c| c.is_ascii_digit() || ",./%".contains(c));
    piece.split(move |c| numeric && c == '/')
}

fn classify(piece: &str, next: &str) -> (Item, bool) {
    if let Some(item) = time(piece).or_else(|| place(piece)) {
        return (item, false);
    }
    if let Some((quantity, rest)) = measure::parse(piece) {
        let hyphenated = rest.strip_prefix('-').unwrap_or(rest);
        if rest.is_empty() {
            return match measure::unit(next) {
                Some(unit) => (Item::Quantity(quantity.in_unit(unit)), true),
                None => (Item::Quantity(quantity), false),
            };
        }
        if let Some(unit) = measure::unit(hyphenated) {
            return (Item::Quantity(quantity.in_unit(unit)), false);
        }
    }
    let lower = piece.to_lowercase();
    if let Some(value) = NUMBER_WORDS.iter().position(|word| *word == lower)
        && let Some(unit) = measure::unit(next)
    {
        let quantity = Quantity { value: value as f64, kind: measure::Kind::Bare, rounding: 0.5, scale: 1.0 };
        return (Item::Quantity(quantity.in_unit(unit)), true);
    }
    (if is_name(piece, &lower) { Item::Name } else { Item::Word }, false)
}

fn time(piece: &str) -> Option<Item> {
    if let Ok(date) = piece.parse::<Date>()
        && piece.len() == 10
    {
        return Some(Item::Date(date));
    }
    let clock = piece
        .split_once('T')
        .filter(|(date, _)| date.parse::<Date>().is_ok())
        .map_or(piece, |(_, clock)| clock);
    let parts: Vec<&str> = clock.trim_end_matches(['Z', 'z']).split(':').collect();
    let number = |text: &str| (text.len() <= 2).then(|| text.parse::<i8>().ok())?;
    let (hour, minute, second) = match parts[..] {
        [hour, minute] if minute.len() == 2 => (number(hour)?, number(minute)?, None),
        [hour, minute, second] => (number(hour)?, number(minute)?, Some(number(second.get(..2)?)?)),
        _ => return None,
    };
    let valid =
        (0..24).contains(&hour) && (0..60).contains(&minute) && (0..60).contains(&second.unwrap_or(0));
    valid.then_some(Item::Clock { hour, minute, second })
}

fn place(piece: &str) -> Option<Item> {
    let (file, line) = piece.rsplit_once(':')?;
    let line = line.split(['-', '–']).next()?.trim_start_matches('L').parse().ok()?;
    let named = file.contains('.') && file.chars().any(|c| c.is_ascii_alphabetic());
    named.then(|| Item::Place { file: file.to_owned(), line })
}

/// A token that names something: joined by `-`, `_`, `.` or `/`, mixing letters and digits, or in camel case.
fn is_name(piece: &str, lower: &str) -> bool {
    if has(LANGUAGE, lower) || !piece.chars().any(|c| c.is_ascii_alphanumeric()) {
        return false;
    }
    let letters = piece.chars().any(char::is_alphabetic);
    let digits = piece.chars().any(|c| c.is_ascii_digit());
    let camel =
        piece.as_bytes().windows(2).any(|pair| pair[0].is_ascii_lowercase() && pair[1].is_ascii_uppercase());
    if piece.contains('_') || (letters && digits) || camel {
        return true;
    }
    if !letters {
        // What is left of digits with dots or dashes is a version, an address or a range.
        return digits;
    }
    if piece.contains('.') {
        return true;
    }
    // "read-only" and "CPU/memory" join words of the language; "I/O" is an abbreviation.
    let joined = piece.contains(['-', '/']);
    joined && lower.split(['-', '/']).any(|part| part.len() > 2 && !has(PARTS, part))
}
