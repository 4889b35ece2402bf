//! Clicks as Slack sends them: what is refused, and what a genuine one leaves in the ledger and among the cases.

use aws_lambda_events::apigw::ApiGatewayV2httpRequest;
use host::Function as _;
use incident::{Alert, Subject};
use ledger::{Briefed, FeedbackKind, cycle};
use serde_json::Value;

use super::*;

const SECRET: &str = "a-signing-secret";

struct Desk {
    function: SlackFunction,
    name: String,
    home: tempfile::TempDir,
}

impl Desk {
    async fn open() -> Self {
        let home = tempfile::tempdir().unwrap();
        let settings = Settings::from_values([
            ("SITREP_HOME".to_owned(), home.path().display().to_string()),
            ("SLACK_SIGNING_SECRET".to_owned(), SECRET.to_owned()),
        ]);
        let function = SlackFunction::new(&settings).await.unwrap();
        let event: Value = serde_json::from_str(include_str!("../../../events/brief/final.json")).unwrap();
        let alert: Alert = serde_json::from_value(event["state"]["alert"].clone()).unwrap();
        function.ledger.briefed(&alert, &Subject::default(), &Briefed::default(), None).await.unwrap();
        Self { function, name: cycle(&alert), home }
    }

    async fn send(&self, body: &str, time: i64, secret: &str) -> i64 {
        let time = time.to_string();
        let signature = header_value(secret, &time, body.as_bytes()).unwrap();
        let request = request(body, &time, &signature);
        self.function.handle(request).await.unwrap().status_code
    }

    async fn click(&self, action: &str, user: &str) -> i64 {
        self.send(&self.body(action, user), clock::now().as_second(), SECRET).await
    }

    fn body(&self, action: &str, user: &str) -> String {
        form(&json!({"type": "block_actions", "user": {"id": user}, "trigger_id": "t",
            "actions": [{"action_id": action, "value": self.name}]}))
    }

    async fn said(&self) -> Vec<(FeedbackKind, String)> {
        let record = self.function.ledger.record(&self.name).await.unwrap().unwrap();
        record.feedback.into_iter().map(|told| (told.kind, told.user)).collect()
    }
}

fn form(payload: &Value) -> String {
    form_urlencoded::Serializer::new(String::new()).append_pair("payload", &payload.to_string()).finish()
}

fn request(body: &str, time: &str, signature: &str) -> ApiGatewayV2httpRequest {
    let headers = [(signature::TIMESTAMP, time), (signature::SIGNATURE, signature)];
    ingress::event_for("/slack", body, &headers)
}

#[tokio::test]
async fn a_genuine_click_is_noted_once_and_its_repetition_refused() {
    let desk = Desk::open().await;
    let (body, now) = (desk.body("took_over", "U1"), clock::now().as_second());
    assert_eq!(desk.send(&body, now, SECRET).await, 200);
    assert_eq!(desk.send(&body, now, SECRET).await, 409, "replayed");
    let signature = header_value(SECRET, &now.to_string(), body.as_bytes()).unwrap();
    let shouted = format!("v0={}", signature[3..].to_ascii_uppercase());
    let again = desk.function.handle(request(&body, &now.to_string(), &shouted)).await.unwrap();
    assert_eq!(again.status_code, 409, "replayed in capitals");
    assert_eq!(desk.send(&body, now - 1, SECRET).await, 200, "the same person again: nothing new");
    assert_eq!(desk.click("took_over", "U2").await, 200);
    let took = |user: &str| (FeedbackKind::TookOver, user.to_owned());
    assert_eq!(desk.said().await, [took("U1"), took("U2")]);
}

#[tokio::test]
async fn forged_and_stale_clicks_are_refused_and_leave_nothing() {
    let desk = Desk::open().await;
    let (body, now) = (desk.body("took_over", "U1"), clock::now().as_second());
    assert_eq!(desk.send(&body, now, "another secret").await, 401);
    assert_eq!(desk.send(&body, now - 301, SECRET).await, 401);
    assert_eq!(desk.send(&body, now + 400, SECRET).await, 401);
    // Another's click under a genuine signature.
    let signature = header_value(SECRET, &now.to_string(), body.as_bytes()).unwrap();
    let forged = request(&desk.body("took_over", "U9"), &now.to_string(), &signature);
    assert_eq!(desk.function.handle(forged).await.unwrap().status_code, 401);
    let unsigned = ingress::event_for("/slack", &body, &[]);
    assert_eq!(desk.function.handle(unsigned).await.unwrap().status_code, 401);
    assert_eq!(desk.said().await, []);
}

#[tokio::test]
async fn what_is_no_click_of_ours_is_refused_with_a_reason() {
    let desk = Desk::open().await;
    let now = clock::now().as_second();
    assert_eq!(desk.send("no=payload", now, SECRET).await, 400);
    assert_eq!(desk.send(&form(&json!({"type": "shortcut", "user": {"id": "U1"}})), now, SECRET).await, 400);
    assert_eq!(desk.send(&desk.body("correct", "<!channel>"), now, SECRET).await, 400);
    assert_eq!(desk.click("self_destruct", "U1").await, 503);
    let stranger = form(&json!({"type": "block_actions", "user": {"id": "U1"},
        "actions": [{"action_id": "correct", "value": "no such cycle"}]}));
    assert_eq!(desk.send(&stranger, now, SECRET).await, 503);
}

#[tokio::test]
async fn what_people_say_of_a_brief_is_kept_as_a_case_and_of_a_recovered_one_a_post_mortem() {
    let desk = Desk::open().await;
    let event: Value = serde_json::from_str(include_str!("../../../events/brief/final.json")).unwrap();
    let home = desk.home.path();
    std::fs::create_dir_all(home.join("executions")).unwrap();
    std::fs::write(home.join("executions/e1.json"), event["state"].to_string()).unwrap();
    let alert: Alert = serde_json::from_value(event["state"]["alert"].clone()).unwrap();
    desk.function.ledger.started(&alert, "e1").await.unwrap();

    let form = form(&json!({"type": "view_submission", "user": {"id": "U2"}, "view": {
        "private_metadata": desk.name,
        "state": {"values": {
            "cause": {"text": {"value": "Somebody dropped the index; password=hunter2hunter2"}},
            "label": {"choice": {"selected_option": {"value": "database_locks"}}},
        }},
    }}));
    assert_eq!(desk.send(&form, clock::now().as_second(), SECRET).await, 200);
    let case = || {
        serde_json::from_str::<Case>(&std::fs::read_to_string(home.join("cases/e1.json")).unwrap()).unwrap()
    };
    let wrong = case();
    assert_eq!(
        (wrong.correction.correct, wrong.correction.cause),
        (false, Some(incident::Cause::DatabaseLocks))
    );
    assert!(
        wrong.correction.text.contains("dropped the index") && !wrong.correction.text.contains("hunter2")
    );
    assert!(serde_json::from_value::<incident::State>(wrong.state).is_ok(), "it can be replayed");

    assert_eq!(desk.click("correct", "U1").await, 200);
    assert!(case().correction.correct && case().correction.cause.is_some());
    let recovered = Alert { at: alert.at + std::time::Duration::from_secs(1020), ..alert.clone() };
    desk.function.ledger.recovered(&recovered, &Subject::default(), clock::now()).await.unwrap();
    assert_eq!(desk.click("approve", "U4").await, 503, "nothing was drafted yet");
    assert_eq!(desk.click("correct", "U3").await, 200);
    assert_eq!(desk.click("approve", "U1").await, 200);
    let written: Vec<_> = std::fs::read_dir(home.join("postmortems")).unwrap().collect();
    let text = std::fs::read_to_string(written[0].as_ref().unwrap().path()).unwrap();
    for part in [
        "---\nid: INC-",
        "recovered",
        "after 17 minutes",
        "## Timeline",
        "Corrected by a person: Somebody dropped",
    ] {
        assert!(text.contains(part), "{part:?} is missing in\n{text}");
    }
    assert_eq!(written.len(), 1);
}

#[tokio::test]
async fn a_case_holds_no_secret_and_no_name_leads_out_of_its_folder() {
    let desk = Desk::open().await;
    let correction =
        Correction { correct: false, text: "the key was api_key=abcdef123456".to_owned(), cause: None };
    let state = json!({"alert": {"title": ["password=hunter2hunter2"]}});
    let case = Case::new("../../x", clock::now(), Briefed::default(), correction, state);
    desk.function.cases.keep(&case).await.unwrap();
    let text = std::fs::read_to_string(desk.home.path().join("cases/______x.json")).unwrap();
    assert!(!text.contains("abcdef123456") && !text.contains("hunter2hunter2"), "{text}");
}
