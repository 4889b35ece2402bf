//! The brief as plain text: a hundred columns, hanging indents, commands on lines of their own.

use crate::content::{Content, Line, Mark, Note, Section};

/// Columns before a line is wrapped. Commands are never wrapped: they are copied.
const WIDTH: usize = 100;

/// The whole brief, ending in a line break.
pub fn render(content: &Content) -> String {
    let mut out = format!("{}\n", content.headline);
    wrap(&mut out, "   ", "   ", &content.intro);
    if let Some(link) = &content.link {
        out.push_str(&format!("   {link}\n"));
    }
    for section in &content.sections {
        out.push('\n');
        render_section(&mut out, section);
    }
    if !content.footer.is_empty() {
        out.push('\n');
        wrap(&mut out, "⏱ ", "  ", &content.footer);
    }
    out
}

fn render_section(out: &mut String, section: &Section) {
    out.push_str(&section.heading);
    out.push('\n');
    for line in &section.lines {
        render_line(out, line);
    }
}

fn render_line(out: &mut String, line: &Line) {
    let first = format!("  {}", mark(line.mark));
    let rest = " ".repeat(first.chars().count());
    wrap(out, &first, &rest, &cited(line));
    for note in &line.notes {
        match note {
            Note::Remark(text) => wrap(out, &format!("{rest}→ "), &format!("{rest}  "), text),
            Note::Command(command) => out.push_str(&format!("{rest}$ {command}\n")),
        }
    }
}

/// How a line begins, with its blank.
pub fn mark(mark: Mark) -> String {
    match mark {
        Mark::Plain => String::new(),
        Mark::Bullet => "• ".to_owned(),
        Mark::Number(n) => format!("{n}. "),
        Mark::For => "✓ ".to_owned(),
        Mark::Against => "✗ ".to_owned(),
    }
}

/// Ids shown of one line; the document holds all.
const MOST_CITES: usize = 4;

/// The text with the ids it rests on: `… at 02:11 UTC [kubernetes-1, aws-2]`.
pub fn cited(line: &Line) -> String {
    if line.cites.is_empty() { line.text.clone() } else { format!("{} [{}]", line.text, cites(line)) }
}

/// The first of the ids.
pub fn cites(line: &Line) -> String {
    let more = if line.cites.len() > MOST_CITES { ", …" } else { "" };
    let shown = &line.cites[..line.cites.len().min(MOST_CITES)];
    format!("{}{more}", shown.join(", "))
}

/// Words that stay with the word before them: bars, units, sparklines.
fn is_glued(word: &str) -> bool {
    let unit = word.trim_end_matches([',', ')', '.', ';']);
    ["|", "%", "s", "ms", "min", "h", "days", "weeks", "months", "years", "KiB", "MiB", "GiB"].contains(&unit)
        || word.starts_with(|c| ('▁'..='█').contains(&c))
}

/// Appends words until a line is full; a word longer than a line stands alone and whole.
fn wrap(out: &mut String, first: &str, rest: &str, text: &str) {
    let mut line = first.to_owned();
    let mut empty = true;
    let mut words = text.split(' ').peekable();
    while let Some(word) = words.next() {
        let mut word = word.to_owned();
        while let Some(glued) = words.next_if(|next| is_glued(next)) {
            word.push(' ');
            word.push_str(glued);
        }
        let columns = line.chars().count() + 1 + word.chars().count();
        if !empty && columns > WIDTH {
            out.push_str(line.trim_end());
            out.push('\n');
            rest.clone_into(&mut line);
            empty = true;
        }
        if !empty {
            line.push(' ');
        }
        line.push_str(&word);
        empty = false;
    }
    out.push_str(line.trim_end());
    out.push('\n');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_lines_hang_under_their_text_and_commands_stay_whole() {
        let command = format!("kubectl {}", "x".repeat(150));
        let line = Line::new(Mark::Number(3), "word ".repeat(40)).command(command.clone());
        let mut out = String::new();
        render_line(&mut out, &line);
        let lines: Vec<&str> = out.lines().collect();
        assert!(lines[0].starts_with("  3. word") && lines[1].starts_with("     word"));
        assert!(lines[..2].iter().all(|line| line.chars().count() <= WIDTH));
        assert_eq!(lines[lines.len() - 1], format!("     $ {command}"));
    }

    #[test]
    fn a_number_and_its_unit_stay_together() {
        let mut out = String::new();
        wrap(&mut out, "", "", &format!("{} 95 % ▁▂█ | next", "x".repeat(96)));
        assert_eq!(out.lines().nth(1), Some("95 % ▁▂█ | next"));
    }
}
