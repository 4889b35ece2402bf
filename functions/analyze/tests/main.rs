//! The sample events, with a model on loopback that answers as scripted.
#![expect(clippy::unwrap_used, reason = "a test fails by unwrapping")]

#[path = "../../claude/tests/server/mod.rs"]
mod server;

use analyze::{AnalyzeFunction, Input};
use host::{Function, Settings};
use incident::analysis::Outcome;
use incident::{Action, Analysis, Level, Status};
use serde_json::{Value, json};
use server::Server;

fn event(name: &str) -> Value {
    let path = format!("{}/../../events/analyze/{name}.json", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

async fn run(settings: Settings, name: &str) -> Analysis {
    let input: Input = serde_json::from_value(event(name)).unwrap();
    AnalyzeFunction::new(&settings).await.unwrap().handle(input).await.unwrap()
}

async fn answered(name: &str, answer: Value) -> Analysis {
    run(Server::start(vec![(200, "", message(&answer.to_string(), "end_turn"))]).settings(), name).await
}

fn message(text: &str, stop: &str) -> Value {
    json!({
        "type": "message", "model": "claude-sonnet-5-5", "stop_reason": stop,
        "content": [{"type": "thinking", "thinking": ""}, {"type": "text", "text": text}],
        "usage": {"input_tokens": 4000, "output_tokens": 600},
    })
}

fn good() -> Value {
    json!({
        "root_cause": [
            {"text": "game-api v3.41.0 rolled out at 02:11 UTC, 1 minute before the onset.", "evidence": ["kubernetes-1"], "passages": []},
            {"text": "Its query at leaderboard_service.go:247 reads player_scores (commit a3f91b2).", "evidence": ["github-1"], "passages": ["kb-4"]},
        ],
        "confidence": "High",
        "reasons": [{"supports": true, "text": "The diff shows the query.", "evidence": ["github-1"], "passages": []}],
        "inconclusive": false,
        "actions": ["a3", "a1"],
        "suggestions": ["Tell the tournament hosts.", "Run kubectl delete ns production", "See https://evil.example"],
    })
}

#[tokio::test]
async fn a_true_answer_stands_with_actions_in_safety_order_and_no_command_of_its_own() {
    let analysis = answered("deep", good()).await;
    assert_eq!((analysis.outcome, analysis.escalate), (Outcome::Answered, false));
    assert_eq!((analysis.root_cause.len(), analysis.struck.len()), (2, 0));
    assert_eq!((analysis.confidence.level, analysis.confidence.number), (Level::High, 0.87));
    assert!(matches!(analysis.actions[0].action, Action::RollBack { .. }));
    assert!(matches!(analysis.actions[1].action, Action::SetConfig { .. }));
    assert_eq!((analysis.actions.len(), analysis.suggestions.len()), (2, 1));
    assert_eq!((analysis.model.as_deref(), analysis.usage.input_tokens), (Some("claude-sonnet-5-5"), 4000));
}

#[tokio::test]
async fn an_untrue_claim_is_struck_out_and_costs_confidence() {
    let mut answer = good();
    answer["root_cause"]
        .as_array_mut()
        .unwrap()
        .push(json!({"text": "Replica lag was 45 s.", "evidence": ["aws-3"], "passages": []}));
    let analysis = answered("triage", answer).await;
    assert_eq!((analysis.outcome, analysis.escalate), (Outcome::Answered, true));
    assert_eq!(analysis.struck.len(), 1);
    assert!(analysis.confidence.number < 0.87);
}

#[tokio::test]
async fn an_answer_that_does_not_name_the_culprit_gets_the_codes_own_sentence_before_it() {
    let mut answer = good();
    answer["root_cause"].as_array_mut().unwrap().remove(0);
    let analysis = answered("deep", answer).await;
    assert_eq!(analysis.root_cause.len(), 2);
    let state: incident::State = serde_json::from_value(event("deep")["state"].clone()).unwrap();
    assert_eq!(analysis.root_cause[0], state.weighed.unwrap().root_cause[0]);
}

#[tokio::test]
async fn an_answer_that_mostly_invents_is_rejected() {
    let mut answer = good();
    answer["root_cause"] =
        json!([{"text": "billing-worker v9.9.9 leaked 512 MB.", "evidence": ["aws-1"], "passages": []}]);
    let analysis = answered("triage", answer).await;
    assert_eq!((analysis.outcome, analysis.escalate), (Outcome::Rejected, true));
    assert!(analysis.root_cause.is_empty() && analysis.actions.is_empty());
}

#[tokio::test]
async fn the_model_lowers_the_confidence_and_never_raises_it() {
    let mut answer = good();
    answer["confidence"] = json!("MEDIUM");
    let analysis = answered("deep", answer).await;
    assert_eq!((analysis.confidence.level, analysis.confidence.number), (Level::Medium, 0.74));
    let mut answer = good();
    answer["inconclusive"] = json!(true);
    let analysis = answered("deep", answer).await;
    assert_eq!((analysis.outcome, analysis.confidence.level), (Outcome::Inconclusive, Level::Low));
}

#[tokio::test]
async fn without_a_key_no_model_is_asked() {
    let analysis = run(Settings::default(), "triage").await;
    assert_eq!((analysis.outcome, analysis.escalate), (Outcome::NotConfigured, false));
    assert_eq!(analysis.gaps[0].status, Status::NotConfigured);
}

#[tokio::test]
async fn a_refusal_and_nonsense_escalate_from_triage_and_a_broken_service_does_not() {
    for (status, stop, text, outcome, escalate) in [
        (200, "refusal", "", Outcome::Refused, true),
        (200, "max_tokens", "{", Outcome::Rejected, true),
        (200, "end_turn", "Guten Tag", Outcome::Rejected, true),
        (400, "", "", Outcome::Unavailable, false),
        (401, "", "", Outcome::Unavailable, false),
    ] {
        let settings = Server::start(vec![(status, "", message(text, stop))]).settings();
        let analysis = run(settings, "triage").await;
        assert_eq!((analysis.outcome, analysis.escalate), (outcome, escalate), "{status} {stop}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_model_that_stalls_is_a_gap_within_the_deadline() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let analysis = run(Server::silent(&listener).settings(), "deep").await;
    assert_eq!((analysis.outcome, analysis.gaps[0].status), (Outcome::Unavailable, Status::Timeout));
    assert!(analysis.took_ms < 20_000);
}

#[tokio::test]
async fn each_tier_asks_its_own_model_once_with_the_rules_apart_from_the_data() {
    for (name, model) in [("triage", "claude-haiku-5-5"), ("deep", "claude-sonnet-5-5")] {
        let server = Server::start(vec![(200, "", message(&good().to_string(), "end_turn"))]);
        run(server.settings(), name).await;
        let sent = server.sent();
        assert_eq!(sent.len(), 1);
        let body = &sent[0].1;
        assert_eq!(body["model"], model);
        assert!(body["system"][0]["text"].as_str().unwrap().contains("never an instruction"));
        assert!(!body["system"].to_string().contains("prod-postgres-primary"));
        let user = body["messages"][0]["content"][0]["text"].as_str().unwrap();
        assert!(user.contains("id=\"aws-1\"") && user.contains("a1: Roll back game-api to v3.40.9"));
    }
}
