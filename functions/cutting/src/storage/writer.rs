//! The containers that are open while a page is read, and the words collected in each.

use std::ops::Range;

use super::Block;
use super::block::{self, Kind, joined};
use super::macros::{self, Macro};
use super::table::{self, Cell};

/// Containers open at once; deeper ones add to the one they stand in.
const DEEPEST: usize = 24;
/// How far down a closing tag looks for what it closes among the containers that were too deep.
const LOOKED_BACK: usize = 32;

/// What a container is.
#[derive(Debug)]
pub(super) enum Container {
    Page,
    Quote,
    List {
        next: Option<usize>,
    },
    Item {
        marker: String,
    },
    Table(Vec<Vec<Cell>>),
    Row(Vec<Cell>),
    Cell {
        is_head: bool,
        columns: usize,
        rows: usize,
    },
    Heading(usize),
    Macro(Macro),
    /// A macro's parameter, by name.
    Parameter(String),
    /// A macro's body of characters; whether a CDATA section was in it.
    Plain {
        had_data: bool,
    },
    /// Preformatted text and its language.
    Preformatted(String),
    /// The status of a task.
    TaskStatus,
    /// What no reader sees.
    Nothing,
}

#[derive(Debug)]
struct Frame {
    tag: String,
    container: Container,
    blocks: Vec<Block>,
    line: String,
    /// Where an inline element's words begin in `line`: inline code, a link with its address.
    code: Option<usize>,
    /// Marks of emphasis that are open, and where the words behind each begin.
    marks: Vec<(&'static str, usize)>,
    link: Option<(usize, String)>,
}

/// Collects a page.
pub(super) struct Writer {
    frames: Vec<Frame>,
    too_deep: Vec<String>,
    page: Vec<(Block, Range<usize>)>,
    /// The byte behind what was last put on the page.
    placed: usize,
    /// The byte behind the current event.
    at: usize,
    /// What an `ac:link` or an `ac:image` points to while it is open: where its words begin, and its targets.
    pub target: Option<(usize, Vec<String>)>,
    /// Whether the extension that is open showed its content, so that its fallback would repeat it.
    pub shown: bool,
}

impl Default for Writer {
    fn default() -> Self {
        let page = Frame::new("", Container::Page);
        Self {
            frames: vec![page],
            too_deep: Vec::new(),
            page: Vec::new(),
            placed: 0,
            at: 0,
            target: None,
            shown: false,
        }
    }
}

impl Frame {
    fn new(tag: &str, container: Container) -> Self {
        let (blocks, line) = (Vec::new(), String::new());
        Self { tag: tag.to_owned(), container, blocks, line, code: None, link: None, marks: Vec::new() }
    }
}

impl Writer {
    /// Everything that was read, with the bytes of the source.
    pub(super) fn end(mut self, at: usize) -> Vec<(Block, Range<usize>)> {
        self.at = at;
        while self.frames.len() > 1 {
            self.close_last();
        }
        self.flush();
        self.page
    }

    pub(super) fn moved_to(&mut self, at: usize) {
        self.at = at;
    }

    pub(super) fn container(&mut self) -> &mut Container {
        // There is always the page.
        let last = self.frames.len() - 1;
        &mut self.frames[last].container
    }

    fn frame(&mut self) -> &mut Frame {
        let last = self.frames.len() - 1;
        &mut self.frames[last]
    }

    /// Whether characters count as they are, white space included.
    pub(super) fn is_verbatim(&self) -> bool {
        self.frames.last().is_some_and(|frame| {
            matches!(frame.container, Container::Plain { .. } | Container::Preformatted(_))
        })
    }

    /// Opens a container. One that is too deep only ends the paragraph.
    pub(super) fn open(&mut self, tag: &str, container: Container) {
        let inline = matches!(
            container,
            Container::Macro(_) | Container::Parameter(_) | Container::Plain { .. } | Container::Nothing
        );
        if !inline {
            self.flush();
        }
        if self.frames.len() >= DEEPEST && !matches!(container, Container::Plain { .. }) {
            self.too_deep.push(tag.to_owned());
            if let Container::Item { marker } = container {
                self.frame().line.push_str(&marker);
            }
            return;
        }
        self.frames.push(Frame::new(tag, container));
    }

    /// Closes the innermost container of a tag with all that is open in it; without one nothing happens.
    pub(super) fn close(&mut self, tag: &str) {
        if !self.too_deep.is_empty() && !self.is_verbatim() {
            let from = self.too_deep.len().saturating_sub(LOOKED_BACK);
            if let Some(at) = self.too_deep[from..].iter().rposition(|open| open == tag) {
                self.flush();
                return self.too_deep.truncate(from + at);
            }
        }
        if let Some(at) = self.frames.iter().rposition(|frame| frame.tag == tag).filter(|at| *at > 0) {
            self.too_deep.clear();
            while self.frames.len() > at {
                self.close_last();
            }
        }
    }

    /// Closes what a tag ends without saying so: an item the next item, a cell the next cell.
    pub(super) fn close_before(&mut self, ended: &[&str], within: &[&str]) {
        let of = |frame: &&Frame| ended.contains(&frame.tag.as_str()) || within.contains(&frame.tag.as_str());
        let innermost = self.frames.iter().rev().find(of).map(|frame| frame.tag.clone());
        if let Some(tag) = innermost.filter(|tag| ended.contains(&tag.as_str())) {
            self.close(&tag);
        }
    }

    /// The innermost macro that is open.
    pub(super) fn in_macro(&mut self) -> Option<&mut Macro> {
        self.frames.iter_mut().rev().find_map(|frame| match &mut frame.container {
            Container::Macro(found) => Some(found),
            _ => None,
        })
    }

    /// The innermost list's next marker.
    pub(super) fn marker(&mut self) -> String {
        let list = self.frames.iter_mut().rev().find_map(|frame| match &mut frame.container {
            Container::List { next } => Some(next),
            _ => None,
        });
        match list {
            Some(Some(number)) => {
                *number += 1;
                format!("{}. ", *number - 1)
            }
            _ => "- ".to_owned(),
        }
    }

    /// Sets the marker of the item that is open.
    pub(super) fn mark_item(&mut self, marker: &str) {
        let item = self.frames.iter_mut().rev().find_map(|frame| match &mut frame.container {
            Container::Item { marker } => Some(marker),
            _ => None,
        });
        if let Some(own) = item {
            marker.clone_into(own);
        }
    }

    /// Adds words, white space folded unless it counts.
    pub(super) fn words(&mut self, text: &str) {
        let verbatim = self.is_verbatim();
        let line = &mut self.frame().line;
        if verbatim {
            return line.push_str(text);
        }
        for character in text.chars() {
            if !character.is_whitespace() {
                line.push(character);
            } else if !line.is_empty() && !line.ends_with([' ', '\n']) {
                line.push(' ');
            }
        }
    }

    /// Adds characters as they are.
    pub(super) fn raw(&mut self, text: &str) {
        self.frame().line.push_str(text);
    }

    pub(super) fn line_length(&mut self) -> usize {
        self.frame().line.len()
    }

    /// Takes the words of the line from a byte on.
    pub(super) fn take_from(&mut self, at: usize) -> String {
        let line = &mut self.frame().line;
        let at = line.floor_char_boundary(at.min(line.len()));
        line.split_off(at)
    }

    /// A mark of emphasis; a pair with nothing between them goes, and so does an end without a beginning.
    pub(super) fn emphasis(&mut self, mark: &'static str, opens: bool) {
        let frame = self.frame();
        if opens {
            frame.marks.push((mark, frame.line.len() + mark.len()));
            return frame.line.push_str(mark);
        }
        let Some((_, at)) = frame.marks.pop_if(|(open, _)| *open == mark) else { return };
        if at == frame.line.len() {
            frame.line.truncate(at - mark.len());
        } else {
            frame.line.push_str(mark);
        }
    }

    pub(super) fn begin_code(&mut self) {
        let frame = self.frame();
        frame.code = Some(frame.line.len());
    }

    pub(super) fn end_code(&mut self) {
        let Some(at) = self.frame().code.take() else { return };
        let code = self.take_from(at);
        if code.trim().is_empty() {
            return self.raw(&code);
        }
        let mark = if code.contains('`') { "``" } else { "`" };
        let edge = if code.starts_with('`') || code.ends_with('`') { " " } else { "" };
        self.raw(&format!("{mark}{edge}{code}{edge}{mark}"));
    }

    pub(super) fn begin_link(&mut self, address: String) {
        let frame = self.frame();
        frame.link = Some((frame.line.len(), address));
    }

    pub(super) fn end_link(&mut self) {
        let Some((at, address)) = self.frame().link.take() else { return };
        let words = self.take_from(at);
        let shown = words.trim();
        if address.is_empty() || address == shown {
            self.raw(&words);
        } else if shown.is_empty() {
            self.raw(&address);
        } else {
            self.raw(&format!("[{shown}]({address})"));
        }
    }

    /// Ends the paragraph.
    pub(super) fn flush(&mut self) {
        if self.is_verbatim() {
            return;
        }
        let frame = self.frame();
        (frame.code, frame.link) = (None, None);
        let mut line = std::mem::take(&mut frame.line);
        frame.marks.drain(..).rev().for_each(|(mark, _)| line.push_str(mark));
        let words = line.trim();
        if !words.is_empty() {
            let lines: Vec<String> = words.lines().map(harmless).collect();
            self.add(vec![Block::new(Kind::Words, lines.join("\n"))]);
        }
    }

    /// Adds blocks to the innermost container, below its paragraph.
    pub(super) fn add(&mut self, blocks: Vec<Block>) {
        if self.frames.len() > 1 {
            return self.frame().blocks.extend(blocks);
        }
        let source = self.placed..self.at;
        self.placed = self.at;
        self.page.extend(blocks.into_iter().map(|block| (block, source.clone())));
    }

    fn close_last(&mut self) {
        if !self.is_verbatim() {
            self.flush();
        }
        let Some(frame) = (self.frames.len() > 1).then(|| self.frames.pop()).flatten() else { return };
        let Frame { container, blocks, line, .. } = frame;
        match container {
            Container::Page | Container::Nothing => {}
            Container::Quote => self.add(block::quote("", blocks)),
            Container::List { .. } => self.add(blocks),
            Container::Item { marker } => self.add(block::item(&marker, blocks)),
            Container::Heading(level) => self.end_heading(level, &blocks),
            Container::Preformatted(language) => {
                if !line.trim().is_empty() {
                    self.add(vec![Block::code(&language, &line)]);
                }
            }
            Container::Cell { is_head, columns, rows } => {
                let cell = Cell { blocks, is_head, columns, rows };
                match self.container() {
                    Container::Row(cells) => cells.push(cell),
                    _ => self.add(cell.blocks),
                }
            }
            Container::Row(cells) => {
                self.add(blocks);
                match self.container() {
                    Container::Table(rows) => rows.push(cells),
                    _ => cells.into_iter().for_each(|cell| self.add(cell.blocks)),
                }
            }
            Container::Table(rows) => {
                self.add(blocks);
                self.add(table::blocks(rows));
            }
            Container::TaskStatus => {
                let done = joined(&blocks).trim().eq_ignore_ascii_case("complete");
                self.mark_item(if done { "- [x] " } else { "- [ ] " });
            }
            Container::Parameter(name) => {
                if let Some(open) = self.in_macro() {
                    open.parameters.push((name, joined(&blocks)));
                }
            }
            Container::Plain { .. } => match self.in_macro() {
                Some(open) => open.plain.push_str(&line),
                None => self.raw(&line),
            },
            Container::Macro(closed) => macros::end(self, closed, blocks),
        }
    }

    /// A heading within a list, a quote or a cell heads nothing on the page.
    fn end_heading(&mut self, level: usize, blocks: &[Block]) {
        let words = joined(blocks).split_whitespace().collect::<Vec<_>>().join(" ");
        if words.is_empty() {
            return;
        }
        let heads = self.frames.iter().all(|frame| match &frame.container {
            Container::Page => true,
            Container::Macro(open) => open.is_transparent(),
            _ => false,
        });
        let text = if heads { format!("{} {words}", "#".repeat(level)) } else { format!("**{words}**") };
        self.add(vec![Block::new(if heads { Kind::Structure } else { Kind::Words }, text)]);
    }
}

/// A line of a paragraph that Markdown would take for a heading or a fence.
fn harmless(line: &str) -> String {
    let line = line.trim();
    if line.starts_with('#') || line.starts_with("```") || line.starts_with("~~~") {
        format!("\\{line}")
    } else {
        line.to_owned()
    }
}
