//! The brief: what an engineer reads at two in the morning.
//!
//! Input: which appearance is wanted (announce, draft, final, alone) and the state document, complete or not. Output: the
//! announcement, or the rendered brief and where it was posted. A document that cannot be read becomes a brief that says so, a
//! channel that cannot be reached becomes a gap: the brief is worth having, whatever became of posting it. Only the alert alone
//! is nothing but its posting, so it fails with `Sitrep.NotPosted`, and whoever asked for it asks again. The brief states nothing
//! of its own: every sentence comes from the document, with the ids it rests on.

mod aws;
pub mod blocks;
pub mod content;
mod datadog;
mod edge;
mod footer;
mod gaps;
mod kubernetes;
mod live;
mod metric;
mod read;
mod sections;
mod slack;
pub mod text;
mod time;

use host::{Fault, Function, Settings};
use incident::brief::{Announcement, Posted, Stage, VERSION};
use incident::{Brief, State, size};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::content::Content;
use crate::slack::{Message, Slack};

/// What the function takes.
#[derive(Debug, Clone, Deserialize)]
pub struct Input {
    /// Which appearance.
    pub stage: Stage,
    /// The state document so far, or its JSON as a string, which is how EventBridge hands on an execution's input. Read key by
    /// key: what cannot be read is named in the brief and the rest is used.
    #[serde(default)]
    pub state: Value,
}

/// What it returns: JSON of one or the other, untagged.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Output {
    /// For [`Stage::Announce`].
    Announcement(Announcement),
    /// For every other stage.
    Brief(Brief),
}

/// The function: a Slack client, where Slack is configured.
#[derive(Debug)]
pub struct BriefFunction {
    slack: Option<Slack>,
}

impl Function for BriefFunction {
    const NAME: &'static str = "brief";
    type Input = Input;
    type Output = Output;

    async fn new(settings: &Settings) -> Result<Self, Fault> {
        incident::redact::configure(settings.get("REDACT_PATTERN"), settings.get("REDACT_NAMES"))
            .map_err(Fault::bad_setting)?;
        Ok(Self { slack: Slack::from_settings(settings)? })
    }

    async fn handle(&self, input: Input) -> Result<Output, Fault> {
        let (state, unreadable) = read::state(&input.state);
        let content = Content::new(input.stage, &state, &unreadable);
        let announcement = self.post(&content, input.stage, &state).await;
        match (input.stage, announcement) {
            (Stage::Announce, announcement) => Ok(Output::Announcement(announcement)),
            (Stage::Alone, Announcement { posted: Posted::Failed, gap, .. }) => {
                Err(Fault::not_posted(gap.map_or_else(String::new, |gap| gap.sentence)))
            }
            (stage, announcement) => Ok(Output::Brief(store(stage, &content, announcement))),
        }
    }
}

impl BriefFunction {
    /// Posts the brief: in place of the announcement where there is one, else as a new message.
    async fn post(&self, content: &Content, stage: Stage, state: &State) -> Announcement {
        let Some(slack) = &self.slack else {
            return Announcement { posted: Posted::Terminal, channel: None, ts: None, gap: None };
        };
        let earlier = state.announcement.as_ref().filter(|_| stage != Stage::Announce);
        let earlier = earlier.and_then(|a| Some((a.channel.as_deref()?, a.ts.as_deref()?)));
        let (blocks, cut) = blocks::render(content, blocks::MESSAGE_CHARS);
        // The draft is replaced within seconds: only the last word gets its thread.
        let thread = cut && matches!(stage, Stage::Final | Stage::Alone);
        let message = Message { headline: &content.headline, blocks, text: text::render(content), thread };
        slack.post(message, earlier).await
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
