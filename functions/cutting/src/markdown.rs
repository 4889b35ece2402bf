//! Markdown by heading sections.

use std::ops::Range;
use std::path::Path;

use crate::fence::Fence;
use crate::front_matter::{self, FrontMatter};
use crate::piece::{self, About, Piece};
use crate::tokens::tokens;
use crate::windows::PROSE;
use crate::{Cut, Document};

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

/// Cuts a page between its sections: neighbours share a window while all of them fit it, for a heading with two lines below
/// it tells little by itself, and a mitigation alone answers to no symptom. No other window crosses a heading: a section
/// longer than one is split between its own paragraphs.
pub(crate) fn cut(document: &Document) -> Cut {
    let outline = outline(document);
    let pieces = grouped(&document.text, &outline.sections).into_iter().flat_map(|(range, paths)| {
        let piece = Piece {
            range,
            header: paths.join("\n"),
            section: (!paths.is_empty()).then(|| paths.join(" · ")),
            ..Piece::default()
        };
        piece::prose(&document.text, &piece)
    });
    Cut {
        chunks: piece::chunks(document, &outline.about, pieces.collect()),
        problems: problems(document, &outline.matter),
    }
}

/// Runs of sections that fit a window together, with the heading paths they hold.
fn grouped(text: &str, sections: &[Section]) -> Vec<(Range<usize>, Vec<String>)> {
    let mut groups: Vec<(Range<usize>, Vec<String>)> = Vec::new();
    for section in sections {
        let path = (!section.path.is_empty()).then(|| section.path.join(" > "));
        match groups.last_mut() {
            Some((range, paths)) if tokens(&text[range.start..section.range.end]) <= PROSE => {
                range.end = section.range.end;
                paths.extend(path.filter(|path| paths.last() != Some(path)));
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

/// Takes a document apart. The title is the front matter's, else the source's, else a first heading of level one, else the
/// file's name.
pub(crate) fn outline(document: &Document) -> Outline {
    let text = &document.text;
    let matter = front_matter::read(text);
    let headings = headings(text, matter.end);
    let first = headings.first().filter(|heading| heading.level == 1).map(|heading| heading.words.as_str());
    let mut about = About::of(document);
    let given = matter.text("title").or_else(|| document.title.clone());
    // Confluence's pages have a title beside their text, and may have several headings of level one.
    let is_title = first.is_some_and(|first| document.title.as_deref().is_none_or(|title| title == first));
    about.title =
        given.or_else(|| first.map(str::to_owned)).unwrap_or_else(|| name(&document.path).to_owned());
    about.author = matter.text("author").or(about.author);
    about.modified = matter.time("modified").or(about.modified);
    let mut sections = sections(text, matter.end, &headings, is_title);
    for section in &mut sections {
        section.path.splice(0..0, document.ancestors.iter().cloned());
    }
    Outline { about, matter, sections }
}

/// A file's name without its ending.
fn name(path: &str) -> &str {
    Path::new(path).file_stem().and_then(|stem| stem.to_str()).filter(|stem| !stem.is_empty()).unwrap_or(path)
}

struct Heading {
    level: usize,
    words: String,
    line: Range<usize>,
}

fn headings(text: &str, from: usize) -> Vec<Heading> {
    let mut found: Vec<Heading> = Vec::new();
    let mut at = from;
    let mut fence = Fence::default();
    // The line before, where it may be a heading that the next one underlines: it stands alone below a blank line.
    let mut alone: Option<(Range<usize>, &str)> = None;
    let mut after_blank = true;
    for line in text[from..].split_inclusive('\n') {
        let range = at..at + line.len();
        at = range.end;
        if fence.holds(line) {
            (alone, after_blank) = (None, false);
            continue;
        }
        let words = line.trim();
        if let Some((above, title)) = alone.take()
            && let Some(level) = underlined(words)
        {
            found.push(Heading { level, words: title.to_owned(), line: above.start..range.end });
        } else if let Some((level, words)) = hashed(words) {
            found.push(Heading { level, words: words.to_owned(), line: range });
        } else if after_blank && words.chars().next().is_some_and(char::is_alphanumeric) {
            alone = Some((range, words));
        }
        after_blank = words.is_empty();
    }
    found
}

/// `## Words` or `## Words ##`.
fn hashed(line: &str) -> Option<(usize, &str)> {
    let level = line.len() - line.trim_start_matches('#').len();
    let within = (1..=6).contains(&level) && line[level..].starts_with([' ', '\t']);
    within.then(|| (level, line[level..].trim().trim_end_matches('#').trim_end()))
}

/// A line of `=` or of `-` makes the line above a heading.
fn underlined(line: &str) -> Option<usize> {
    let of = |mark| line.len() >= 3 && line.bytes().all(|byte| byte == mark);
    if of(b'=') { Some(1) } else { of(b'-').then_some(2) }
}

/// One section per heading that has a text of its own; a heading without one goes with the next, and shows in the paths below it.
fn sections(text: &str, from: usize, headings: &[Heading], titled: bool) -> Vec<Section> {
    let first = headings.first().map_or(text.len(), |heading| heading.line.start);
    let mut sections = vec![Section { path: Vec::new(), range: from..first, body: from }];
    let mut path: Vec<(usize, &str)> = Vec::new();
    let is_bare = |section: &Section| text[section.body..section.range.end].trim().is_empty();
    for (i, heading) in headings.iter().enumerate() {
        path.retain(|(level, _)| *level < heading.level);
        if i > 0 || !titled {
            path.push((heading.level, &heading.words));
        }
        let end = headings.get(i + 1).map_or(text.len(), |next| next.line.start);
        let bare = sections.pop_if(|last| is_bare(last));
        sections.push(Section {
            path: path.iter().map(|(_, words)| (*words).to_owned()).collect(),
            range: bare.map_or(heading.line.start, |bare| bare.range.start)..end,
            body: heading.line.end,
        });
    }
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
        let text = format!(
            "---\ntitle: Full disk\nauthor: Ada\n---\n# Ignored\nIntro.\n\n## Find\n\n### On Linux\n`df -h`\n\n```\n# not a heading\n```\n## Mend\n{}\n\nVerify\n------\nLook.\n",
            "word ".repeat(700)
        );
        let cut = cut(&Document { ancestors: vec!["Operations".into()], ..document(&text) });
        let told: Vec<_> =
            cut.chunks.iter().map(|c| (c.section.as_deref().unwrap(), c.start_line, c.end_line)).collect();
        assert_eq!(
            told,
            [
                ("Operations · Operations > Find > On Linux", 5, 15),
                ("Operations > Mend", 16, 17),
                ("Operations > Mend", 17, 17),
                ("Operations > Verify", 19, 21)
            ]
        );
        for chunk in &cut.chunks {
            assert_eq!((chunk.title.as_str(), chunk.author.as_deref()), ("Full disk", Some("Ada")));
            assert_eq!(chunk.text, text[chunk.start_byte..chunk.end_byte]);
        }
    }

    #[test]
    fn a_title_beside_the_text_wins_over_its_first_heading() {
        let page = Document { title: Some("Page".into()), ..document("# One\na\n# Two\nb\n") };
        let cut = cut(&page);
        assert_eq!(
            (cut.chunks[0].title.as_str(), cut.chunks[0].section.as_deref()),
            ("Page", Some("One · Two"))
        );
        assert_eq!(super::cut(&document("words")).chunks[0].title, "a");
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
