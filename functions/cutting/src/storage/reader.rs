//! Markup as events, whatever is wrong with it.

use std::borrow::Cow;

use quick_xml::escape::{resolve_html5_entity, unescape_with};
use quick_xml::events::{BytesRef, BytesStart, Event};
use quick_xml::reader::Reader;

/// After so many places that are no markup, the rest is taken as text.
const MOST_MISTAKES: usize = 1_000;

/// One event of the markup.
pub(super) enum Mark<'a> {
    /// An element begins.
    Open { name: String, attributes: Vec<(String, String)> },
    /// An element ends.
    Close { name: String },
    /// Text, with entities resolved.
    Text(Cow<'a, str>),
    /// The inside of a CDATA section.
    Data(Cow<'a, str>),
}

/// Calls `take` with each event and the byte before and after it. Returns how many places were no markup and were taken as
/// text; an element that is empty opens and closes.
pub(super) fn read(text: &str, mut take: impl FnMut(Mark<'_>, usize, usize)) -> usize {
    let mut mistakes = 0;
    let mut from = 0;
    while from < text.len() {
        let Some(at) = read_until_mistake(&text[from..], from, &mut take) else { break };
        mistakes += 1;
        let at = text.ceil_char_boundary(at.clamp(from, text.len()));
        // The mistake is a `<` that opens nothing: it is a character, and reading goes on behind it.
        let after = text[at..].chars().next().map_or(at, |first| at + first.len_utf8());
        if mistakes == MOST_MISTAKES {
            take(Mark::Text(Cow::Borrowed(&text[at..])), at, text.len());
            break;
        }
        take(Mark::Text(Cow::Borrowed(&text[at..after])), at, after);
        from = after;
    }
    mistakes
}

/// The byte of the first mistake, none at the end of the text.
fn read_until_mistake(
    text: &str,
    offset: usize,
    take: &mut impl FnMut(Mark<'_>, usize, usize),
) -> Option<usize> {
    let mut reader = Reader::from_str(text);
    let config = reader.config_mut();
    config.check_end_names = false;
    config.allow_unmatched_ends = true;
    config.allow_dangling_amp = true;
    loop {
        let before = reader.buffer_position() as usize;
        let event = match reader.read_event() {
            Ok(event) => event,
            Err(_) => return Some(offset + (reader.error_position() as usize).max(before)),
        };
        let span = (offset + before, offset + reader.buffer_position() as usize);
        let is_tag = matches!(event, Event::Start(_) | Event::Empty(_) | Event::End(_));
        if is_tag && !is_named(&text[before..]) {
            return Some(span.0);
        }
        let mut emit = |mark: Mark<'_>| take(mark, span.0, span.1);
        match event {
            Event::Start(start) => emit(open(&start)),
            Event::Empty(start) => {
                emit(open(&start));
                emit(Mark::Close { name: start.name().as_ref().to_lowercase() });
            }
            Event::End(end) => emit(Mark::Close { name: end.name().as_ref().trim().to_lowercase() }),
            Event::Text(words) => emit(Mark::Text(words.into_inner())),
            Event::CData(data) => emit(Mark::Data(data.into_inner())),
            Event::GeneralRef(entity) => emit(Mark::Text(resolved(&entity))),
            Event::Eof => return None,
            Event::Comment(_) | Event::Decl(_) | Event::PI(_) | Event::DocType(_) => {}
        }
    }
}

/// Whether a name follows the `<` or `</`: `a < b` holds no element.
fn is_named(tag: &str) -> bool {
    tag.trim_start_matches(['<', '/']).starts_with(|first: char| first.is_alphabetic() || first == '_')
}

fn open<'a>(start: &BytesStart<'_>) -> Mark<'a> {
    let mut attributes = start.html_attributes();
    let attributes = attributes.with_checks(false).filter_map(Result::ok);
    let attributes = attributes.map(|attribute| {
        let raw: &str = attribute.value.as_ref();
        let value = unescape_with(raw, resolve_html5_entity).map_or_else(|_| raw.to_owned(), Cow::into_owned);
        (attribute.key.as_ref().to_lowercase(), value)
    });
    Mark::Open { name: start.name().as_ref().to_lowercase(), attributes: attributes.collect() }
}

/// The characters of an entity; one that does not exist stays as written.
fn resolved<'a>(entity: &BytesRef<'_>) -> Cow<'a, str> {
    if let Ok(Some(character)) = entity.resolve_char_ref() {
        return Cow::Owned(character.to_string());
    }
    let name = entity.borrow().into_inner();
    match resolve_html5_entity(&name) {
        Some(characters) => Cow::Borrowed(characters),
        None => Cow::Owned(format!("&{name};")),
    }
}
