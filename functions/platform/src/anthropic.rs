//! Anthropic: Messages and models. No language model: replies are scripted, and every answer says so in `x-simulated`.
//!
//! A request is held against the vendor's rules before a reply is taken, so a request that production would refuse is refused.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use http::Method;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::Moment;
use crate::wire::{Answer, Request};

mod placeholder;
mod rules;

/// Bytes per token, near enough for a made-up count.
const TOKEN_BYTES: usize = 4;

/// One workspace.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct World {
    /// The key that requests must carry.
    pub api_key: String,
    /// The models that exist.
    pub models: Vec<String>,
    /// What the models say. Without a reply for its model a request is answered 529, overloaded.
    pub replies: Vec<Reply>,
    /// Models that will not be served for long: id → when they retire.
    pub deprecated: BTreeMap<String, String>,
    /// The same models behind Amazon Bedrock instead of Anthropic's own API.
    pub bedrock: Option<Bedrock>,
    /// How many requests each model has answered.
    #[serde(skip)]
    answered: Mutex<BTreeMap<String, usize>>,
}

impl Default for World {
    fn default() -> Self {
        Self {
            api_key: "sk-ant-simulated".to_owned(),
            models: vec!["claude-sonnet-5-5".to_owned(), "claude-haiku-5-5".to_owned()],
            replies: Vec::new(),
            deprecated: BTreeMap::new(),
            bedrock: None,
            answered: Mutex::default(),
        }
    }
}

/// Amazon Bedrock: who may ask, and where.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Bedrock {
    /// The bearer token; without one requests must be signed with the key id below.
    pub bearer: Option<String>,
    /// The access key id of a signature. Default `AKIASIMULATEDPLATFORM`.
    pub key_id: Option<String>,
}

impl Bedrock {
    fn key_id(&self) -> &str {
        self.key_id.as_deref().unwrap_or("AKIASIMULATEDPLATFORM")
    }

    /// Whether the request carries the token, or a signature of that key for this service.
    fn permits(&self, request: &Request) -> bool {
        let given = request.header("authorization").unwrap_or_default();
        match &self.bearer {
            Some(token) => given == format!("Bearer {token}"),
            None => {
                given.starts_with(&format!("AWS4-HMAC-SHA256 Credential={}/", self.key_id()))
                    && given.contains("/bedrock/aws4_request")
                    && request.header("x-amz-date").is_some()
            }
        }
    }
}

/// One scripted answer. A model's replies are given in order; the last one repeats.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Reply {
    /// Part of the model's id: `haiku`, `sonnet`.
    pub model: String,
    /// Why it stopped. Default `end_turn`.
    #[serde(default = "end_turn")]
    pub stop_reason: String,
    /// What it says: text, or a value that is written as JSON. Anywhere inside, `{{evidence:A & B}}` and `{{passage:A}}`
    /// stand for the id of the first item in the prompt that mentions A and B.
    #[serde(default)]
    pub content: Value,
    /// Tokens. Default: reckoned from the texts' length.
    #[serde(default)]
    pub usage: Option<Usage>,
    /// A thinking block stands before the text, as the 5.5 models send it. Default true.
    #[serde(default = "yes")]
    pub thinking_first: bool,
}

fn end_turn() -> String {
    "end_turn".to_owned()
}

fn yes() -> bool {
    true
}

/// Tokens of a reply.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Usage {
    /// Prompt tokens neither read from nor written to the cache.
    pub input_tokens: usize,
    /// Prompt tokens written to the cache.
    pub cache_creation_input_tokens: usize,
    /// Prompt tokens read from the cache.
    pub cache_read_input_tokens: usize,
    /// Answer tokens, thinking included.
    pub output_tokens: usize,
}

/// An error: status, type, message.
type Refusal = (u16, &'static str, String);

/// `messages`, `count_tokens` or `models`; the path for anything else.
pub fn call(request: &Request) -> String {
    match request.path.as_str() {
        "/v1/messages" => "messages".to_owned(),
        "/v1/messages/count_tokens" => "count_tokens".to_owned(),
        path if path.starts_with("/v1/models") => "models".to_owned(),
        path if path.starts_with("/model/") && path.ends_with("/invoke") => "InvokeModel".to_owned(),
        path => path.to_owned(),
    }
}

impl World {
    /// The settings of a client.
    pub fn environment(&self, url: &str) -> Vec<(&'static str, String)> {
        let Some(bedrock) = &self.bedrock else {
            return vec![("ANTHROPIC_BASE_URL", url.to_owned()), ("ANTHROPIC_API_KEY", self.api_key.clone())];
        };
        let mut settings = vec![
            ("ANALYSIS_PROVIDER", "bedrock".to_owned()),
            ("AWS_ENDPOINT_URL_BEDROCK_RUNTIME", url.to_owned()),
            ("AWS_REGION", "us-east-1".to_owned()),
        ];
        match &bedrock.bearer {
            Some(token) => settings.push(("AWS_BEARER_TOKEN_BEDROCK", token.clone())),
            None => settings.extend([
                ("AWS_ACCESS_KEY_ID", bedrock.key_id().to_owned()),
                ("AWS_SECRET_ACCESS_KEY", "simulated-secret-access-key".to_owned()),
            ]),
        }
        settings
    }

    /// Answers a request as Anthropic would.
    pub fn answer(&self, request: &Request, _moment: Moment) -> Answer {
        if let Some(bedrock) = &self.bedrock {
            return self.invoked(bedrock, request).with_header("x-simulated", "sitrep-platform");
        }
        let answer = self.permitted(request).and_then(|()| match (&request.method, call(request).as_str()) {
            (&Method::POST, "messages") => self.message(&body_of(request)?),
            (&Method::POST, "count_tokens") => {
                Ok(json!({"input_tokens": prompt(&body_of(request)?).len().div_ceil(TOKEN_BYTES)}))
            }
            (&Method::GET, "models") => self.model(request.path.trim_start_matches("/v1/models/")),
            _ => Err((404, "not_found_error", "Not Found".to_owned())),
        });
        let answer = match answer {
            Ok(body) => Answer::json(200, &body),
            Err((status, kind, message)) => Answer::json(
                status,
                &json!({"type": "error", "error": {"type": kind, "message": message}, "request_id": "req_simulated"}),
            ),
        };
        answer.with_header("x-simulated", "sitrep-platform").with_header("request-id", "req_simulated")
    }

    /// Bedrock's InvokeModel: the model in the path, the version in the body, errors in the manner of AWS.
    fn invoked(&self, bedrock: &Bedrock, request: &Request) -> Answer {
        let refused = |status: u16, kind: &str, message: &str| {
            Answer::json(status, &json!({"message": message})).with_header("x-amzn-errortype", kind)
        };
        if !bedrock.permits(request) {
            return refused(
                403,
                "AccessDeniedException",
                "User is not authorized to perform: bedrock:InvokeModel",
            );
        }
        let path = request.path.strip_prefix("/model/").and_then(|rest| rest.strip_suffix("/invoke"));
        let (Some(id), &Method::POST) = (path, &request.method) else {
            return refused(404, "UnknownOperationException", "Unknown operation");
        };
        let model = id.rsplit("anthropic.").next().unwrap_or_default();
        let Ok(mut body) = body_of(request) else {
            return refused(
                400,
                "ValidationException",
                "Malformed input request, please reformat your input and try again.",
            );
        };
        if body["anthropic_version"] != "bedrock-2023-05-31"
            || !body["model"].is_null()
            || !id.contains("anthropic.")
        {
            return refused(
                400,
                "ValidationException",
                "The provided model identifier or request is invalid.",
            );
        }
        if let Some(fields) = body.as_object_mut() {
            fields.remove("anthropic_version");
            fields.insert("model".to_owned(), json!(model));
        }
        match self.message(&body) {
            Ok(answer) => Answer::json(200, &answer),
            Err((529 | 429, ..)) => {
                refused(429, "ThrottlingException", "Too many requests, please wait before trying again.")
            }
            Err((404, _, message)) => refused(404, "ResourceNotFoundException", &message),
            Err((_, _, message)) => refused(400, "ValidationException", &message),
        }
    }

    fn permitted(&self, request: &Request) -> Result<(), Refusal> {
        let denied = |message: &str| Err((401, "authentication_error", message.to_owned()));
        match request.header("x-api-key") {
            None => denied("x-api-key header is required"),
            Some(key) if key != self.api_key => denied("invalid x-api-key"),
            Some(_) => rules::version(request.header("anthropic-version")).map_err(invalid),
        }
    }

    fn model(&self, id: &str) -> Result<Value, Refusal> {
        if !self.models.iter().any(|known| known == id) {
            return Err((404, "not_found_error", format!("model: {id}")));
        }
        let retires = self.deprecated.get(id);
        let lifecycle = if retires.is_some() { "deprecated" } else { "active" };
        Ok(
            json!({"type": "model", "id": id, "display_name": id, "lifecycle": lifecycle, "retires_at": retires, "max_input_tokens": 1_000_000,
            "max_tokens": 128_000, "capabilities": {"structured_outputs": {"supported": true}}}),
        )
    }

    fn message(&self, body: &Value) -> Result<Value, Refusal> {
        let model = rules::check(body).map_err(invalid)?;
        self.model(&model)?;
        let reply = self.next_reply(&model).ok_or((529, "overloaded_error", "Overloaded".to_owned()))?;
        let prompt = prompt(body);
        let text = match placeholder::fill(reply.content, &prompt) {
            Value::String(text) => text,
            Value::Null => String::new(),
            value => value.to_string(),
        };
        let usage = reply.usage.unwrap_or(Usage {
            input_tokens: prompt.len().div_ceil(TOKEN_BYTES),
            output_tokens: text.len().div_ceil(TOKEN_BYTES),
            ..Usage::default()
        });
        let mut content = Vec::new();
        if reply.thinking_first {
            content.push(json!({"type": "thinking", "thinking": "", "signature": "c2ltdWxhdGVk"}));
        }
        if !text.is_empty() {
            content.push(json!({"type": "text", "text": text, "citations": null}));
        }
        let refused = reply.stop_reason == "refusal";
        let details =
            refused.then(|| json!({"type": "refusal", "category": null, "explanation": "scripted"}));
        let mut usage = serde_json::to_value(usage).unwrap_or_default();
        usage["service_tier"] = json!("standard");
        Ok(json!({"id": "msg_simulated", "type": "message", "role": "assistant",
                // Whoever prints the model prints that nobody thought.
                "model": format!("{model} (simulated)"), "content": content,
            "stop_reason": reply.stop_reason, "stop_sequence": null, "stop_details": details, "usage": usage}))
    }

    fn next_reply(&self, model: &str) -> Option<Reply> {
        let replies: Vec<&Reply> = self.replies.iter().filter(|reply| model.contains(&reply.model)).collect();
        let mut answered = self.answered.lock().unwrap_or_else(PoisonError::into_inner);
        let count = answered.entry(model.to_owned()).or_default();
        let reply = replies.get((*count).min(replies.len().checked_sub(1)?))?;
        *count += 1;
        Some((*reply).clone())
    }
}

fn body_of(request: &Request) -> Result<Value, Refusal> {
    request
        .json()
        .filter(Value::is_object)
        .ok_or_else(|| invalid("The request body is not valid JSON".to_owned()))
}

fn invalid(message: String) -> Refusal {
    (400, "invalid_request_error", message)
}

/// All text of the messages, in order.
fn prompt(body: &Value) -> String {
    let blocks =
        body["messages"].as_array().into_iter().flatten().flat_map(|message| match &message["content"] {
            Value::Array(blocks) => blocks.iter().filter_map(|block| block["text"].as_str()).collect(),
            content => content.as_str().into_iter().collect::<Vec<_>>(),
        });
    blocks.collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn world(replies: Value) -> World {
        serde_json::from_value(json!({"replies": replies})).unwrap()
    }

    fn send(world: &World, body: &Value) -> Answer {
        let request = Request::new(Method::POST, "/v1/messages")
            .with_header("x-api-key", "sk-ant-simulated")
            .with_header("anthropic-version", "2023-06-01")
            .with_json(body);
        let alert = "2026-01-01T00:00:00Z".parse().unwrap();
        world.answer(&request, Moment { alert, as_of: alert })
    }

    fn ask(model: &str, text: &str) -> Value {
        json!({"model": model, "max_tokens": 100, "messages": [{"role": "user", "content": [{"type": "text", "text": text}]}]})
    }

    #[test]
    fn replies_are_given_in_order_per_model_and_the_last_repeats() {
        let world = world(json!([{"model": "haiku", "content": "one"}, {"model": "sonnet", "content": "S"},
            {"model": "haiku", "content": "two", "stop_reason": "max_tokens"}]));
        let text = |model: &str| send(&world, &ask(model, "hi")).value()["content"][1]["text"].clone();
        assert_eq!(text("claude-haiku-5-5"), "one");
        assert_eq!(text("claude-sonnet-5-5"), "S");
        assert_eq!(text("claude-haiku-5-5"), "two");
        let third = send(&world, &ask("claude-haiku-5-5", "hi"));
        assert_eq!(third.value()["content"][0]["type"], "thinking");
        assert_eq!(third.value()["stop_reason"], "max_tokens");
        assert!(third.headers.iter().any(|(name, _)| name == "x-simulated"));
    }

    #[test]
    fn a_structured_reply_is_json_text_that_cites_ids_of_the_prompt() {
        let world = world(
            json!([{"model": "sonnet", "content": {"ids": ["{{evidence:db-1 & CPU}}", "{{passage:Runbook}}"]}}]),
        );
        let prompt = "<item id=\"dd-1\">CPU of db-2</item>\n<item id=\"aws-4\">CPU of db-1</item>\n<doc id=\"kb-2\" title=\"Runbook\">CPU</doc>";
        let answer = send(&world, &ask("claude-sonnet-5-5", prompt)).value();
        assert_eq!(answer["content"][1]["text"], r#"{"ids":["aws-4","kb-2"]}"#);
        assert_eq!(answer["model"], "claude-sonnet-5-5 (simulated)");
    }

    #[test]
    fn without_a_reply_the_model_is_overloaded_and_a_strange_model_does_not_exist() {
        assert_eq!(send(&world(json!([])), &ask("claude-haiku-5-5", "hi")).status, 529);
        assert_eq!(
            send(&world(json!([])), &ask("claude-2", "hi")).value()["error"]["type"],
            "not_found_error"
        );
    }

    #[test]
    fn bedrock_wants_its_own_version_path_and_credentials() {
        let world: World = serde_json::from_value(
            json!({"bedrock": {"bearer": "t"}, "replies": [{"model": "haiku", "content": "hi"}]}),
        )
        .unwrap();
        let alert = "2026-01-01T00:00:00Z".parse().unwrap();
        let status = |token: &str, path: &str, body: Value| {
            let request = Request::new(Method::POST, path)
                .with_header("authorization", &format!("Bearer {token}"))
                .with_json(&body);
            world.answer(&request, Moment { alert, as_of: alert }).status
        };
        let mut body = ask("claude-haiku-5-5", "hi");
        assert_eq!(
            status("t", "/model/anthropic.claude-haiku-5-5/invoke", body.clone()),
            400,
            "the model is in the path"
        );
        body.as_object_mut().unwrap().remove("model");
        assert_eq!(
            status("t", "/model/anthropic.claude-haiku-5-5/invoke", body.clone()),
            400,
            "there is no version"
        );
        body["anthropic_version"] = json!("bedrock-2023-05-31");
        assert_eq!(status("t", "/model/us.anthropic.claude-haiku-5-5/invoke", body.clone()), 200);
        assert_eq!(status("x", "/model/anthropic.claude-haiku-5-5/invoke", body.clone()), 403);
        assert_eq!(status("t", "/model/anthropic.claude-2/invoke", body.clone()), 404);
        assert_eq!(status("t", "/v1/messages", body), 404);
    }

    #[test]
    fn key_and_version_are_checked_before_anything_else() {
        let alert = "2026-01-01T00:00:00Z".parse().unwrap();
        let kind = |request: Request| {
            let answer = World::default().answer(&request, Moment { alert, as_of: alert });
            (answer.status, answer.value()["error"]["type"].as_str().unwrap_or_default().to_owned())
        };
        let bare = Request::new(Method::POST, "/v1/messages");
        assert_eq!(kind(bare.clone()), (401, "authentication_error".to_owned()));
        assert_eq!(
            kind(bare.with_header("x-api-key", "sk-ant-simulated")),
            (400, "invalid_request_error".to_owned())
        );
    }
}
