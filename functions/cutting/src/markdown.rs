//! Markdown by heading sections.

use std::ops::Range;

use crate::front_matter::{self, FrontMatter};
use crate::piece::{self, About, Piece};
use crate::{Cut, Document, paragraphs};

/// A section: its own text without the sections below it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Section {
    /// Headings from the outermost to its own, without the document's title; empty for what stands before the first.
    pub path: Vec<String>,
    pub range: Range<usize>,
    /// Where the text below its heading line begins.
    pub body: usize,
}

/// A Markdown document taken apart.
pub(crate) struct Outline {
    pub about: About,
    pub matter: FrontMatter,
    pub sections: Vec<Section>,
}

/// Cuts a page between its sections: neighbours share a chunk while they fit it together, for a heading with two lines below
/// it tells little by itself; a section longer than the limit is split between paragraphs.
pub(crate) fn cut(document: &Document) -> Cut {
    let outline = outline(document);
    let pieces = grouped(&document.text, &outline.sections)
        .into_iter()
        .flat_map(|(range, paths)| {
            let piece = Piece {
                range,
                header: paths.join("\n"),
                section: (!paths.is_empty()).then(|| paths.join(" · ")),
                ..Piece::default()
            };
            piece::bounded(&document.text, piece, paragraphs::PROSE)
        })
        .collect();
    Cut {
        chunks: piece::chunks(document, &outline.about, pieces),
        problems: problems(document, &outline.matter),
    }
}

/// Runs of sections that fit a chunk together, with the heading paths they hold.
fn grouped(text: &str, sections: &[Section]) -> Vec<(Range<usize>, Vec<String>)> {
    let mut groups: Vec<(Range<usize>, Vec<String>)> = Vec::new();
    for section in sections {
        let path = (!section.path.is_empty()).then(|| section.path.join(" > "));
        match groups.last_mut() {
            Some((range, paths))
                if paragraphs::tokens(&text[range.start..section.range.end]) <= paragraphs::PROSE =>
            {
                range.end = section.range.end;
                paths.extend(path);
            }
            _ => groups.push((section.range.clone(), path.into_iter().collect())),
        }
    }
    groups
}

/// What front matter could not be read, as a sentence.
pub(crate) fn problems(document: &Document, matter: &FrontMatter) -> Vec<String> {
    matter.problem.iter().map(|problem| format!("{}: {problem}", document.path)).collect()
}

/// Takes a document apart. The title is the front matter's, else a first heading of level one, else what the source said.
pub(crate) fn outline(document: &Document) -> Outline {
    let text = &document.text;
    let matter = front_matter::read(text);
    let headings = headings(text, matter.end);
    let first = headings.first().filter(|heading| heading.level == 1).map(|heading| heading.words.clone());
    let mut about = About::of(document);
    if let Some(title) = matter.text("title").or_else(|| first.clone()) {
        about.title = title;
    }
    about.author = matter.text("author").or(about.author);
    about.modified = matter.time("modified").or(about.modified);
    let mut sections = sections(text, matter.end, &headings, first.is_some());
    for section in &mut sections {
        section.path.splice(0..0, document.ancestors.iter().cloned());
    }
    Outline { about, matter, sections }
}

struct Heading {
    level: usize,
    words: String,
    line: Range<usize>,
}

fn headings(text: &str, from: usize) -> Vec<Heading> {
    let mut found = Vec::new();
    let mut at = from;
    let mut fence: Option<&str> = None;
    for line in text[from..].split_inclusive('\n') {
        let start = at;
        at += line.len();
        let words = line.trim();
        let mark = ["```", "~~~"].into_iter().find(|mark| words.starts_with(mark));
        match (fence, mark) {
            (Some(open), Some(mark)) if open == mark => fence = None,
            (None, Some(mark)) => fence = Some(mark),
            (None, None) => {
                let level = words.len() - words.trim_start_matches('#').len();
                if (1..=6).contains(&level) && words[level..].starts_with([' ', '\t']) {
                    let words = words[level..].trim().trim_end_matches('#').trim_end().to_owned();
                    found.push(Heading { level, words, line: start..at });
                }
            }
            _ => {}
        }
    }
    found
}

/// One section per heading that has a text of its own; a heading without one only shows in the paths below it.
fn sections(text: &str, from: usize, headings: &[Heading], titled: bool) -> Vec<Section> {
    let first = headings.first().map_or(text.len(), |heading| heading.line.start);
    let mut sections = vec![Section { path: Vec::new(), range: from..first, body: from }];
    let mut path: Vec<(usize, &str)> = Vec::new();
    for (i, heading) in headings.iter().enumerate() {
        path.retain(|(level, _)| *level < heading.level);
        if i > 0 || !titled {
            path.push((heading.level, &heading.words));
        }
        let end = headings.get(i + 1).map_or(text.len(), |next| next.line.start);
        sections.push(Section {
            path: path.iter().map(|(_, words)| (*words).to_owned()).collect(),
            range: heading.line.start..end,
            body: heading.line.end,
        });
    }
    let any = sections.iter().any(|section| !text[section.body..section.range.end].trim().is_empty());
    sections.retain(|section| !any || !text[section.body..section.range.end].trim().is_empty());
    sections
}

#[cfg(test)]
mod tests {
    use super::*;
    use incident::Corpus;

    fn document(text: &str) -> Document {
        Document::new(Corpus::Runbooks, "wiki/a.md", text)
    }

    #[test]
    fn a_page_is_cut_between_its_sections_with_their_paths_and_lines() {
        let long = "word ".repeat(300);
        let text = format!(
            "---\ntitle: Full disk\nauthor: Ada\n---\n# Ignored\nIntro.\n\n## Find\n\n### On Linux\n`df -h`\n\n```\n# not a heading\n```\n## Mend\n{long}\n## Verify\nLook.\n"
        );
        let cut = cut(&document(&text));
        let told: Vec<_> =
            cut.chunks.iter().map(|c| (c.section.as_deref(), c.start_line, c.end_line)).collect();
        assert_eq!(told, [(Some("Find > On Linux · Mend · Verify"), 5, 19)]);
        let longer = text.replace("## Verify\n", &format!("{}\n## Verify\n", "more ".repeat(200)));
        let cut = super::cut(&document(&longer));
        let told: Vec<_> = cut.chunks.iter().map(|c| (c.section.as_deref(), c.start_line)).collect();
        assert_eq!(told[0], (Some("Find > On Linux"), 5));
        assert!(
            told[1..]
                .iter()
                .all(|(section, _)| section.is_some_and(|s| s.starts_with("Mend") || s == "Verify"))
        );
        assert!(cut.chunks.iter().all(|c| c.title == "Full disk" && c.author.as_deref() == Some("Ada")));
        for chunk in &cut.chunks {
            assert_eq!(chunk.text, longer[chunk.start_byte..chunk.end_byte]);
        }
    }

    #[test]
    fn a_page_of_headings_only_is_still_found() {
        assert_eq!(cut(&document("# Only a title\n")).chunks.len(), 1);
    }

    #[test]
    fn equal_sections_keep_different_identities() {
        let section = format!("## a\n{}\n", "word ".repeat(300));
        let cut = cut(&document(&format!("# t\n{section}{section}")));
        assert_eq!(cut.chunks.len(), 2);
        assert_ne!(cut.chunks[0].id(), cut.chunks[1].id());
    }
}
