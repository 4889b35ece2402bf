//! The brief as Slack blocks, within Slack's limits by construction.
//!
//! Limits: at most 50 blocks, 3,000 characters per section text, 150 per header
//! (<https://docs.slack.dev/reference/block-kit/blocks>), and an unpublished aggregate of about 13,200 characters over all blocks
//! (<https://github.com/slackapi/bolt-js/issues/2509>). Text from outside is escaped, and every text object is `verbatim`, so no
//! mention, channel or link can come out of a log line.

use serde_json::{Value, json};

use crate::content::{Content, Line, Note, Section};
use crate::text;

/// Characters of all texts in one message.
pub const MESSAGE_CHARS: usize = 12_000;
/// Characters of one section's text.
const SECTION_CHARS: usize = 2_900;
/// What a section keeps at least when a message must be short.
const LEAST_CHARS: usize = 200;
const HEADER_CHARS: usize = 150;
const MAX_BLOCKS: usize = 50;
/// Where something was cut.
pub const MORE: &str = "… more in the thread";

/// The blocks, and whether anything was cut. `chars` bounds the texts together, at most [`MESSAGE_CHARS`].
///
/// Details give way first: the room that is left after the other sections is shared among them.
pub fn render(content: &Content, chars: usize) -> (Vec<Value>, bool) {
    let frame = HEADER_CHARS + 2 * 600;
    let mut room = chars.min(MESSAGE_CHARS).saturating_sub(frame);
    let mut texts = vec![(String::new(), false); content.sections.len()];
    for detail in [false, true] {
        let of_kind: Vec<usize> =
            (0..content.sections.len()).filter(|i| content.sections[*i].detail == detail).collect();
        for (position, index) in of_kind.iter().enumerate() {
            let left = of_kind.len() - position;
            // A section may use what others leave, but must leave each later one its least.
            let mine = room.saturating_sub((left - 1) * LEAST_CHARS).clamp(LEAST_CHARS, SECTION_CHARS);
            texts[*index] = render_section(&content.sections[*index], mine);
            room = room.saturating_sub(length(&texts[*index].0));
        }
    }
    let cut = texts.iter().any(|(_, cut)| *cut);
    let mut blocks = vec![
        json!({"type": "header", "text": {
            "type": "plain_text", "text": incident::size::cut(&content.headline, HEADER_CHARS), "emoji": true}}),
        context(&intro(content)),
    ];
    blocks.extend(texts.iter().map(|(text, _)| json!({"type": "section", "text": mrkdwn(text)})));
    if !content.footer.is_empty() {
        blocks.push(context(&limited(&escape(&content.footer), 600)));
    }
    blocks.truncate(MAX_BLOCKS);
    (blocks, cut)
}

fn intro(content: &Content) -> String {
    let intro = limited(&escape(&content.intro), 300);
    // The link was checked to be one of Datadog's pages when the content was made.
    match content.link.as_deref().map(escape).filter(|link| length(link) <= 280) {
        Some(link) => format!("{intro} · <{link}|monitor>"),
        None => intro,
    }
}

fn context(text: &str) -> Value {
    json!({"type": "context", "elements": [mrkdwn(text)]})
}

fn mrkdwn(text: &str) -> Value {
    json!({"type": "mrkdwn", "text": text, "verbatim": true})
}

/// One section of at most `chars` characters, and whether something was cut: whole lines while they fit, then one cut at a
/// sentence, then the pointer to the thread. A line with a command is shown whole or not at all.
fn render_section(section: &Section, chars: usize) -> (String, bool) {
    let mut out = format!("*{}*", escape(&section.heading));
    let room = |out: &str| chars.saturating_sub(length(out) + length(MORE) + 2);
    for (i, line) in section.lines.iter().enumerate() {
        let last = i + 1 == section.lines.len();
        let rendered = render_line(line);
        let spare = if last { room(&out) + length(MORE) + 1 } else { room(&out) };
        if length(&rendered) <= spare {
            out.push('\n');
            out.push_str(&rendered);
            continue;
        }
        let has_command = line.notes.iter().any(|note| matches!(note, Note::Command(_)));
        if let Some(part) = (!has_command).then(|| at_sentence(line, room(&out))).flatten() {
            out.push('\n');
            out.push_str(&part);
        }
        out.push('\n');
        out.push_str(MORE);
        return (out, true);
    }
    (out, false)
}

fn render_line(line: &Line) -> String {
    let mut out = format!("{}{}", text::mark(line.mark), escape(&line.text));
    if !line.cites.is_empty() {
        out.push_str(&format!(" _[{}]_", escape(&text::cites(line))));
    }
    for note in &line.notes {
        match note {
            Note::Remark(text) => out.push_str(&format!("\n    → {}", escape(text))),
            Note::Command(command) => out.push_str(&format!("\n```{}```", fenced(command))),
        }
    }
    out
}

/// The line's first sentences within `chars` characters; `None` when not even one fits.
fn at_sentence(line: &Line, chars: usize) -> Option<String> {
    let mark = text::mark(line.mark);
    let ends = line.text.match_indices(". ").map(|(at, _)| at + 1);
    ends.map(|end| format!("{mark}{}", escape(&line.text[..end])))
        .take_while(|part| length(part) <= chars)
        .last()
}

/// At most `chars` characters of escaped text, never ending within an entity.
fn limited(escaped: &str, chars: usize) -> String {
    let mut kept = incident::size::cut(escaped, chars);
    if let Some(amp) = kept.rfind('&').filter(|amp| !kept[*amp..].contains(';')) {
        kept.truncate(amp);
        kept.push('…');
    }
    kept
}

/// The three characters that mean something to Slack.
pub fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// Text for the inside of a fence: a backtick of its own would end it.
pub fn fenced(text: &str) -> String {
    escape(text).replace('`', "ˋ")
}

/// Slack counts characters.
fn length(text: &str) -> usize {
    text.chars().count()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::content::Mark;

    fn content(sections: usize, lines: usize, text: &str) -> Content {
        let section = |i: usize| Section {
            heading: format!("SECTION {i}"),
            lines: (0..lines).map(|_| Line::new(Mark::Bullet, text).citing([&"aws-1".to_owned()])).collect(),
            detail: i > 4,
        };
        Content {
            headline: "🔴 x".repeat(100),
            intro: "Triggered <!channel> & more".to_owned(),
            link: None,
            sections: (0..sections).map(section).collect(),
            footer: "f".repeat(5_000),
        }
    }

    /// Slack's published limits, checked on the JSON and on nothing of the renderer's.
    fn check(blocks: &[Value]) -> usize {
        assert!(blocks.len() <= 50);
        let mut total = 0;
        for block in blocks {
            let texts: Vec<&Value> = match block["type"].as_str().unwrap() {
                "header" => vec![&block["text"]],
                "section" => vec![&block["text"]],
                "context" => block["elements"].as_array().unwrap().iter().collect(),
                other => panic!("unexpected block {other}"),
            };
            assert!(texts.len() <= 10);
            for text in texts {
                let chars = text["text"].as_str().unwrap().chars().count();
                assert!((1..=3_000).contains(&chars));
                assert!(block["type"] != "header" || chars <= 150);
                total += chars;
            }
        }
        total
    }

    #[test]
    fn any_content_fits_and_says_where_it_was_cut() {
        for (sections, lines, text) in [
            (1, 1, "short"),
            (
                8,
                40,
                "A sentence. Another <!channel> one & `more`. And a third that is somewhat longer than those.",
            ),
            (8, 2, &"endless ".repeat(2_000)),
            (8, 500, "<<<<&&&&>>>>"),
        ] {
            let content = content(sections, lines, text);
            for chars in [MESSAGE_CHARS, 6_000, 3_000] {
                let (blocks, cut) = render(&content, chars);
                assert!(check(&blocks) <= chars.max(3_000) + 200, "{sections} {lines} {chars}");
                let all = serde_json::to_string(&blocks).unwrap();
                assert_eq!(cut, all.contains(MORE));
                assert!(!all.contains("<!channel>"));
                assert_eq!(all.matches('&').count(), all.matches(';').count(), "an entity was cut");
            }
        }
    }

    #[test]
    fn a_command_is_whole_or_absent() {
        let mut content = content(1, 3, &"word ".repeat(100));
        let command = format!("kubectl {}", "y".repeat(1_500));
        for line in &mut content.sections[0].lines {
            *line = line.clone().command(command.clone());
        }
        let (blocks, cut) = render(&content, MESSAGE_CHARS);
        let all = blocks.iter().map(Value::to_string).collect::<String>();
        assert!(cut);
        assert_eq!(all.matches("kubectl").count(), all.matches(&command).count());
    }

    #[test]
    fn a_backtick_cannot_end_a_fence() {
        assert_eq!(fenced("a```<b"), "aˋˋˋ&lt;b");
    }
}
