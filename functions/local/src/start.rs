//! Step Functions' place: `StartExecution` on loopback, so that the webhook runs exactly as deployed.

use std::net::SocketAddr;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::mpsc;

/// An execution that the webhook asked for.
#[derive(Debug)]
pub struct Requested {
    /// Its name.
    pub name: String,
    /// Its input.
    pub input: Value,
}

/// A listener for `StartExecution`.
pub struct StartExecution {
    address: SocketAddr,
    requests: mpsc::UnboundedReceiver<Requested>,
    server: tokio::task::JoinHandle<()>,
}

impl StartExecution {
    /// Listens on a free loopback port.
    pub async fn listen() -> std::io::Result<Self> {
        let (send, requests) = mpsc::unbounded_channel();
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?;
        let router = Router::new().route("/", post(start)).with_state(send);
        let server = tokio::spawn(async move {
            if let Err(error) = axum::serve(listener, router).await {
                tracing::error!(%error, "the StartExecution listener ended");
            }
        });
        Ok(Self { address, requests, server })
    }

    /// The settings that point the webhook here.
    pub fn settings(&self) -> [(String, String); 5] {
        [
            ("AWS_ENDPOINT_URL_SFN", format!("http://{}", self.address)),
            ("STATE_MACHINE_ARN", "arn:aws:states:us-east-1:000000000000:stateMachine:incident".to_owned()),
            ("AWS_REGION", "us-east-1".to_owned()),
            ("AWS_ACCESS_KEY_ID", "local".to_owned()),
            ("AWS_SECRET_ACCESS_KEY", "local".to_owned()),
        ]
        .map(|(name, value)| (name.to_owned(), value))
    }

    /// What was asked for, when anything was.
    pub fn requested(&mut self) -> Option<Requested> {
        self.requests.try_recv().ok()
    }
}

impl Drop for StartExecution {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn start(
    State(send): State<mpsc::UnboundedSender<Requested>>,
    headers: HeaderMap,
    body: Bytes,
) -> (StatusCode, [(&'static str, &'static str); 1], String) {
    let reply =
        |status, body: Value| (status, [("content-type", "application/x-amz-json-1.0")], body.to_string());
    let bad = |kind: &str| reply(StatusCode::BAD_REQUEST, json!({ "__type": kind }));
    if headers.get("x-amz-target").is_none_or(|target| target != "AWSStepFunctions.StartExecution") {
        return bad("UnknownOperationException");
    }
    let request: Value = serde_json::from_slice(&body).unwrap_or_default();
    let text = |key: &str| request.get(key).and_then(Value::as_str);
    let (Some(machine), Some(name), Some(input)) = (text("stateMachineArn"), text("name"), text("input"))
    else {
        return bad("ValidationException");
    };
    let Ok(input) = serde_json::from_str(input) else { return bad("InvalidExecutionInput") };
    let arn = format!("{}:{name}", machine.replace(":stateMachine:", ":execution:"));
    // The receiver lives as long as the server; a closed channel means that the command is ending.
    let _ = send.send(Requested { name: name.to_owned(), input });
    reply(
        StatusCode::OK,
        json!({ "executionArn": arn, "startDate": host::clock::now().as_millisecond() as f64 / 1000.0 }),
    )
}
