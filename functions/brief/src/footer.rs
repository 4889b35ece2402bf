//! The last line of a brief: what it cost.

use incident::analysis::{ModelCall, Outcome, Usage};
use incident::brief::Stage;
use incident::{Analysis, State};

use crate::{metric, time};

/// The last lines: time taken per stage, the model and its tokens or why there is none, what was struck out.
pub fn text(stage: Stage, state: &State) -> String {
    let mut parts = Vec::new();
    if let Some(slowest) = state.evidence.iter().map(|e| e.took_ms).max() {
        parts.push(format!("collected in {}", time::took(slowest)));
    }
    let engines = [&state.diagnosis, &state.weighed];
    if engines.iter().any(|d| d.is_some()) {
        let took = engines.into_iter().flatten().map(|d| d.took_ms).sum();
        parts.push(format!("diagnosed in {}", time::took(took)));
    }
    if let Some(knowledge) = &state.knowledge {
        let store = if knowledge.store.is_empty() { "no store" } else { &knowledge.store };
        parts.push(format!("knowledge in {} ({store})", time::took(knowledge.took_ms)));
    }
    let earlier = match (&state.analysis, stage) {
        (Some(analysis), stage) if stage.is_last() => calls_before(analysis),
        _ => Vec::new(),
    };
    parts.extend(earlier);
    parts.push(match (&state.analysis, stage) {
        (_, Stage::Draft) => "draft: the model has not answered yet".to_owned(),
        (Some(analysis), _) => model_text(analysis),
        (None, _) => "no model was asked".to_owned(),
    });
    if let Some(analysis) = state.analysis.as_ref().filter(|_| stage.is_last()) {
        let dollars: f64 = analysis.calls.iter().map(|call| call.dollars).sum();
        parts.extend((analysis.calls.len() > 1).then(|| format!("{} in all", money(dollars))));
        parts.extend(
            analysis
                .notices
                .iter()
                .take(2)
                .map(|notice| incident::size::cut(notice.trim_end_matches('.'), 160)),
        );
    }
    parts.join(" · ")
}

/// The calls before the one that the rest of the line is about: triage, where it was escalated.
fn calls_before(analysis: &Analysis) -> Vec<String> {
    let about_last = analysis.calls.last().is_some_and(|last| Some(last.tier) == analysis.tier);
    let before = analysis.calls.len() - usize::from(about_last);
    let told = |call: &ModelCall| {
        format!(
            "{} in {}, {}, {}",
            call.model,
            time::took(call.took_ms),
            tokens(&call.usage),
            money(call.dollars)
        )
    };
    analysis.calls[..before].iter().map(told).collect()
}

/// `$0.012`: a call costs cents.
fn money(dollars: f64) -> String {
    if dollars > 0.0 && dollars < 0.001 { "less than $0.001".to_owned() } else { format!("${dollars:.3}") }
}

fn model_text(analysis: &Analysis) -> String {
    let name = analysis.model.as_deref().unwrap_or("the model");
    let took = time::took(analysis.took_ms);
    let cost = analysis.calls.last().filter(|last| Some(last.tier) == analysis.tier && last.dollars > 0.0);
    let cost = cost.map(|call| format!(", {}", money(call.dollars))).unwrap_or_default();
    let used = format!("{}{cost}", tokens(&analysis.usage));
    let text = match analysis.outcome {
        Outcome::Answered => format!("{name} in {took}, {used}"),
        Outcome::Inconclusive => format!("{name} found it inconclusive in {took}, {used}"),
        Outcome::NotConfigured => "no model: not configured".to_owned(),
        Outcome::Unavailable if analysis.took_ms == 0 => "no model: it was not heard".to_owned(),
        Outcome::Unavailable => format!("no model: no answer after {took}"),
        Outcome::Refused => format!("no model: {name} refused, {used}"),
        // An answer that was checked leaves no gap; one that could not be read does.
        Outcome::Rejected if !analysis.gaps.is_empty() => {
            format!("no model: the answer of {name} could not be read, {used}")
        }
        Outcome::Rejected => format!("no model: the answer of {name} did not match the evidence, {used}"),
    };
    match analysis.struck.len() {
        0 => text,
        1 => format!("{text} · 1 claim struck out"),
        n => format!("{text} · {n} claims struck out"),
    }
}

fn tokens(usage: &Usage) -> String {
    let read = usage.input_tokens + usage.cache_read_tokens + usage.cache_write_tokens;
    let cached = match usage.cache_read_tokens {
        0 => String::new(),
        n => format!(" ({} cached)", metric::number(n as f64)),
    };
    format!(
        "{} tokens in{cached}, {} out",
        metric::number(read as f64),
        metric::number(usage.output_tokens as f64)
    )
}
