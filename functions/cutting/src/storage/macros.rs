//! What Confluence's macros become.

use super::Block;
use super::block::{self, Kind};
use super::writer::Writer;

/// A macro that is open or has just ended.
#[derive(Debug, Default)]
pub(super) struct Macro {
    pub name: String,
    /// Name and value; a value may be the title of a page.
    pub parameters: Vec<(String, String)>,
    /// Its body of characters.
    pub plain: String,
}

/// Macros that show other pages or nothing; their parameters say nothing of the subject.
const SILENT: &[&str] = &[
    "anchor",
    "attachments",
    "children",
    "contentbylabel",
    "contributors",
    "create-from-template",
    "livesearch",
    "pagetree",
    "recently-updated",
    "toc",
];
/// Macros that only arrange their body.
const TRANSPARENT: &[&str] =
    &["excerpt", "section", "column", "details", "div", "span", "toc-zone", "multiexcerpt", "table-filter"];
const CODE: &[&str] = &["code", "noformat", "preformatted"];
const QUOTED: &[&str] = &["info", "warning", "note", "tip", "panel", "success", "error"];

impl Macro {
    pub(super) fn is_transparent(&self) -> bool {
        TRANSPARENT.contains(&self.name.as_str())
    }

    fn parameter(&self, name: &str) -> Option<&str> {
        let found = self.parameters.iter().find(|(other, _)| other == name);
        found.map(|(_, value)| value.trim()).filter(|value| !value.is_empty())
    }
}

/// Puts a macro that has ended, and the blocks of its body, where it stands.
pub(super) fn end(writer: &mut Writer, ended: Macro, blocks: Vec<Block>) {
    let name = ended.name.as_str();
    let title = ended.parameter("title");
    if blocks.is_empty() && ended.plain.trim().is_empty() {
        return in_line(writer, &ended);
    }
    writer.flush();
    if QUOTED.contains(&name) {
        let name = name[..1].to_uppercase() + &name[1..];
        let label = match title {
            Some(title) => format!("{name}: {title}"),
            None => name,
        };
        writer.add(block::quote(&label, with_plain(&ended, blocks)));
        return;
    }
    if let Some(title) = title {
        writer.add(vec![Block::new(Kind::Words, format!("**{title}**"))]);
    }
    writer.add(with_plain(&ended, blocks));
}

fn with_plain(ended: &Macro, mut blocks: Vec<Block>) -> Vec<Block> {
    if !ended.plain.trim().is_empty() {
        let by_name = if CODE.contains(&ended.name.as_str()) { "" } else { ended.name.as_str() };
        let language = ended.parameter("language").unwrap_or(by_name);
        blocks.push(Block::code(language, &ended.plain));
    }
    blocks
}

/// A macro without a body is a word or two of the sentence it stands in.
fn in_line(writer: &mut Writer, ended: &Macro) {
    let name = ended.name.as_str();
    let words = match name {
        "status" => ended.parameter("title").map(|title| format!("**{title}**")),
        "jira" => ended.parameter("key").or(ended.parameter("jqlquery")).map(str::to_owned),
        _ if SILENT.contains(&name) => None,
        _ if CODE.contains(&name) || QUOTED.contains(&name) => ended.parameter("title").map(str::to_owned),
        _ => {
            let values: Vec<&str> = ended.parameters.iter().map(|(_, value)| value.trim()).collect();
            let values = values.into_iter().filter(|value| !value.is_empty()).collect::<Vec<_>>().join(", ");
            (!values.is_empty()).then(|| format!("{name}: {values}"))
        }
    };
    if let Some(words) = words {
        writer.words(&words);
    }
}
