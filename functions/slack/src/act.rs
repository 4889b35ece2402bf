//! What follows from a click.

use host::clock;
use incident::{Cause, State};
use ingress::Ran;
use ledger::{Feedback, FeedbackKind, LedgerError, Record};
use serde_json::{Value, json};

use crate::case::{Case, Correction};
use crate::click::Click;
use crate::{SlackFunction, postmortem};

/// Characters of a real cause that are kept.
const CAUSE_CHARS: usize = 1_000;
/// Characters of one section of a draft.
const SECTION_CHARS: usize = 2_800;
/// Sections of a draft that are shown.
const SECTIONS: usize = 4;

impl SlackFunction {
    /// Does it. The answer is the body that Slack wants: nothing for a button, and for a form nothing to close it. The error is for
    /// the log.
    pub(crate) async fn act(&self, click: &Click) -> Result<Value, String> {
        let Some(record) = self.ledger.record(&click.cycle).await.map_err(told)? else {
            return Err(format!("no cycle is called {:?}", incident::size::cut(&click.cycle, 80)));
        };
        match click.action.as_str() {
            "correct" => self.correct(click, &record).await,
            "wrong" => self.ask(click).await,
            "correction" => self.wrong(click, &record).await,
            "reinvestigate" => self.again(click, &record, FeedbackKind::Reinvestigate).await,
            "unfold" => self.again(click, &record, FeedbackKind::Unfolded).await,
            "took_over" => {
                if self.note(click, FeedbackKind::TookOver, None).await? {
                    self.say(&record, &format!("✋ <@{}> takes over.", click.user), &[]).await?;
                }
                Ok(json!({}))
            }
            "approve" => self.approve(click, &record).await,
            other => Err(format!("no button is called {:?}", incident::size::cut(other, 40))),
        }
    }

    async fn correct(&self, click: &Click, record: &Record) -> Result<Value, String> {
        let Some(document) = self.document(record).await? else { return self.not_yet(record).await };
        let cause = document.as_ref().and_then(leading);
        let correction = Correction { correct: true, text: String::new(), cause };
        let kept = self.keep(record, correction, document.clone()).await?;
        let new = self.note(click, FeedbackKind::Correct, None).await?;
        let said = format!("✓ <@{}>: the cause is right.{kept}", click.user);
        // Whoever pressed before it was over presses again: the draft is made once, and made when it is shown.
        if record.closed().is_some()
            && let Some(state) = document.as_ref().and_then(read)
            && self.ledger.once(&draft_of(record)).await.map_err(told)?
        {
            let text = postmortem::draft(record, &state);
            let shown = self.draft(record, &text, &format!("{said} A post-mortem is drafted.")).await;
            if shown.is_err() {
                self.ledger.not_once(&draft_of(record)).await.map_err(told)?;
            }
            shown?;
        } else if new {
            self.say(record, &said, &[]).await?;
        }
        Ok(json!({}))
    }

    /// Keeps a draft as it is shown: what is approved later is what people read.
    async fn draft(&self, record: &Record, text: &str, said: &str) -> Result<(), String> {
        self.ledger.keep_draft(&record.cycle, text).await.map_err(told)?;
        self.say(record, said, &shown(text, &record.cycle)).await
    }

    /// The buttons stand before the execution has ended: it posts into the thread still.
    async fn not_yet(&self, record: &Record) -> Result<Value, String> {
        self.say(record, "The investigation is still at it: press again in a moment.", &[]).await?;
        Ok(json!({}))
    }

    /// Opens the form that asks for the real cause.
    async fn ask(&self, click: &Click) -> Result<Value, String> {
        let Some(chat) = &self.chat else {
            return Err("SLACK_BOT_TOKEN is not set: no form can be opened".to_owned());
        };
        chat.open(&click.trigger, &form(&click.cycle)).await?;
        Ok(json!({}))
    }

    async fn wrong(&self, click: &Click, record: &Record) -> Result<Value, String> {
        let (text, label) = click.correction.clone().unwrap_or_default();
        let text = incident::size::cut(&incident::redact::visible(&text), CAUSE_CHARS);
        let text = incident::redact::redact(&text).into_owned();
        let cause = label.and_then(|label| serde_json::from_value::<Cause>(json!(label)).ok());
        let Some(document) = self.document(record).await? else { return self.not_yet(record).await };
        let kept =
            self.keep(record, Correction { correct: false, text: text.clone(), cause }, document).await?;
        if self.note(click, FeedbackKind::Wrong, Some(text.clone())).await? {
            let said = format!("✗ <@{}>: the cause is wrong. It was: {}{kept}", click.user, escape(&text));
            self.say(record, &said, &[]).await?;
        }
        Ok(json!({}))
    }

    /// Starts another investigation of the cycle's alert; of a folded one, by itself from now on. One at a time, and one for however
    /// many people ask for it.
    async fn again(&self, click: &Click, record: &Record, kind: FeedbackKind) -> Result<Value, String> {
        if kind == FeedbackKind::Unfolded && record.folded.is_none() {
            return Ok(json!({}));
        }
        let Some(at) = record.opened else { return Err("the cycle was never opened".to_owned()) };
        if kind == FeedbackKind::Reinvestigate && self.document(record).await?.is_none() {
            return self.not_yet(record).await;
        }
        let first = record.execution.as_ref().or(record.events.first()).map_or("alert", String::as_str);
        let claim = format!("again/{}/{first}", record.cycle);
        if !self.ledger.once(&claim).await.map_err(told)? {
            return Ok(json!({}));
        }
        let plain: String = first.split("-again-").next().unwrap_or(first).chars().take(58).collect();
        let now = clock::now();
        let name = format!("{plain}-again-{}", now.as_millisecond());
        if !self.ledger.take_slot(&name, self.most, now).await {
            self.ledger.not_once(&claim).await.map_err(told)?;
            let busy = format!("{} investigations run already: press again when they are done.", self.most);
            self.say(record, &busy, &[]).await?;
            return Ok(json!({}));
        }
        if let Err(error) = self.starter.start(&name, &record.input.to_string()).await {
            self.ledger.free_slot(&name).await;
            self.ledger.not_once(&claim).await.map_err(told)?;
            return Err(error);
        }
        let lead = self.lead(record).await?;
        self.ledger.start(&record.cycle, at, &name).await.map_err(told)?;
        self.note(click, kind, None).await?;
        let what = match kind {
            FeedbackKind::Unfolded => format!("{} is investigated by itself", escape(&record.title)),
            _ => "looking again; the brief above is replaced".to_owned(),
        };
        self.say(&lead, &format!("↻ <@{}>: {what}.", click.user), &[]).await?;
        Ok(json!({}))
    }

    /// Keeps the post-mortem, as it was shown, beside the cases, from where it is indexed like any other.
    async fn approve(&self, click: &Click, record: &Record) -> Result<Value, String> {
        let Some(text) = self.ledger.draft(&record.cycle).await.map_err(told)? else {
            return Err("no post-mortem was drafted of this cycle".to_owned());
        };
        let id = postmortem::id_of(&text).unwrap_or("unnamed").to_owned();
        self.cases.publish(&id, text).await?;
        if self.note(click, FeedbackKind::Approved, None).await? {
            let said = format!(
                "📄 <@{}> approved {id}; it is part of the knowledge from the next indexing on.",
                click.user
            );
            self.say(record, &said, &[]).await?;
        }
        Ok(json!({}))
    }

    async fn note(&self, click: &Click, kind: FeedbackKind, cause: Option<String>) -> Result<bool, String> {
        let feedback = Feedback { kind, user: click.user.clone(), at: clock::now(), cause };
        self.ledger.said(&click.cycle, &feedback).await.map_err(told)
    }

    /// Keeps the case; what is said of it in the thread.
    async fn keep(
        &self,
        record: &Record,
        correction: Correction,
        document: Option<Value>,
    ) -> Result<&'static str, String> {
        let (Some(state), Some(execution)) = (document, &record.execution) else {
            return Ok(" No case is kept: the execution's document is gone.");
        };
        let briefed = record.briefed.clone().unwrap_or_default();
        self.cases.keep(&Case::new(execution, clock::now(), briefed, correction, state)).await?;
        Ok(" The case is kept.")
    }

    /// What the cycle's execution ended with, if anything is left of it. `None`: it runs still.
    async fn document(&self, record: &Record) -> Result<Option<Option<Value>>, String> {
        let Some(execution) = &record.execution else { return Ok(Some(None)) };
        if let Some(text) = self.cases.document(execution) {
            return Ok(Some(serde_json::from_str(&text).ok()));
        }
        Ok(match self.starter.document(execution).await? {
            Ran::Ended(text) => Some(serde_json::from_str(&text).ok()),
            Ran::Nothing => Some(None),
            Ran::Running => None,
        })
    }

    /// The cycle in whose thread a cycle is told.
    async fn lead(&self, record: &Record) -> Result<Record, String> {
        let Some(fold) = &record.folded else { return Ok(record.clone()) };
        let lead = self.ledger.record(&fold.into).await.map_err(told)?;
        Ok(lead.unwrap_or_else(|| record.clone()))
    }

    /// Says something in the cycle's thread, where there is one.
    async fn say(&self, record: &Record, text: &str, blocks: &[Value]) -> Result<(), String> {
        match (&self.chat, &record.message) {
            (Some(chat), Some(place)) => chat.reply(place, text, blocks).await,
            _ => Ok(()),
        }
    }
}

/// The name under which a cycle's draft is made once.
fn draft_of(record: &Record) -> String {
    format!("draft/{}", record.cycle)
}

fn told(error: LedgerError) -> String {
    error.to_string()
}

fn read(document: &Value) -> Option<State> {
    serde_json::from_value(document.clone()).ok()
}

fn leading(document: &Value) -> Option<Cause> {
    let state = read(document)?;
    state.best_diagnosis()?.leading().next().map(|leading| leading.cause)
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// A draft as blocks, with the button that approves it.
fn shown(text: &str, cycle: &str) -> Vec<Value> {
    let section =
        |text: &str| json!({"type": "section", "text": {"type": "mrkdwn", "text": text, "verbatim": true}});
    let escaped = escape(text).replace('`', "ˋ");
    let characters: Vec<char> = escaped.chars().collect();
    let mut blocks = vec![section(
        "*A post-mortem, drafted from what was seen. Approved, it becomes part of the knowledge.*",
    )];
    blocks.extend(
        characters
            .chunks(SECTION_CHARS)
            .take(SECTIONS)
            .map(|chunk| section(&format!("```{}```", chunk.iter().collect::<String>()))),
    );
    blocks.push(json!({"type": "actions", "block_id": "postmortem", "elements": [{
        "type": "button", "action_id": "approve", "style": "primary", "value": cycle,
        "text": {"type": "plain_text", "text": "Approve", "emoji": true},
    }]}));
    blocks
}

/// The form: the cause in words, and by its name where one fits.
fn form(cycle: &str) -> Value {
    let plain = |text: &str| json!({"type": "plain_text", "text": text, "emoji": true});
    let options: Vec<Value> = Cause::ALL
        .iter()
        .map(|cause| json!({"text": plain(cause.title()), "value": serde_json::to_value(cause).unwrap_or_default()}))
        .collect();
    json!({
        "type": "modal", "callback_id": "correction", "private_metadata": cycle,
        "title": plain("What was it really?"), "submit": plain("Keep"), "close": plain("Cancel"),
        "blocks": [
            {"type": "input", "block_id": "cause", "label": plain("The real cause"), "element": {
                "type": "plain_text_input", "action_id": "text", "multiline": true, "max_length": CAUSE_CHARS}},
            {"type": "input", "block_id": "label", "optional": true, "label": plain("Its kind, if one fits"),
                "element": {"type": "static_select", "action_id": "choice", "options": options}},
        ],
    })
}
