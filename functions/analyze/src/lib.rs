//! Claude explains, code checks.
//!
//! Input: a tier and the state document. Output: an analysis, always: one that answers and whose every claim was compared with the
//! evidence, or one that says why there is none. The model gets fenced text and gives one structured answer; it has no tools, chooses
//! among actions that code proposed, and may lower the code's confidence but never raise it.

mod answer;
mod ceiling;
mod doctor;
mod plain;
mod prompt;
mod verdict;

use std::time::Duration;

use ceiling::Ceiling;
use claude::{Answer, Claude, Effort, Error, Question};
use futures::future::{Either, select};
use host::metrics::{Metric, Unit};
use host::{Fault, Function, Settings};
use incident::analysis::{ModelCall, Outcome, Tier, Usage};
use incident::{Analysis, Gap, State, Status, redact, size};
use serde::Deserialize;
use tokio::time::Instant;

pub use doctor::doctor;

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

/// The function: a Claude client, where a key is configured, and what an incident may cost.
#[derive(Debug)]
pub struct AnalyzeFunction {
    claude: Option<Claude>,
    ceiling: Ceiling,
    metrics: bool,
}

impl Function for AnalyzeFunction {
    const NAME: &'static str = "analyze";
    type Input = Input;
    type Output = Analysis;

    async fn new(settings: &Settings) -> Result<Self, Fault> {
        redact::configure(settings.get("REDACT_PATTERN"), settings.get("REDACT_NAMES"))
            .map_err(Fault::bad_setting)?;
        let claude = Claude::from_settings(settings).await?;
        Ok(Self { claude, ceiling: Ceiling::from_settings(settings)?, metrics: settings.on_lambda() })
    }

    async fn handle(&self, input: Input) -> Result<Analysis, Fault> {
        let Some(claude) = &self.claude else {
            let sentence = "No model was asked, because there is no key for one (ANTHROPIC_API_KEY, or credentials for Bedrock): the \
                            root cause is code's alone.";
            return Ok(Analysis::absent(Outcome::NotConfigured, gap(Status::NotConfigured, sentence)));
        };
        let analysis = ask(claude, &self.ceiling, input.tier, &input.state).await;
        if let Some(call) = analysis.calls.last().filter(|_| self.metrics) {
            emit(&analysis, call);
        }
        Ok(analysis)
    }
}

async fn ask(claude: &Claude, ceiling: &Ceiling, tier: Tier, state: &State) -> Analysis {
    let began = Instant::now();
    let pseudonyms = redact::Pseudonyms::default();
    let user = prompt::user(state, &pseudonyms);
    let (model, effort, max_tokens, time) = match tier {
        Tier::Triage => (&claude.triage_model, Effort::Low, TRIAGE_TOKENS, TRIAGE),
        Tier::Deep => (&claude.analysis_model, Effort::Medium, DEEP_TOKENS, DEEP),
    };
    let earlier = state.analysis.as_ref().map(|analysis| analysis.calls.clone()).unwrap_or_default();
    if let Some(why) = ceiling.forbids(&earlier, model, SYSTEM.len() + user.len(), max_tokens) {
        tracing::warn!(?tier, %why, "the model is not asked");
        let sentence = format!("Claude was not asked: {why}.");
        let absent = Analysis::absent(Outcome::Unavailable, gap(Status::Unavailable, &sentence));
        return Analysis { tier: Some(tier), calls: earlier, ..absent };
    }
    let question =
        Question { model, system: SYSTEM, user: &user, effort, max_tokens, deadline: began + time };
    let (answered, notice) = beside(claude.ask::<answer::Answer>(&question), claude.notice(model)).await;
    let mut analysis = match answered {
        Ok(Answer { value, model, usage: used }) => {
            let analysis = verdict::analysis(value.restored(&pseudonyms), tier, state);
            Analysis { model: Some(model), usage: usage(used), ..analysis }
        }
        Err(error) => failed(&error, tier),
    };
    analysis.tier = Some(tier);
    analysis.took_ms = began.elapsed().as_millis() as u64;
    let named = analysis.model.clone().unwrap_or_else(|| model.clone());
    let used = analysis.usage;
    let dollars = claude::Usage {
        input_tokens: used.input_tokens,
        cache_read_input_tokens: used.cache_read_tokens,
        cache_creation_input_tokens: used.cache_write_tokens,
        output_tokens: used.output_tokens,
    }
    .dollars(model);
    let call =
        ModelCall { tier, model: size::cut(&named, 80), usage: used, dollars, took_ms: analysis.took_ms };
    analysis.calls = earlier.into_iter().chain([call]).collect();
    analysis.notices = notice.into_iter().collect();
    tracing::info!(
        ?tier, outcome = ?analysis.outcome, struck = analysis.struck.len(), took_ms = analysis.took_ms,
        input_tokens = used.input_tokens, output_tokens = used.output_tokens, dollars, "analysed"
    );
    analysis
}

/// The answer, and what was learnt beside it by then. The answer is never kept waiting.
async fn beside<A, B>(
    answer: impl Future<Output = A>,
    beside: impl Future<Output = Option<B>>,
) -> (A, Option<B>) {
    match select(Box::pin(answer), Box::pin(beside)).await {
        Either::Left((answer, _)) => (answer, None),
        Either::Right((learnt, answer)) => (answer.await, learnt),
    }
}

/// One wide event per call, for CloudWatch.
fn emit(analysis: &Analysis, call: &ModelCall) {
    let tier = if call.tier == Tier::Triage { "triage" } else { "deep" };
    let metric = |name, unit, value| Metric { name, unit, value };
    host::metrics::emit(
        &[("Tier", tier)],
        &[
            metric("ModelLatency", Unit::Milliseconds, call.took_ms as f64),
            metric("ModelTokens", Unit::Count, call.usage.tokens() as f64),
            metric("ModelDollars", Unit::None, call.dollars),
            metric("ClaimsStanding", Unit::Count, analysis.root_cause.len() as f64),
            metric("ClaimsStruck", Unit::Count, analysis.struck.len() as f64),
            metric("ModelAnswers", Unit::Count, f64::from(u8::from(analysis.outcome == Outcome::Answered))),
        ],
    );
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
