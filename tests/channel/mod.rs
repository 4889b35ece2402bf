//! The channel and the ledger: what stands where people read it, whatever order things happen in.

mod endings;
mod limits;
mod storm;

use brief::{BriefFunction, Input, Output};
use host::{Function as _, Secret, Settings};
use incident::brief::{Announcement, Stage};
use incident::{Alert, Brief, State};
use ledger::{Ledger, Record, cycle};
use local::start::StartExecution;
use platform::slack::Message;
use platform::{Platform, Scenario};
use serde_json::{Value, json};
use webhook::{Webhook, event_for};

const SECRET: &str = "a-secret-for-this-test";

/// A webhook, a brief and a ledger on a simulated Slack.
pub struct Desk {
    pub platform: Platform,
    pub settings: Settings,
    pub ledger: Ledger,
    pub webhook: Webhook,
    pub listener: StartExecution,
    /// When the execution began; the present, where posting is to be tried again.
    pub started: Option<incident::Timestamp>,
    _home: tempfile::TempDir,
}

impl Desk {
    /// With a Slack that has those faults.
    pub async fn open(faults: Value, changes: &[(&str, &str)]) -> Self {
        let mut files = crate::workflows::scenario("demo").files().clone();
        files.insert("slack.yaml".to_owned(), json!({}));
        files.get_mut("scenario.yaml").unwrap()["faults"] = faults;
        let platform = Platform::start(Scenario::from_files(files).unwrap()).await.unwrap();
        let listener = StartExecution::listen().await.unwrap();
        let home = tempfile::tempdir().unwrap();
        let own = [
            ("SITREP_HOME", home.path().to_str().unwrap()),
            ("WEBHOOK_SECRET", SECRET),
            ("SLACK_BUTTONS", "true"),
            ("SLACK_PATIENCE_S", "900"),
        ];
        let own = own.iter().chain(changes).map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let settings = Settings::from_values(platform.environment()).with(listener.settings()).with(own);
        let webhook = Webhook::new(&settings).await.unwrap();
        let ledger = Ledger::open(&settings).await;
        Self { platform, settings, ledger, webhook, listener, started: Some(host::clock::now()), _home: home }
    }

    /// Delivers an alert: what it was answered.
    pub async fn deliver(&self, body: &Value) -> (i64, Value) {
        let answer = self.webhook.deliver(&event_for(&body.to_string(), &Secret::new(SECRET))).await;
        (answer.status_code, serde_json::from_slice(&answer.body.unwrap()).unwrap())
    }

    pub async fn call(&self, stage: &str, state: Value, news: Option<&str>) -> Result<Output, host::Fault> {
        let input = json!({
            "stage": stage, "state": state, "news": news, "started": self.started,
            "execution": "arn:aws:states:us-east-1:123456789012:execution:sitrep-incident:e1",
        });
        let input: Input = serde_json::from_value(input).unwrap();
        BriefFunction::new(&self.settings).await.unwrap().handle(input).await
    }

    pub async fn announce(&self, state: &State) -> Announcement {
        let state = json!({"alert": state.alert, "subject": state.subject, "as_of": state.as_of});
        match self.call("announce", state, None).await.unwrap() {
            Output::Announcement(announcement) => announcement,
            other => panic!("{other:?}"),
        }
    }

    pub async fn brief(&self, state: &State) -> Brief {
        match self.call("final", serde_json::to_value(state).unwrap(), None).await.unwrap() {
            Output::Brief(brief) => *brief,
            other => panic!("{other:?}"),
        }
    }

    pub async fn tell(&self, cycle: &str) -> Result<brief::Told, host::Fault> {
        match self.call("news", json!({"news": cycle}), Some(cycle)).await? {
            Output::Told(told) => Ok(told),
            other => panic!("{other:?}"),
        }
    }

    /// What the channel shows, threads left out.
    pub fn channel(&self) -> Vec<Message> {
        self.messages().into_iter().filter(|message| message.thread_ts.is_none()).collect()
    }

    pub fn messages(&self) -> Vec<Message> {
        self.platform.slack(|slack| slack.messages()).unwrap()
    }

    pub async fn record(&self, alert: &Alert) -> Record {
        self.ledger.record(&cycle(alert)).await.unwrap().unwrap()
    }
}

/// A whole document, and its alert as Datadog sends it.
pub fn document() -> State {
    let event: Value = serde_json::from_str(&crate::text("events/brief/final.json")).unwrap();
    let mut state: State = serde_json::from_value(event["state"].clone()).unwrap();
    state.announcement = None;
    state.alert = webhook::alert_from_body(delivery(json!({})).to_string().as_bytes()).unwrap();
    state
}

pub fn delivery(changes: Value) -> Value {
    let mut alert: Value = serde_json::from_str(&crate::text("tests/scenarios/demo/alert.json")).unwrap();
    for (key, value) in changes.as_object().unwrap() {
        alert[key] = value.clone();
    }
    alert
}

/// Stages by the names that the machine gives them.
#[test]
fn the_machine_names_the_stages_as_the_function_does() {
    for stage in [Stage::Announce, Stage::Draft, Stage::Final, Stage::Alone, Stage::Waited, Stage::News] {
        let name = serde_json::to_value(stage).unwrap();
        let machine = crate::text("statemachine/incident.asl.json");
        assert!(machine.contains(&format!("\"stage\": {name}")), "{name}");
    }
}
