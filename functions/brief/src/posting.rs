//! One appearance in its channel, and what the ledger notes of it.

use host::clock;
use host::metrics::{Metric, Unit};
use incident::brief::{Announcement, Posted};
use incident::{Gap, State, Status};
use ledger::{BriefMessage, Message as Place, Record, cycle};
use tokio::time::Instant;

use crate::channel::Channel;
use crate::content::Content;
use crate::slack::{DEADLINE, Message, Slack, UNSURE};
use crate::{BriefFunction, Input, blocks, buttons, chart, details, links, outcome, recovered, text};

impl BriefFunction {
    /// Posts the brief: in place of the announcement where there is one, else as a new message. What comes after the message, in
    /// the thread and in the ledger, cannot undo it.
    pub(crate) async fn post(&self, content: &Content, input: &Input, state: &State) -> Announcement {
        let stage = input.stage;
        let name = cycle(&state.alert);
        let record = self.record(&name).await;
        let ends = stage.is_last();
        if let Some(stands) = record.as_ref().and_then(|record| stands_already(record, input)) {
            return stands;
        }
        let (mut shown, cut) = blocks::render(content, blocks::MESSAGE_CHARS);
        let mut message = BriefMessage { headline: content.headline.clone(), blocks: Vec::new() };
        if ends {
            shown.extend(links::block(input.execution.as_deref(), state));
            shown.extend(self.buttons.then(|| buttons::feedback(&name)));
        }
        message.blocks.clone_from(&shown);
        let closed = record.as_ref().filter(|record| ends && record.closed().is_some());
        let seen = closed.map_or_else(|| message.clone(), |record| recovered::mark(&message, record));
        let announcement = match &self.channel {
            Channel::Terminal => {
                Announcement { posted: Posted::Terminal, channel: None, ts: None, gap: None }
            }
            Channel::Hook(hook) => hook.post(stage, &seen.headline, &seen.blocks).await,
            Channel::Bot(slack) => {
                let message = Message {
                    headline: &seen.headline,
                    blocks: seen.blocks.clone(),
                    text: text::render(content),
                    cycle: &name,
                };
                self.place(slack, &message, input, state, record.as_ref()).await
            }
        };
        if !ends {
            return announcement;
        }
        self.note(input, state, &announcement, &message).await;
        match (&self.channel, announcement.posted) {
            (Channel::Bot(slack), Posted::Slack) => {
                let announcement = thread(slack, content, state, announcement, cut).await;
                self.tell_what_waited(&name, input).await;
                announcement
            }
            _ => announcement,
        }
    }

    /// News that came before there was a thread, where nobody is at it. They stay in the ledger where that fails.
    async fn tell_what_waited(&self, cycle: &str, input: &Input) {
        let waits = self.ledger.retell(cycle, clock::now()).await;
        if matches!(&waits, Ok(Some(tell)) if tell.lead == cycle)
            && let Err(fault) = self.tell(cycle, input).await
        {
            tracing::warn!(%fault, "what happened before the brief was not told");
        }
    }

    /// The record of a cycle. A ledger that does not answer is none.
    pub(crate) async fn record(&self, cycle: &str) -> Option<Record> {
        let record = self.ledger.record(cycle).await;
        record.map_err(|error| tracing::warn!(%error, "the ledger was not read")).ok().flatten()
    }

    /// The message, where an earlier one stands in its place; the ledger hears at once where it stands.
    async fn place(
        &self,
        slack: &Slack,
        message: &Message<'_>,
        input: &Input,
        state: &State,
        record: Option<&Record>,
    ) -> Announcement {
        let deadline = Instant::now() + DEADLINE;
        let noted = record.and_then(|record| record.message.clone());
        let attempts = attempts(state);
        let earlier = match noted.clone().or_else(|| attempts.iter().find_map(Attempt::place)) {
            None if attempts.iter().any(Attempt::is_unsure) => {
                match slack.find(message.cycle, input.started, deadline).await {
                    Ok(found) => found,
                    // The announcement twice does no harm; a brief may be repeated for a quarter of an hour.
                    Err(_) if !attempts.iter().any(|attempt| attempt.is_brief && attempt.is_unsure()) => None,
                    Err(problem) => return Slack::cannot_look(&problem),
                }
            }
            earlier => earlier,
        };
        let announcement = slack.post(message, earlier.as_ref(), deadline).await;
        if let (Posted::Slack, Some(channel), Some(ts)) =
            (announcement.posted, &announcement.channel, &announcement.ts)
        {
            let place = Place { channel: channel.clone(), ts: ts.clone() };
            if noted.as_ref() != Some(&place)
                && let Err(error) = self.ledger.announced(message.cycle, &place).await
            {
                tracing::warn!(%error, "nobody remembers where the brief stands");
            }
        }
        announcement
    }

    /// What the ledger and the metrics keep of the last word.
    async fn note(&self, input: &Input, state: &State, announcement: &Announcement, message: &BriefMessage) {
        let execution = input.execution_name();
        // On Lambda nobody looks at a terminal.
        let posted = match announcement.posted {
            Posted::Slack => true,
            Posted::Terminal => !self.on_lambda,
            Posted::Failed => false,
        };
        let mut briefed = outcome::of(state);
        briefed.execution = execution.map(str::to_owned);
        briefed.posted = posted;
        briefed.at = posted.then(clock::now);
        let kept = posted.then_some(message);
        if let Err(error) = self.ledger.briefed(&state.alert, &state.subject, &briefed, kept).await {
            tracing::warn!(%error, "the ledger was not written");
        }
        if let Some(execution) = execution {
            self.ledger.free_slot(execution).await;
        }
        if self.on_lambda {
            let took = input.started.map(|started| clock::now().duration_since(started).as_millis());
            let count = |name, value| Metric { name, unit: Unit::Count, value };
            let metrics = [
                count("Briefs", f64::from(u8::from(posted))),
                count("NotPosted", f64::from(u8::from(!posted))),
                count("Tokens", briefed.usage.tokens() as f64),
                Metric { name: "Dollars", unit: Unit::None, value: briefed.dollars },
                Metric {
                    name: "TimeToBrief",
                    unit: Unit::Milliseconds,
                    value: took.map_or(f64::NAN, |took| took as f64),
                },
            ];
            host::metrics::emit(&[("Level", briefed.level.word())], &metrics);
        }
    }
}

impl Input {
    /// The execution's own name: what stands last in its ARN.
    pub(crate) fn execution_name(&self) -> Option<&str> {
        self.execution.as_deref().and_then(|arn| arn.rsplit(':').next())
    }
}

/// What was posted for this execution before, or was tried.
struct Attempt<'a> {
    channel: Option<&'a str>,
    ts: Option<&'a str>,
    gap: Option<&'a Gap>,
    is_brief: bool,
}

impl Attempt<'_> {
    fn place(&self) -> Option<Place> {
        Some(Place { channel: self.channel?.to_owned(), ts: self.ts?.to_owned() })
    }

    /// It may stand in the channel although nobody knows where.
    fn is_unsure(&self) -> bool {
        self.gap.is_some_and(|gap| {
            gap.status == Status::Timeout || ["announcement", UNSURE].contains(&gap.what.as_str())
        })
    }
}

fn attempts(state: &State) -> Vec<Attempt<'_>> {
    let announced = state.announcement.iter().map(|told| Attempt {
        channel: told.channel.as_deref(),
        ts: told.ts.as_deref(),
        gap: told.gap.as_ref(),
        is_brief: false,
    });
    let briefs = state.draft.iter().chain(&state.brief).map(|brief| Attempt {
        channel: brief.channel.as_deref(),
        ts: brief.ts.as_deref(),
        gap: brief.gap.as_ref(),
        is_brief: true,
    });
    announced.chain(briefs).collect()
}

/// Where this execution's brief stands already, the alert alone adds nothing: it was asked for because what came after the brief
/// took too long.
fn stands_already(record: &Record, input: &Input) -> Option<Announcement> {
    let briefed = record.briefed.as_ref().filter(|briefed| briefed.posted)?;
    let same = briefed.execution.is_some() && briefed.execution.as_deref() == input.execution_name();
    (input.stage.is_alone() && same).then(|| Announcement {
        posted: Posted::Slack,
        channel: record.message.as_ref().map(|message| message.channel.clone()),
        ts: record.message.as_ref().map(|message| message.ts.clone()),
        gap: None,
    })
}

/// Details and the chart, below the brief. What could not be added is the announcement's gap.
async fn thread(
    slack: &Slack,
    content: &Content,
    state: &State,
    mut announcement: Announcement,
    cut: bool,
) -> Announcement {
    let (Some(channel), Some(ts)) = (&announcement.channel, &announcement.ts) else { return announcement };
    let place = Place { channel: channel.clone(), ts: ts.clone() };
    let full = cut.then(|| text::render(content));
    let messages = details::render(state);
    let picture = chart::png(state);
    announcement.gap = slack.thread(&place, full.as_deref(), &messages, picture).await;
    announcement
}
