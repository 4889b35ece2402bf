//! What each element of a page means.

use super::macros::Macro;
use super::reader::Mark;
use super::writer::{Container, Writer};

type Attributes = [(String, String)];

/// Elements that only separate paragraphs.
const BLOCKS: &[&str] = &[
    "p",
    "div",
    "section",
    "article",
    "main",
    "header",
    "footer",
    "figure",
    "figcaption",
    "details",
    "dl",
    "dt",
    "dd",
    "address",
    "aside",
    "nav",
    "center",
    "fieldset",
    "form",
    "body",
    "html",
    "thead",
    "tbody",
    "tfoot",
    "caption",
    "ac:layout",
    "ac:layout-section",
    "ac:layout-cell",
    "ac:rich-text-body",
    "ac:task-body",
    "ac:adf-content",
    "ac:caption",
];
/// Elements within a line that leave no trace but their words.
const WORDS: &[&str] = &[
    "span", "u", "sub", "sup", "small", "big", "font", "label", "abbr", "cite", "q", "ins", "mark", "var",
    "dfn", "bdi", "bdo", "ruby", "rt", "rp", "wbr", "button", "tt", "col", "picture", "data", "input",
    "meta", "link",
];
/// Elements whose content no reader sees.
const UNSEEN: &[&str] = &[
    "script",
    "style",
    "head",
    "colgroup",
    "ac:task-id",
    "ac:task-uuid",
    "ac:adf-attribute",
    "template",
    "noscript",
];

/// Takes one event; `written` is its source, `at` the byte behind it.
pub(super) fn take(writer: &mut Writer, mark: Mark<'_>, written: &str, at: usize) {
    writer.moved_to(at);
    match mark {
        Mark::Text(text) => text_of(writer, &text),
        Mark::Data(data) => data_of(writer, &data),
        Mark::Open { name, attributes } => {
            if matches!(writer.container(), Container::Plain { .. }) && name != "ac:plain-text-body" {
                writer.raw(written);
            } else {
                open(writer, &name, &attributes, written);
            }
        }
        Mark::Close { name } => {
            let in_plain = matches!(writer.container(), Container::Plain { .. });
            if in_plain && !matches!(name.as_str(), "ac:plain-text-body" | "ac:plain-text-link-body") {
                // An element that closes itself was written when it opened.
                if written.starts_with("</") {
                    writer.raw(written);
                }
            } else {
                close(writer, &name, written);
            }
        }
    }
}

fn text_of(writer: &mut Writer, text: &str) {
    if let Container::Plain { had_data } = writer.container()
        && *had_data
        && text.trim().is_empty()
    {
        return;
    }
    writer.words(text);
}

fn data_of(writer: &mut Writer, data: &str) {
    if let Container::Plain { had_data } = writer.container() {
        let first = !std::mem::replace(had_data, true);
        if first && writer.line_length() > 0 {
            // The line break and the indentation before the section are the markup's.
            let before = writer.take_from(0);
            if !before.trim().is_empty() {
                writer.raw(&before);
            }
        }
        return writer.raw(data);
    }
    writer.words(data);
}

fn value<'a>(attributes: &'a Attributes, name: &str) -> Option<&'a str> {
    let found = attributes.iter().find(|(other, _)| other == name);
    found.map(|(_, value)| value.as_str()).filter(|value| !value.trim().is_empty())
}

fn number(attributes: &Attributes, name: &str) -> usize {
    value(attributes, name).and_then(|text| text.trim().parse().ok()).unwrap_or(1)
}

fn open(writer: &mut Writer, name: &str, attributes: &Attributes, written: &str) {
    if matches!(writer.container(), Container::Preformatted(_)) {
        return open_in_preformatted(writer, name, attributes);
    }
    match name {
        "h1" | "h2" | "h3" | "h4" | "h5" | "h6" => {
            writer.open(name, Container::Heading(usize::from(name.as_bytes()[1] - b'0')));
        }
        "ul" | "ac:task-list" | "menu" | "dir" => writer.open(name, Container::List { next: None }),
        "ol" => writer.open(name, Container::List { next: Some(number(attributes, "start")) }),
        "li" | "ac:task" => {
            writer.close_before(&["li"], &["ul", "ol", "table", "td", "th", "ac:structured-macro"]);
            let marker = writer.marker();
            writer.open(name, Container::Item { marker });
        }
        "blockquote" => writer.open(name, Container::Quote),
        "table" => writer.open(name, Container::Table(Vec::new())),
        "tr" => {
            writer.close_before(&["td", "th"], &["table", "tr"]);
            writer.close_before(&["tr"], &["table"]);
            writer.open(name, Container::Row(Vec::new()));
        }
        "td" | "th" => {
            writer.close_before(&["td", "th"], &["table", "tr"]);
            let (columns, rows) = (number(attributes, "colspan"), number(attributes, "rowspan"));
            writer.open(name, Container::Cell { is_head: name == "th", columns, rows });
        }
        "pre" | "textarea" | "listing" => {
            writer.open(name, Container::Preformatted(language(attributes)));
        }
        "hr" => writer.flush(),
        "br" => writer.raw("\n"),
        "strong" | "b" => writer.emphasis("**", true),
        "em" | "i" => writer.emphasis("*", true),
        "del" | "s" | "strike" => writer.emphasis("~~", true),
        "code" | "kbd" | "samp" => writer.begin_code(),
        "a" => writer.begin_link(value(attributes, "href").unwrap_or_default().to_owned()),
        "summary" => {
            writer.flush();
            writer.emphasis("**", true);
        }
        "img" => {
            let words = [value(attributes, "alt"), value(attributes, "src")];
            image(writer, words.into_iter().flatten().map(str::to_owned).collect());
        }
        "time" => writer.words(value(attributes, "datetime").unwrap_or_default()),
        _ if UNSEEN.contains(&name) => writer.open(name, Container::Nothing),
        _ if BLOCKS.contains(&name) => open_block(writer, name),
        _ if WORDS.contains(&name) => {}
        _ if name.starts_with("ac:") || name.starts_with("ri:") || name.starts_with("at:") => {
            open_confluence(writer, name, attributes);
        }
        // `<pod>`: a placeholder that somebody typed.
        _ => writer.raw(written),
    }
}

fn open_block(writer: &mut Writer, name: &str) {
    if name == "ac:adf-content" {
        writer.shown = true;
    }
    writer.flush();
}

fn open_in_preformatted(writer: &mut Writer, name: &str, attributes: &Attributes) {
    if name == "br" {
        writer.raw("\n");
    }
    let found = language(attributes);
    if let Container::Preformatted(own) = writer.container()
        && own.is_empty()
    {
        *own = found;
    }
}

/// The language that a class names, as highlighters write it.
fn language(attributes: &Attributes) -> String {
    let classes = value(attributes, "class").unwrap_or_default().split_whitespace();
    let mut named =
        classes.filter_map(|class| class.strip_prefix("language-").or(class.strip_prefix("lang-")));
    named.next().unwrap_or_default().to_owned()
}

fn open_confluence(writer: &mut Writer, name: &str, attributes: &Attributes) {
    let named = || value(attributes, "ac:name").unwrap_or_default().to_lowercase();
    match name {
        "ac:structured-macro" | "ac:macro" => {
            writer.open(name, Container::Macro(Macro { name: named(), ..Macro::default() }));
        }
        "ac:parameter" | "ac:default-parameter" => writer.open(name, Container::Parameter(named())),
        "ac:plain-text-body" => writer.open(name, Container::Plain { had_data: false }),
        "ac:task-status" => writer.open(name, Container::TaskStatus),
        "ac:adf-extension" => writer.shown = false,
        "ac:adf-fallback" if writer.shown => writer.open(name, Container::Nothing),
        "ac:emoticon" => {
            let shown = ["ac:emoji-fallback", "ac:emoji-shortname", "ac:name"];
            let shown = shown.into_iter().find_map(|key| value(attributes, key));
            writer.words(shown.unwrap_or_default());
        }
        "ac:link" => {
            let anchor = value(attributes, "ac:anchor").map(str::to_owned);
            writer.target = Some((writer.line_length(), anchor.into_iter().collect()));
        }
        "ac:image" => {
            let alt = value(attributes, "ac:alt").or(value(attributes, "ac:title")).map(str::to_owned);
            writer.target = Some((writer.line_length(), alt.into_iter().collect()));
        }
        _ if name.starts_with("ri:") => refer(writer, name, attributes),
        _ => {}
    }
}

/// What a resource identifier points to: a page's title, a file's name, a user.
fn refer(writer: &mut Writer, name: &str, attributes: &Attributes) {
    let keys = [
        "ri:content-title",
        "ri:filename",
        "ri:value",
        "ri:username",
        "ri:account-id",
        "ri:userkey",
        "ri:content-id",
        "ri:space-key",
        "ri:entity-id",
    ];
    let Some(words) = keys.into_iter().find_map(|key| value(attributes, key)) else { return };
    let words = if name == "ri:user" { format!("@{words}") } else { words.to_owned() };
    match &mut writer.target {
        Some((_, targets)) => targets.push(words),
        None => writer.words(&words),
    }
}

fn close(writer: &mut Writer, name: &str, written: &str) {
    let name = match name {
        "ac:plain-text-link-body" | "ac:link-body" => return,
        name => name,
    };
    match name {
        "strong" | "b" => writer.emphasis("**", false),
        "em" | "i" => writer.emphasis("*", false),
        "del" | "s" | "strike" => writer.emphasis("~~", false),
        "code" | "kbd" | "samp" => writer.end_code(),
        "a" => writer.end_link(),
        "summary" => {
            writer.emphasis("**", false);
            writer.flush();
        }
        "ac:link" => end_target(writer),
        "ac:image" => {
            if let Some((_, words)) = writer.target.take() {
                image(writer, words);
            }
        }
        "br" | "hr" | "img" | "time" => {}
        _ if BLOCKS.contains(&name) => writer.flush(),
        _ if WORDS.contains(&name) => {}
        _ if is_container(name) => writer.close(name),
        _ if name.starts_with("ac:") || name.starts_with("ri:") || name.starts_with("at:") => {}
        // A placeholder's end, if it was written as one.
        _ if written.starts_with("</") => writer.raw(written),
        _ => {}
    }
}

fn is_container(name: &str) -> bool {
    matches!(
        name,
        "h1" | "h2"
            | "h3"
            | "h4"
            | "h5"
            | "h6"
            | "ul"
            | "ol"
            | "li"
            | "menu"
            | "dir"
            | "blockquote"
            | "table"
            | "tr"
            | "td"
            | "th"
            | "pre"
            | "textarea"
            | "listing"
            | "ac:task-list"
            | "ac:task"
            | "ac:task-status"
            | "ac:structured-macro"
            | "ac:macro"
            | "ac:parameter"
            | "ac:default-parameter"
            | "ac:plain-text-body"
            | "ac:adf-fallback"
    ) || UNSEEN.contains(&name)
}

/// An image as Markdown writes it: what it shows, and its file.
fn image(writer: &mut Writer, words: Vec<String>) {
    match words.as_slice() {
        [] => {}
        [only] => writer.words(&format!("![]({only})")),
        [shown, rest @ ..] => writer.words(&format!("![{shown}]({})", rest.join(" "))),
    }
}

/// A link's words, and what it points to where the words do not say it.
fn end_target(writer: &mut Writer) {
    let Some((at, targets)) = writer.target.take() else { return };
    let words = writer.take_from(at);
    let target = targets.join(" ");
    if words.trim().is_empty() {
        writer.raw(&words);
        writer.words(&target);
    } else if target.is_empty() || words.contains(&target) {
        writer.raw(&words);
    } else {
        writer.raw(&format!("{} ({target})", words.trim_end()));
    }
}
