//! What a brief said, in the few words that a ledger keeps and a report counts.

use incident::analysis::Usage;
use incident::{State, Verdict};
use ledger::Briefed;

use crate::sections;

/// The outcome of a document, without where and when it was posted.
pub fn of(state: &State) -> Briefed {
    let diagnosis = state.best_diagnosis();
    let leading = diagnosis.and_then(|diagnosis| diagnosis.leading().next());
    let analysis = state.analysis.as_ref();
    let confidence = diagnosis.map(|diagnosis| sections::best_confidence(state, diagnosis));
    let actions = diagnosis.into_iter().flat_map(|diagnosis| &diagnosis.actions);
    let calls = || analysis.into_iter().flat_map(|analysis| &analysis.calls);
    Briefed {
        verdict: match diagnosis.map(|diagnosis| &diagnosis.verdict) {
            Some(Verdict::Causes { .. }) => "causes",
            Some(Verdict::Healthy { .. }) => "healthy",
            Some(Verdict::Inconclusive { .. }) => "inconclusive",
            None => "none",
        }
        .to_owned(),
        cause: leading.map(|leading| leading.cause.title().to_owned()),
        culprit: leading.map(|leading| leading.culprit.to_string()),
        level: confidence.map(|confidence| confidence.level).unwrap_or_default(),
        confidence: confidence.map(|confidence| confidence.number).unwrap_or_default(),
        actions: actions.filter_map(|action| name(&action.action)).collect(),
        usage: calls().fold(Usage::default(), |sum, call| add(sum, call.usage)),
        dollars: calls().map(|call| call.dollars).sum(),
        ..Briefed::default()
    }
}

/// The action's `type`, such as `roll_back`.
fn name(action: &incident::Action) -> Option<String> {
    serde_json::to_value(action).ok()?["type"].as_str().map(str::to_owned)
}

fn add(a: Usage, b: Usage) -> Usage {
    Usage {
        input_tokens: a.input_tokens.saturating_add(b.input_tokens),
        cache_read_tokens: a.cache_read_tokens.saturating_add(b.cache_read_tokens),
        cache_write_tokens: a.cache_write_tokens.saturating_add(b.cache_write_tokens),
        output_tokens: a.output_tokens.saturating_add(b.output_tokens),
    }
}
