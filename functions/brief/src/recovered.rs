//! The brief once its alert has recovered: the same message under another headline, with how long it took.

use ledger::{BriefMessage, Record};
use serde_json::{Value, json};

use crate::time;

/// The message as it is shown now: unchanged while the cycle is open.
pub fn mark(message: &BriefMessage, record: &Record) -> BriefMessage {
    let (Some(closed), Some(opened)) = (record.closed(), record.opened) else { return message.clone() };
    let lasted = time::span(closed.duration_since(opened).as_secs());
    let ended = match record.open_folds.len() {
        0 => format!("🟢 RECOVERED after {lasted}"),
        n => format!("🟠 RECOVERED after {lasted}, {n} folded in still firing"),
    };
    let headline = match message.headline.split_once(" — ") {
        Some((_, what)) => format!("{ended} — {what}"),
        None => ended,
    };
    let headline = incident::size::cut(&headline, 150);
    let mut blocks = message.blocks.clone();
    if let Some(text) = blocks.first_mut().and_then(|header| header.pointer_mut("/text/text")) {
        *text = json!(headline);
    }
    let briefed = record.briefed.as_ref().and_then(|briefed| briefed.at);
    let brief = briefed.map(|at| format!(" · brief at {}", time::hour_minute(at))).unwrap_or_default();
    let text = format!(
        "Alerted {} · recovered {} · lasted {lasted}{brief}",
        time::clock(opened, closed),
        time::clock(closed, closed),
    );
    let line: Value =
        json!({"type": "context", "elements": [{"type": "mrkdwn", "text": text, "verbatim": true}]});
    blocks.insert(blocks.len().min(1), line);
    BriefMessage { headline, blocks }
}
