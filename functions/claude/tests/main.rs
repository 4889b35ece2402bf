//! The client against a server on loopback that answers as scripted.
#![expect(clippy::unwrap_used, reason = "a test fails by unwrapping")]

mod server;

use std::time::Duration;

use claude::{Claude, Effort, Error, Question};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};
use server::Server;
use tokio::time::Instant;

#[derive(Debug, PartialEq, Deserialize, JsonSchema)]
struct Reply {
    cause: String,
}

async fn ask(server: &Server) -> Result<claude::Answer<Reply>, Error> {
    let claude = Claude::from_settings(&server.settings()).await.unwrap().unwrap();
    let question = Question {
        model: &claude.triage_model,
        system: "rules",
        user: "evidence",
        effort: Effort::Low,
        max_tokens: 1_000,
        deadline: Instant::now() + Duration::from_secs(10),
    };
    claude.ask(&question).await
}

fn answer(text: &str, stop: &str) -> Value {
    json!({
        "id": "msg_1", "type": "message", "role": "assistant", "model": "claude-haiku-5-5",
        "content": [{"type": "thinking", "thinking": "", "signature": "s"}, {"type": "text", "text": text, "citations": null}],
        "stop_reason": stop, "stop_details": null,
        "usage": {"input_tokens": 12, "cache_creation_input_tokens": 3, "cache_read_input_tokens": 5, "output_tokens": 9},
    })
}

#[tokio::test]
async fn the_request_is_the_vendors_and_the_answer_is_typed() {
    let server = Server::start(vec![(200, "", answer(r#"{"cause":"deploy"}"#, "end_turn"))]);
    let reply = ask(&server).await.unwrap();
    assert_eq!(reply.value, Reply { cause: "deploy".into() });
    assert_eq!((reply.usage.cache_read_input_tokens, reply.usage.output_tokens), (5, 9));
    let (head, body) = server.sent().remove(0);
    assert!(head.starts_with("POST /v1/messages "));
    for header in ["x-api-key: test-key", "anthropic-version: 2026-10-21", "content-type: application/json"] {
        assert!(head.to_lowercase().contains(header), "{header} in {head}");
    }
    assert_eq!(body["model"], "claude-haiku-5-5");
    assert_eq!(body["thinking"], json!({"type": "adaptive"}));
    assert_eq!(body["system"][0]["cache_control"]["type"], "ephemeral");
    assert_eq!(body["output_config"]["effort"], "low");
    assert_eq!(body["output_config"]["format"]["schema"]["additionalProperties"], false);
    assert!(body.get("temperature").is_none());
}

#[tokio::test]
async fn overload_is_retried_and_a_bad_request_is_not() {
    let busy = json!({"type": "error", "error": {"type": "overloaded_error", "message": "busy"}});
    let fine = answer(r#"{"cause":"x"}"#, "end_turn");
    let wait = "retry-after-ms: 1\r\n";
    let server =
        Server::start(vec![(529, wait, busy.clone()), (429, wait, busy.clone()), (200, "", fine.clone())]);
    assert!(ask(&server).await.is_ok());
    let server =
        Server::start(vec![(529, wait, busy.clone()), (529, wait, busy.clone()), (529, wait, busy.clone())]);
    assert_eq!(ask(&server).await.unwrap_err(), Error::Overloaded);
    let server = Server::start(vec![(400, "", busy), (200, "", fine)]);
    assert!(matches!(ask(&server).await, Err(Error::BadRequest { status: 400, .. })));
    assert_eq!(server.sent().len(), 1);
}

#[tokio::test]
async fn a_refusal_a_cut_and_nonsense_are_told_apart_and_keep_their_usage() {
    let ends = |text: &'static str, stop: &'static str| async move {
        ask(&Server::start(vec![(200, "", answer(text, stop))])).await.unwrap_err()
    };
    assert!(matches!(ends("", "refusal").await, Error::Refused { usage, .. } if usage.input_tokens == 12));
    assert!(matches!(ends("{\"cau", "max_tokens").await, Error::CutShort { .. }));
    assert!(
        matches!(ends("{\"cau", "end_turn").await, Error::Garbled { usage, .. } if usage.output_tokens == 9)
    );
}

#[tokio::test(start_paused = true)]
async fn a_model_that_never_answers_is_a_timeout() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let server = Server::silent(&listener);
    assert_eq!(ask(&server).await.unwrap_err(), Error::Timeout);
}

#[tokio::test]
async fn without_a_key_there_is_no_client() {
    assert!(Claude::from_settings(&host::Settings::default()).await.unwrap().is_none());
}
