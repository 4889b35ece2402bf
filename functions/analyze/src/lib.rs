//! Claude explains, code checks.
//!
//! Input: a tier and the state document. Output: an analysis, always: one that answers and whose every claim was compared with the
//! evidence, or one that says why there is none. The model gets fenced text and gives one structured answer; it has no tools, chooses
//! among actions that code proposed, and may lower the code's confidence but never raise it.

mod answer;
mod prompt;
mod verdict;

use std::time::Duration;

use claude::{Claude, Effort, Error, Question};
use host::{Fault, Function, Settings};
use incident::analysis::{Outcome, Tier, Usage};
use incident::{Analysis, Gap, State, Status, redact, size};
use serde::Deserialize;
use tokio::time::Instant;

/// The fixed prefix, the same for every incident so that the vendor can cache it.
const SYSTEM: &str = include_str!("system.md");
/// Triage has 5 s and the deep tier 20 s, of which the margin is ours to check and answer; the state machine waits a second longer,
/// for starting.
const TRIAGE: Duration = Duration::from_millis(4_500);
const DEEP: Duration = Duration::from_millis(19_000);
/// Thinking and answer together: what fits into the deadline at the models' usual speed.
const TRIAGE_TOKENS: u32 = 3_000;
const DEEP_TOKENS: u32 = 8_000;

/// What the function takes.
#[derive(Debug, Clone, Deserialize)]
pub struct Input {
    /// Which model.
    pub tier: Tier,
    /// The state document, with `weighed`.
    pub state: State,
}

/// The function: a Claude client, where a key is configured.
#[derive(Debug)]
pub struct AnalyzeFunction {
    claude: Option<Claude>,
}

impl Function for AnalyzeFunction {
    const NAME: &'static str = "analyze";
    type Input = Input;
    type Output = Analysis;

    async fn new(settings: &Settings) -> Result<Self, Fault> {
        Ok(Self { claude: Claude::from_settings(settings)? })
    }

    async fn handle(&self, input: Input) -> Result<Analysis, Fault> {
        let Some(claude) = &self.claude else {
            let sentence =
                "No model was asked, because ANTHROPIC_API_KEY is not set: the root cause is code's alone.";
            return Ok(Analysis::absent(Outcome::NotConfigured, gap(Status::NotConfigured, sentence)));
        };
        Ok(ask(claude, input.tier, &input.state).await)
    }
}

async fn ask(claude: &Claude, tier: Tier, state: &State) -> Analysis {
    let began = Instant::now();
    let user = prompt::user(state);
    let (model, effort, max_tokens, time) = match tier {
        Tier::Triage => (&claude.triage_model, Effort::Low, TRIAGE_TOKENS, TRIAGE),
        Tier::Deep => (&claude.analysis_model, Effort::Medium, DEEP_TOKENS, DEEP),
    };
    let question =
        Question { model, system: SYSTEM, user: &user, effort, max_tokens, deadline: began + time };
    let mut analysis = match claude.ask::<answer::Answer>(&question).await {
        Ok(answer) => Analysis {
            model: Some(answer.model),
            usage: usage(answer.usage),
            ..verdict::analysis(answer.value, tier, state)
        },
        Err(error) => failed(&error, tier),
    };
    analysis.tier = Some(tier);
    analysis.took_ms = began.elapsed().as_millis() as u64;
    tracing::info!(
        ?tier, outcome = ?analysis.outcome, struck = analysis.struck.len(), took_ms = analysis.took_ms,
        input_tokens = analysis.usage.input_tokens, output_tokens = analysis.usage.output_tokens, "analysed"
    );
    analysis
}

/// No answer. A refusal, a cut and nonsense are the model's doing, so triage hands them to the deep tier; a service that is slow or down
/// for one model will hardly serve the other in time.
fn failed(error: &Error, tier: Tier) -> Analysis {
    let (outcome, status, escalate) = match error {
        Error::Refused { .. } => (Outcome::Refused, Status::Unavailable, true),
        Error::CutShort { .. } | Error::Garbled { .. } | Error::Stopped(_) => {
            (Outcome::Rejected, Status::Unavailable, true)
        }
        Error::Denied { .. } => (Outcome::Unavailable, Status::Denied, false),
        Error::Timeout => (Outcome::Unavailable, Status::Timeout, false),
        _ => (Outcome::Unavailable, Status::Unavailable, false),
    };
    tracing::warn!(%error, ?tier, "the model gave no usable answer");
    let sentence = format!("Claude's reading of this incident is missing: {error}.");
    let mut analysis = Analysis::absent(outcome, gap(status, &sentence));
    analysis.escalate = escalate && tier == Tier::Triage;
    if let Some((model, used)) = error.billed() {
        analysis.model = Some(model.to_owned()).filter(|model| !model.is_empty());
        analysis.usage = usage(used);
    }
    analysis
}

fn gap(status: Status, sentence: &str) -> Gap {
    let sentence = size::cut(&redact::visible(&redact::redact(sentence)), size::SUMMARY_CHARS);
    Gap { what: "model".to_owned(), status, sentence, error: None }
}

fn usage(used: claude::Usage) -> Usage {
    Usage {
        input_tokens: used.input_tokens,
        cache_read_tokens: used.cache_read_input_tokens,
        cache_write_tokens: used.cache_creation_input_tokens,
        output_tokens: used.output_tokens,
    }
}
