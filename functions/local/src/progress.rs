//! What the Step Functions console would show: each Task as it ends, with its duration and what came of it.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use owo_colors::{OwoColorize as _, Stream::Stderr};
use serde_json::Value;

use crate::asl::{Event, Outcome};

/// A model that takes longer than this is worth not waiting for: people get the draft to read meanwhile.
const PATIENCE: Duration = Duration::from_secs(3);

/// The draft, which is shown where no Slack holds it and the model keeps people waiting.
#[derive(Clone, Default)]
pub struct Draft(Arc<Mutex<Waiting>>);

#[derive(Default)]
struct Waiting {
    thought: bool,
    text: Option<String>,
}

impl Draft {
    /// Notes what a Task returned; the draft starts its own clock.
    pub fn hear(&self, event: &Event) {
        let mut waiting = self.lock();
        match event.function.as_deref() {
            Some("analyze") if event.outcome == Outcome::Succeeded => waiting.thought = true,
            Some("brief") if event.result["stage"] == "draft" && event.result["posted"] == "terminal" => {
                waiting.text = event.result["text"].as_str().map(str::to_owned);
                tokio::spawn(self.clone().show_later());
            }
            _ => (),
        }
    }

    async fn show_later(self) {
        tokio::time::sleep(PATIENCE).await;
        let waiting = self.lock();
        if let (false, Some(text)) = (waiting.thought, &waiting.text) {
            eprintln!("\nThe model has not answered yet. The draft:\n\n{text}\n");
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Waiting> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Prints one line for a Task that ended.
pub fn show(event: &Event) {
    let took = seconds(event.took);
    let name = format!("{:<20}", event.state);
    match &event.outcome {
        Outcome::Succeeded => {
            let (good, note) = summary(&event.result);
            let mark = if good {
                "✓".if_supports_color(Stderr, |t| t.green()).to_string()
            } else {
                attention("!")
            };
            eprintln!("  {mark} {name} {took}  {}", note.if_supports_color(Stderr, |t| t.dimmed()));
        }
        Outcome::Retried(error) => eprintln!("  {} {name} {took}  {error}: trying again", attention("↻")),
        Outcome::Caught(error) => {
            eprintln!("  {} {name} {took}  {error}: going on without it", attention("✗"));
        }
        Outcome::Failed(error) => eprintln!("  {} {name} {took}  {error}", attention("✗")),
    }
}

fn attention(mark: &str) -> String {
    mark.if_supports_color(Stderr, |t| t.yellow()).to_string()
}

/// `0.31 s`, right-aligned.
pub fn seconds(took: Duration) -> String {
    format!("{:>7.2} s", took.as_secs_f64())
}

/// What a function's output says in a few words, and whether nothing is missing. Read from the JSON, because with `--invoke`
/// there is nothing else.
fn summary(output: &Value) -> (bool, String) {
    let text = |key: &str| output.get(key).and_then(Value::as_str);
    let count = |key: &str| output.get(key).and_then(Value::as_array).map_or(0, Vec::len);
    if output.get("source").is_some() {
        let status = text("status").unwrap_or("?");
        let gaps =
            output["gaps"].as_array().and_then(|gaps| gaps.first()?["sentence"].as_str()).unwrap_or_default();
        let gaps = if gaps.is_empty() { String::new() } else { format!(" · {gaps}") };
        return (matches!(status, "ok" | "empty"), format!("{status}, {} findings{gaps}", count("findings")));
    }
    if let Some(verdict) = output.get("verdict") {
        let leading = output["hypotheses"].as_array().and_then(|list| list.first());
        return match (verdict["outcome"].as_str(), leading) {
            (Some("causes"), Some(first)) => (
                true,
                format!(
                    "{} · {} {} · {}",
                    first["cause"].as_str().unwrap_or("?").replace('_', " "),
                    first["culprit"]["kind"].as_str().unwrap_or_default(),
                    first["culprit"]["name"].as_str().unwrap_or_default(),
                    first["level"].as_str().unwrap_or_default(),
                ),
            ),
            (outcome, _) => (outcome != Some("inconclusive"), outcome.unwrap_or("?").to_owned()),
        };
    }
    if output.get("passages").is_some() {
        let store = text("store").filter(|store| !store.is_empty()).unwrap_or("no store");
        let note = format!("{} passages ({store}), {} code changes", count("passages"), count("findings"));
        return (count("gaps") == 0, note);
    }
    if let Some(outcome) = text("outcome") {
        let model = text("model").map(|model| format!(" · {model}")).unwrap_or_default();
        return (
            matches!(outcome, "answered" | "not_configured"),
            format!("{}{model}", outcome.replace('_', " ")),
        );
    }
    let posted = text("posted").unwrap_or("done");
    (posted != "failed", posted.to_owned())
}
