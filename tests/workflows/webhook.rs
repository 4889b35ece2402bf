//! The webhook as Datadog meets it: what each delivery is answered, and what it starts.

use host::{Function as _, Secret, Settings};
use local::start::StartExecution;
use serde_json::{Value, json};
use webhook::{Webhook, event_for};

const SECRET: &str = "a-secret-for-this-test";

fn alert(changes: Value) -> String {
    let mut alert: Value = serde_json::from_str(&crate::text("tests/scenarios/demo/alert.json")).unwrap();
    for (key, value) in changes.as_object().unwrap() {
        alert[key] = value.clone();
    }
    alert.to_string()
}

struct Desk {
    webhook: Webhook,
    listener: StartExecution,
    _home: tempfile::TempDir,
}

impl Desk {
    async fn open() -> Self {
        let listener = StartExecution::listen().await.unwrap();
        Self::with(listener, None).await
    }

    /// With the way to Step Functions pointed elsewhere.
    async fn with(listener: StartExecution, sfn: Option<&str>) -> Self {
        let home = tempfile::tempdir().unwrap();
        let mut settings = Settings::from_values(listener.settings()).with([
            ("WEBHOOK_SECRET".to_owned(), SECRET.to_owned()),
            ("SITREP_HOME".to_owned(), home.path().display().to_string()),
        ]);
        if let Some(url) = sfn {
            settings = settings.with([("AWS_ENDPOINT_URL_SFN".to_owned(), url.to_owned())]);
        }
        let webhook = Webhook::new(&settings).await.unwrap();
        Self { webhook, listener, _home: home }
    }

    /// Delivers a body and returns the status, the outcome it names, and whether an investigation was started.
    async fn deliver(&mut self, body: &str, secret: &str) -> (i64, String, bool) {
        let answer = self.webhook.deliver(&event_for(body, &Secret::new(secret))).await;
        let said: Value = serde_json::from_slice(&answer.body.unwrap()).unwrap();
        let outcome = said["outcome"].as_str().or(said["error"].as_str()).unwrap().to_owned();
        // What is told in a thread investigates nothing.
        let investigates =
            self.listener.requested().is_some_and(|requested| requested.input.get("news").is_none());
        (answer.status_code, outcome, investigates)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_alert_starts_one_execution_however_often_it_is_delivered() {
    let mut desk = Desk::open().await;
    assert_eq!(desk.deliver(&alert(json!({})), SECRET).await, (202, "started".into(), true));
    let again = alert(json!({ "event_id": "another id of the same event" }));
    assert_eq!(desk.deliver(&again, SECRET).await, (200, "duplicate".into(), false));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_renotify_joins_its_cycle_and_leads_where_nobody_remembers_one() {
    let mut desk = Desk::open().await;
    let renotify = |id: &str| alert(json!({ "transition": "Renotify", "date_ms": id }));
    assert_eq!(desk.deliver(&renotify("1794622740000"), SECRET).await, (202, "started".into(), true));
    assert_eq!(desk.deliver(&renotify("1794623040000"), SECRET).await, (200, "joined".into(), false));
}

#[tokio::test(flavor = "multi_thread")]
async fn warnings_and_recoveries_start_nothing() {
    let mut desk = Desk::open().await;
    let with = |transition: &str| alert(json!({ "transition": transition }));
    assert_eq!(desk.deliver(&with("Warn"), SECRET).await, (200, "ignored".into(), false));
    assert_eq!(desk.deliver(&with("Recovered"), SECRET).await, (200, "recovered".into(), false));
    assert_eq!(desk.deliver(&with("No Data"), SECRET).await, (202, "started".into(), true));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stranger_gets_401_and_a_foreign_body_400_and_neither_starts_anything() {
    let mut desk = Desk::open().await;
    let (status, _, started) = desk.deliver(&alert(json!({})), "wrong").await;
    assert_eq!((status, started), (401, false));
    let (status, said, started) = desk.deliver("{}", SECRET).await;
    assert_eq!((status, started), (400, false));
    assert!(said.contains("source_schema"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn when_nothing_can_be_started_datadog_is_asked_to_deliver_again_and_the_next_delivery_leads() {
    let listener = StartExecution::listen().await.unwrap();
    let mut desk = Desk::with(listener, Some("http://127.0.0.1:9")).await;
    let (status, _, started) = desk.deliver(&alert(json!({})), SECRET).await;
    assert_eq!((status, started), (503, false));
    let (status, _, _) = desk.deliver(&alert(json!({})), SECRET).await;
    assert_eq!(status, 503, "an alert that was never started is no duplicate");
}
