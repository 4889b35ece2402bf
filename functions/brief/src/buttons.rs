//! Buttons, which the `slack` function answers. Each carries the cycle it is about.

use serde_json::{Value, json};

/// What may be said of a brief.
pub fn feedback(cycle: &str) -> Value {
    let elements = [
        button("correct", "✓ Correct", cycle, Some("primary")),
        button("wrong", "✗ Wrong", cycle, Some("danger")),
        button("reinvestigate", "↻ Re-investigate", cycle, None),
        button("took_over", "✋ I take over", cycle, None),
    ];
    json!({"type": "actions", "block_id": "feedback", "elements": elements})
}

/// The way back from a fold.
pub fn unfold(cycle: &str) -> Value {
    button("unfold", "Investigate by itself", cycle, None)
}

fn button(action: &str, text: &str, cycle: &str, style: Option<&str>) -> Value {
    let mut button = json!({
        "type": "button", "action_id": action, "value": cycle,
        "text": {"type": "plain_text", "text": text, "emoji": true},
    });
    if let Some(style) = style {
        button["style"] = json!(style);
    }
    button
}
