//! What a page is made of once its markup is read.

/// How a block of text may be moved into lists, quotes and cells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A paragraph.
    Words,
    /// A list's item, a table, a heading, a quote: its lines mean something.
    Structure,
    /// A fenced block. It is never indented nor quoted: a command is found and copied as it was written.
    Verbatim,
}

/// One block of Markdown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Block {
    pub kind: Kind,
    pub text: String,
    /// Directly below the block before it, without a blank line.
    pub tight: bool,
}

impl Block {
    pub(super) fn new(kind: Kind, text: String) -> Self {
        Self { kind, text, tight: false }
    }

    /// A fenced block around a text that may hold fences itself.
    pub(super) fn code(language: &str, code: &str) -> Self {
        let mut longest = 0;
        let mut run = 0;
        for byte in code.bytes() {
            run = if byte == b'`' { run + 1 } else { 0 };
            longest = longest.max(run);
        }
        let fence = "`".repeat(longest.max(2) + 1);
        let language: String =
            language.chars().filter(|letter| letter.is_alphanumeric() || "+#-_.".contains(*letter)).collect();
        let code = code.strip_prefix('\n').unwrap_or(code).trim_end();
        Self::new(Kind::Verbatim, format!("{fence}{language}\n{code}\n{fence}"))
    }

    /// With `first` before its first line and `others` before each other one; code stays as it is.
    fn behind(mut self, first: &str, others: &str) -> Self {
        if self.kind == Kind::Verbatim {
            return self;
        }
        let lines = self.text.split('\n').enumerate();
        let lines = lines.map(|(i, line)| format!("{}{line}", if i == 0 { first } else { others }));
        self.text = lines.collect::<Vec<_>>().join("\n");
        self.kind = Kind::Structure;
        self
    }
}

/// A list's item: the marker before its first line, the others below it.
pub(super) fn item(marker: &str, blocks: Vec<Block>) -> Vec<Block> {
    let indent = " ".repeat(marker.chars().count());
    let mut found = Vec::new();
    let mut rest = blocks.into_iter().peekable();
    match rest.next_if(|block| block.kind != Kind::Verbatim) {
        Some(first) => found.push(Block { tight: true, ..first.behind(marker, &indent) }),
        None => {
            found.push(Block { tight: true, ..Block::new(Kind::Structure, marker.trim_end().to_owned()) });
        }
    }
    found.extend(rest.map(|block| block.behind(&indent, &indent)));
    found
}

/// A quote, with a label above it.
pub(super) fn quote(label: &str, blocks: Vec<Block>) -> Vec<Block> {
    let label = (!label.is_empty()).then(|| Block::new(Kind::Words, format!("**{label}**")));
    label.into_iter().chain(blocks).map(|block| block.behind("> ", "> ")).collect()
}

/// Blocks as one text.
pub(super) fn joined(blocks: &[Block]) -> String {
    let mut text = String::new();
    for block in blocks.iter().filter(|block| !block.text.trim().is_empty()) {
        if !text.is_empty() {
            text.push_str(if block.tight { "\n" } else { "\n\n" });
        }
        text.push_str(&block.text);
    }
    text
}
