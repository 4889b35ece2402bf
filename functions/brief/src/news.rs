//! What happened to an incident since: told in its thread, and, where the monitor recovered or alerted again, in the brief itself.

use std::collections::BTreeMap;

use host::Fault;
use incident::brief::Stage;
use incident::redact::{redact, visible};
use ledger::{Message as Place, News, NewsKind, Record};
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::blocks::escape;
use crate::channel::Channel;
use crate::slack::{DEADLINE, Problem, Slack};
use crate::{BriefFunction, Input, Told, buttons, recovered, time};

/// Seconds until a teller looks again: for what came meanwhile, for a message that does not stand yet, for a Slack that is down.
const MORE_S: u64 = 5;
const NOT_YET_S: u64 = 15;
const DOWN_S: u64 = 30;
/// Lines of one message.
const LINES: usize = 20;
/// Lines of a message that have a button.
const BUTTONS: usize = 10;

/// The cycle whose news an execution was to tell, where it was one: EventBridge hands on the input of any that failed.
pub fn cycle_of(state: &Value) -> Option<String> {
    let parsed: Option<Value> = state.as_str().and_then(|text| serde_json::from_str(text).ok());
    parsed.as_ref().unwrap_or(state).get("news")?.as_str().map(str::to_owned)
}

impl BriefFunction {
    /// Tells what waits to be told.
    pub(crate) async fn tell(&self, cycle: &str, input: &Input) -> Result<Told, Fault> {
        let record = self.ledger.record(cycle).await.map_err(Fault::internal)?;
        // It may have been folded since: its news went where it went.
        let lead = match record {
            Some(record) => Some(self.ledger.lead_of(record).await.map_err(Fault::internal)?),
            None => None,
        };
        let cycle = lead.as_ref().map_or(cycle, |lead| lead.cycle.as_str()).to_owned();
        let cycle = cycle.as_str();
        let Some(record) = lead.filter(|record| !record.news.is_empty()) else {
            return Ok(Told { told: 0, pause_s: 0 });
        };
        let Channel::Bot(slack) = &self.channel else {
            // Without a thread there is nowhere to tell it; the ledger keeps what happened.
            self.ledger.told(cycle, record.news.len()).await.map_err(Fault::internal)?;
            return Ok(Told { told: 0, pause_s: 0 });
        };
        let young = input.stage == Stage::News && self.is_young(input);
        let Some(place) = record.message.clone() else {
            // What waits for its turn has no message yet, for half an hour at most.
            if young || input.stage == Stage::News && record.queued.is_some() {
                return Ok(Told { told: 0, pause_s: NOT_YET_S });
            }
            return self.give_up(cycle, "there is no message whose thread it could go to").await;
        };
        if let Err(problem) = self.say(slack, &place, &record).await {
            if young && !problem.is_denial() {
                return Ok(Told { told: 0, pause_s: DOWN_S });
            }
            return self.give_up(cycle, &problem.to_string()).await;
        }
        let told = record.news.len();
        let more = self.ledger.told(cycle, told).await.map_err(Fault::internal)?;
        Ok(Told { told, pause_s: if more { MORE_S } else { 0 } })
    }

    /// The message first, which may be repeated without harm, then the thread.
    async fn say(&self, slack: &Slack, place: &Place, record: &Record) -> Result<(), Problem> {
        let deadline = Instant::now() + 2 * DEADLINE;
        // The headline says that it recovered, and whether what was folded into it did.
        let turns = |news: &News| match news.kind {
            NewsKind::Recovered | NewsKind::Flapped => {
                news.cycle == record.cycle || record.closed().is_some()
            }
            NewsKind::Folded => record.closed().is_some(),
            NewsKind::Repeated => false,
        };
        if record.news.iter().any(turns)
            && let Ok(Some(message)) = self.ledger.brief_message(&record.cycle).await
        {
            let shown = recovered::mark(&message, record);
            slack.update(place, &shown.headline, &shown.blocks, deadline).await?;
        }
        let (text, blocks) = render(record, self.buttons);
        match slack.reply(place, &text, &blocks, deadline).await {
            // It may stand in the thread, and again every half minute would be worse than a gap there: the ledger has it.
            Err(problem @ Problem::Timeout) => {
                tracing::warn!(%problem, "news may not be told");
                Ok(())
            }
            sent => sent,
        }
    }

    async fn give_up<T>(&self, cycle: &str, why: &str) -> Result<T, Fault> {
        if let Err(error) = self.ledger.untold(cycle).await {
            tracing::warn!(%error, "the ledger was not written");
        }
        Err(Fault::not_posted(format!("the news of {cycle} could not be told: {why}")))
    }
}

/// The notification text and the blocks of what is new.
fn render(record: &Record, with_buttons: bool) -> (String, Vec<Value>) {
    let (lines, more) = lines(record);
    let heading = heading(record);
    let section =
        |text: &str| json!({"type": "section", "text": {"type": "mrkdwn", "text": text, "verbatim": true}});
    let mut blocks = vec![section(&format!("*{}*", escape(&heading)))];
    for (n, line) in lines.iter().enumerate() {
        let mut block = section(&escape(&line.text));
        if let Some(cycle) = line.folded.filter(|_| with_buttons && n < BUTTONS) {
            block["accessory"] = buttons::unfold(cycle);
        }
        blocks.push(block);
    }
    if more > 0 {
        blocks.push(section(&format!("… and {more} more, which the ledger keeps")));
    }
    (escape(&heading), blocks)
}

fn heading(record: &Record) -> String {
    let folded = record.news.iter().filter(|news| news.kind == NewsKind::Folded).count();
    let own_end =
        record.news.iter().any(|news| news.kind == NewsKind::Recovered && news.cycle == record.cycle);
    match (folded, own_end, record.lasted()) {
        (_, true, Some(lasted)) => {
            let emoji = if record.open_folds.is_empty() { "🟢" } else { "🟠" };
            format!("{emoji} Recovered after {}", time::span(lasted.as_secs()))
        }
        (0, ..) => "What happened since".to_owned(),
        (n, ..) => format!("{} part of this incident", are(n)),
    }
}

fn are(n: usize) -> String {
    if n == 1 { "1 more alert is".to_owned() } else { format!("{n} more alerts are") }
}

struct Line<'a> {
    text: String,
    folded: Option<&'a str>,
}

/// A line for each thing that happened, repetitions of one monitor together, and how many more there were.
fn lines(record: &Record) -> (Vec<Line<'_>>, u64) {
    let mut repeated: BTreeMap<&str, usize> = BTreeMap::new();
    for news in record.news.iter().filter(|news| news.kind == NewsKind::Repeated) {
        *repeated.entry(&news.cycle).or_default() += 1;
    }
    let mut lines = Vec::new();
    for news in &record.news {
        let times = match news.kind {
            NewsKind::Repeated => match repeated.remove(news.cycle.as_str()) {
                None => continue,
                Some(times) => times,
            },
            _ => 1,
        };
        let title = visible(&redact(&incident::size::cut(&news.title, 200)));
        let at = time::hour_minute(news.at);
        lines.push(Line {
            folded: (news.kind == NewsKind::Folded).then_some(news.cycle.as_str()),
            text: match news.kind {
                NewsKind::Folded => format!("➕ {at} {title}: {}", visible(&redact(&news.reason))),
                NewsKind::Recovered => format!("🟢 {at} {title}: recovered"),
                NewsKind::Flapped => format!("〰️ {at} {title}: alerted again soon after its recovery"),
                NewsKind::Repeated if times > 1 => {
                    format!("🔁 {at} {title}: still alerting, said {times} times")
                }
                NewsKind::Repeated => format!("🔁 {at} {title}: still alerting"),
            },
        });
    }
    let beyond =
        lines.len().saturating_sub(LINES) as u64 + record.news.iter().map(|news| news.more).sum::<u64>();
    lines.truncate(LINES);
    (lines, beyond)
}
