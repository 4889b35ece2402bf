//! Post-mortems: Markdown whose every chunk carries what the whole found out.

use incident::size;

use crate::markdown::{self, Outline, Section};
use crate::piece::{self, Piece};
use crate::{Cut, Document};

/// Characters of the root cause lifted into each chunk's header.
const ROOT_CAUSE: usize = 320;
/// Characters of the resolution: longer, for it may quote a statement.
const RESOLUTION: usize = 720;

/// Cuts a post-mortem by section.
///
/// Id, affected services, root cause and resolution go into the header of each chunk, so that any of them stands for the
/// whole. The sections are told by their headings' words.
pub(crate) fn cut(document: &Document) -> Cut {
    let outline = markdown::outline(document);
    let header = header(document, &outline);
    let pieces = outline
        .sections
        .iter()
        .flat_map(|section| {
            let piece = Piece {
                range: section.range.clone(),
                section: Some(section.path.last().cloned().unwrap_or_else(|| "Summary".to_owned())),
                header: header.clone(),
                ..Piece::default()
            };
            piece::prose(&document.text, &piece)
        })
        .collect();
    Cut {
        chunks: piece::chunks(document, &outline.about, pieces),
        problems: markdown::problems(document, &outline.matter),
    }
}

fn header(document: &Document, outline: &Outline) -> String {
    let matter = &outline.matter;
    let services = ["services", "affected", "affected_services"].iter().find_map(|key| {
        let list = matter.list(key);
        (!list.is_empty()).then(|| list.join(", "))
    });
    let found = |words: &[&str], chars| {
        let section = outline.sections.iter().find(|section| is_about(section, words))?;
        let body = document.text[section.body..section.range.end].trim();
        (!body.is_empty()).then(|| size::cut(body, chars))
    };
    [
        ("Incident", matter.text("id")),
        ("Severity", matter.text("severity")),
        ("Services", services),
        ("Root cause", matter.text("root_cause").or_else(|| found(&["root cause", "cause"], ROOT_CAUSE))),
        (
            "Resolution",
            matter
                .text("resolution")
                .or_else(|| found(&["resolution", "mitigation", "remediation", "recovery"], RESOLUTION)),
        ),
    ]
    .into_iter()
    .filter_map(|(name, value)| value.map(|value| format!("{name}: {value}\n")))
    .collect()
}

fn is_about(section: &Section, words: &[&str]) -> bool {
    section.path.last().is_some_and(|heading| {
        let heading = heading.to_lowercase();
        words.iter().any(|word| heading.contains(word))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use incident::Corpus;

    #[test]
    fn every_chunk_carries_id_services_cause_and_resolution() {
        let text = "---\nid: INC-7\ntitle: Queue stood still\nservices: [mailer, queue]\n---\n# Queue\nIt stood.\n\n## Root cause\nA full disk.\n\n## Resolution\nWe ran:\n\n```sql\nVACUUM t;\n```\n";
        let document = Document::new(Corpus::Incidents, "incidents/7.md", text);
        let cut = cut(&document);
        assert_eq!(cut.chunks.len(), 3);
        assert_eq!(cut.chunks[0].section.as_deref(), Some("Summary"));
        for chunk in &cut.chunks {
            for part in ["INC-7", "mailer, queue", "A full disk.", "VACUUM t;"] {
                assert!(chunk.header.contains(part), "{part} in {}", chunk.header);
            }
        }
    }
}
