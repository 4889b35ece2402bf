//! The brief: what an engineer reads at two in the morning.
//!
//! Input: which appearance is wanted (announce, draft, final, alone, news) and the state document, complete or not. Output: the
//! announcement, or the rendered brief and where it was posted. A document that cannot be read becomes a brief that says so, a
//! channel that cannot be reached becomes a gap: the brief is worth having, whatever became of posting it. Only the alert alone
//! and the news are nothing but their posting, so they fail with `Sitrep.NotPosted`, and whoever asked for them asks again. The brief
//! states nothing of its own: every sentence comes from the document, with the ids it rests on.

mod aws;
pub mod blocks;
mod buttons;
mod canvas;
mod channel;
pub mod chart;
pub mod content;
mod datadog;
pub mod details;
mod edge;
mod footer;
mod gaps;
mod hook;
mod kubernetes;
mod links;
mod live;
mod metric;
mod news;
mod outcome;
mod posting;
mod read;
mod recovered;
mod sections;
mod slack;
pub mod text;
mod time;

use std::time::Duration;

use host::{Fault, Function, Settings};
use incident::brief::{Announcement, Posted, Stage, VERSION};
use incident::{Brief, Timestamp, size};
use ledger::Ledger;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::channel::Channel;
use crate::content::Content;
pub use crate::slack::doctor::doctor;

/// How long the workflow goes on trying to post on Lambda, where `SLACK_PATIENCE_S` says nothing: longer than Slack is down.
const PATIENCE_S: u64 = 900;

/// What the function takes.
#[derive(Debug, Clone, Deserialize)]
pub struct Input {
    /// Which appearance.
    pub stage: Stage,
    /// The state document so far, or its JSON as a string, which is how EventBridge hands on an execution's input. Read key by
    /// key: what cannot be read is named in the brief and the rest is used.
    #[serde(default)]
    pub state: Value,
    /// The cycle whose news are told, for [`Stage::News`].
    #[serde(default)]
    pub news: Option<String>,
    /// The execution's ARN.
    #[serde(default)]
    pub execution: Option<String>,
    /// When the execution began.
    #[serde(default)]
    pub started: Option<Timestamp>,
}

/// What it returns: JSON of one or the other, untagged.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Output {
    /// For [`Stage::Announce`].
    Announcement(Announcement),
    /// For [`Stage::News`].
    Told(Told),
    /// For every other stage.
    Brief(Box<Brief>),
}

/// What became of the news.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Told {
    /// How many were told.
    pub told: usize,
    /// Seconds until there is more to do; 0: all is told.
    pub pause_s: u64,
}

/// The function: the channel, and the ledger that knows where earlier messages stand.
#[derive(Debug)]
pub struct BriefFunction {
    channel: Channel,
    ledger: Ledger,
    buttons: bool,
    patience: Duration,
    on_lambda: bool,
}

impl Function for BriefFunction {
    const NAME: &'static str = "brief";
    type Input = Input;
    type Output = Output;

    async fn new(settings: &Settings) -> Result<Self, Fault> {
        incident::redact::configure(settings.get("REDACT_PATTERN"), settings.get("REDACT_NAMES"))
            .map_err(Fault::bad_setting)?;
        let ledger = Ledger::open(settings).await;
        let default = if settings.on_lambda() { PATIENCE_S } else { 0 };
        let patience = settings.get("SLACK_PATIENCE_S").map_or(Ok(default), str::parse);
        let patience = patience.map_err(|error| {
            Fault::bad_setting(format!("SLACK_PATIENCE_S is no number of seconds: {error}"))
        })?;
        Ok(Self {
            channel: Channel::open(settings, &ledger)?,
            buttons: settings.get("SLACK_BUTTONS").is_some_and(|value| value == "true") && ledger.remembers(),
            ledger,
            patience: Duration::from_secs(patience),
            on_lambda: settings.on_lambda(),
        })
    }

    async fn handle(&self, input: Input) -> Result<Output, Fault> {
        if let Some(cycle) = input.news.clone().or_else(|| news::cycle_of(&input.state)) {
            return self.tell(&cycle, &input).await.map(Output::Told);
        }
        let (state, unreadable) = read::state(&input.state);
        let content = Content::new(input.stage, &state, &unreadable);
        let announcement = self.post(&content, &input, &state).await;
        match (input.stage, announcement) {
            (Stage::Announce, announcement) => Ok(Output::Announcement(announcement)),
            (stage, Announcement { posted: Posted::Failed, gap, .. }) if stage.is_alone() => {
                Err(Fault::not_posted(gap.map_or_else(String::new, |gap| gap.sentence)))
            }
            (stage, announcement) => {
                let mut brief = store(stage, &content, announcement);
                brief.again = (stage == Stage::Final && self.may_help(&brief, &input)).then_some(true);
                Ok(Output::Brief(Box::new(brief)))
            }
        }
    }
}

impl BriefFunction {
    /// Whether the same brief may be posted later: it was not, nobody has to act first, and the execution is young. A plain webhook
    /// that did not answer in time may have posted it, and nobody can look.
    fn may_help(&self, brief: &Brief, input: &Input) -> bool {
        let status = brief.gap.as_ref().map(|gap| gap.status);
        let denied = status == Some(incident::Status::Denied);
        let unsure = status == Some(incident::Status::Timeout) && matches!(self.channel, Channel::Hook(_));
        brief.posted == Posted::Failed && !denied && !unsure && self.is_young(input)
    }

    /// Whether the execution began so lately that another attempt to post is worth it.
    fn is_young(&self, input: &Input) -> bool {
        let age = input.started.map(|started| host::clock::now().duration_since(started));
        age.is_some_and(|age| Duration::try_from(age).unwrap_or_default() < self.patience)
    }
}

/// The brief as the state document keeps it, within [`size::BRIEF`]: shorter blocks first, then no blocks, then shorter text.
fn store(stage: Stage, content: &Content, announcement: Announcement) -> Brief {
    let Announcement { posted, channel, ts, gap } = announcement;
    let mut brief = Brief {
        version: VERSION,
        stage,
        headline: content.headline.clone(),
        text: text::render(content),
        blocks: Vec::new(),
        posted,
        channel,
        ts,
        gap,
        again: None,
    };
    for chars in [blocks::MESSAGE_CHARS, 6_000, 3_000] {
        brief.blocks = blocks::render(content, chars).0;
        if size::of(&brief) <= size::BRIEF {
            return brief;
        }
    }
    brief.blocks = Vec::new();
    // The details are last: what is cut is what matters least.
    while let beyond @ 1.. = size::of(&brief).saturating_sub(size::BRIEF) {
        brief.text = size::cut_bytes(&brief.text, brief.text.len().saturating_sub(beyond));
    }
    brief
}
