//! Slack: posting and updating messages. Errors come as `ok: false` with status 200, as Slack sends them.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use http::Method;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::Moment;
use crate::wire::{Answer, Request};

/// Limits of a message: blocks, characters of a section's text, of a field, of a header, and the unpublished sum over all
/// blocks beyond which Slack says `msg_blocks_too_long` (bolt-js issue 2509).
const MAX_BLOCKS: usize = 50;
const MAX_SECTION: usize = 3000;
const MAX_FIELD: usize = 2000;
const MAX_HEADER: usize = 150;
const MAX_MESSAGE: usize = 13_200;
/// A longer `text` is cut, not refused.
const MAX_TEXT: usize = 40_000;

/// One workspace.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct World {
    /// The bot token that requests must carry.
    pub token: String,
    /// Channels the bot is in: id to name. The first is the one handed to clients.
    pub channels: BTreeMap<String, String>,
    /// Refuse a message that follows another in its channel: 429 with `Retry-After`, then accept the next.
    pub rate_limit: bool,
    #[serde(skip)]
    posted: Mutex<Posted>,
}

impl Default for World {
    fn default() -> Self {
        let channels = [("C0SIMULATED".to_owned(), "incidents".to_owned())];
        Self {
            token: "xoxb-simulated".to_owned(),
            channels: channels.into(),
            rate_limit: false,
            posted: Mutex::default(),
        }
    }
}

#[derive(Debug, Default)]
struct Posted {
    messages: Vec<Message>,
    /// The channel of the newest message, until a refusal has taken a second's place.
    busy: Option<String>,
}

/// A message as the channel shows it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Message {
    /// Channel id.
    pub channel: String,
    /// Its time: its name within the channel.
    pub ts: String,
    /// The parent's time, for a reply.
    pub thread_ts: Option<String>,
    /// The fallback text.
    pub text: String,
    /// Blocks.
    pub blocks: Vec<Value>,
    /// How often it was updated.
    pub updates: u32,
}

/// Why Slack says no: the error, and details where it gives any.
type Refusal = (&'static str, Vec<String>);

/// The method's name, such as `chat.postMessage`.
pub fn call(request: &Request) -> String {
    request.path.trim_start_matches("/api/").to_owned()
}

impl World {
    /// The settings of a client.
    pub fn environment(&self, url: &str) -> Vec<(&'static str, String)> {
        let channel = self.channels.keys().next().cloned().unwrap_or_default();
        vec![
            ("SLACK_URL", format!("{url}/api")),
            ("SLACK_BOT_TOKEN", self.token.clone()),
            ("SLACK_CHANNEL", channel),
        ]
    }

    /// What the channels show, oldest first.
    pub fn messages(&self) -> Vec<Message> {
        self.lock().messages.clone()
    }

    /// Answers a request as Slack would.
    pub fn answer(&self, request: &Request, moment: Moment) -> Answer {
        let refuse = |(error, details): Refusal| {
            let mut body = json!({"ok": false, "error": error});
            if !details.is_empty() {
                body["response_metadata"] = json!({"messages": details});
            }
            Answer::json(200, &body)
        };
        match request.bearer() {
            None => return refuse(("not_authed", Vec::new())),
            Some(token) if token != self.token => return refuse(("invalid_auth", Vec::new())),
            Some(_) => {}
        }
        let arguments = arguments(request);
        let method = call(request);
        if method == "chat.postMessage" && self.is_too_fast(&arguments) {
            return Answer::json(429, &json!({"ok": false, "error": "ratelimited"}))
                .with_header("retry-after", "1");
        }
        let answer = match (request.method == Method::POST, method.as_str()) {
            (_, "auth.test") => Ok(json!({"ok": true, "url": "https://simulated.slack.com/", "team": "Simulated",
                "user": "sitrep", "team_id": "T0SIMULATED", "user_id": "U0SITREP", "bot_id": "B0SITREP"})),
            (true, "chat.postMessage") => self.post(&arguments, moment),
            (true, "chat.update") => self.update(&arguments),
            (_, "conversations.info") => self.channel(&arguments).map(|(id, name)| {
                json!({"ok": true, "channel": {"id": id, "name": name, "is_channel": true, "is_member": true}})
            }),
            _ => Err(("unknown_method", Vec::new())),
        };
        answer.map_or_else(refuse, |body| Answer::json(200, &body))
    }

    fn post(&self, arguments: &Value, moment: Moment) -> Result<Value, Refusal> {
        let (channel, _) = self.channel(arguments)?;
        let (text, blocks) = content(arguments)?;
        let mut posted = self.lock();
        let thread_ts = arguments["thread_ts"].as_str().map(str::to_owned);
        let ts = format!("{}.{:06}", moment.as_of.as_second(), posted.messages.len() + 1);
        let message =
            Message { channel: channel.clone(), ts: ts.clone(), thread_ts, text, blocks, updates: 0 };
        let body = json!({"ok": true, "channel": channel, "ts": ts, "message": shown(&message)});
        posted.busy = Some(channel);
        posted.messages.push(message);
        Ok(body)
    }

    /// Takes the id of a channel, as Slack does: a name is not found.
    fn update(&self, arguments: &Value) -> Result<Value, Refusal> {
        let channel = arguments["channel"].as_str().unwrap_or_default();
        if !self.channels.contains_key(channel) {
            return Err(("channel_not_found", Vec::new()));
        }
        let (text, blocks) = content(arguments)?;
        let mut posted = self.lock();
        let ts = arguments["ts"].as_str().unwrap_or_default();
        let message = posted.messages.iter_mut().find(|m| m.channel == channel && m.ts == ts);
        let message = message.ok_or(("message_not_found", Vec::new()))?;
        message.text = text;
        message.blocks = blocks;
        message.updates += 1;
        Ok(json!({"ok": true, "channel": channel, "ts": ts, "text": message.text, "message": shown(message)}))
    }

    /// The channel of an id, or of a name with or without `#`.
    fn channel(&self, arguments: &Value) -> Result<(String, String), Refusal> {
        let wanted = arguments["channel"].as_str().unwrap_or_default();
        let name = wanted.trim_start_matches('#');
        let found = self.channels.iter().find(|(id, known)| *id == wanted || *known == name);
        found.map(|(id, name)| (id.clone(), name.clone())).ok_or(("channel_not_found", Vec::new()))
    }

    /// A refusal stands for the second that must pass.
    fn is_too_fast(&self, arguments: &Value) -> bool {
        let mut posted = self.lock();
        self.rate_limit
            && self.channel(arguments).is_ok_and(|(id, _)| posted.busy.take_if(|busy| *busy == id).is_some())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Posted> {
        self.posted.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The arguments of a method: JSON, a form (whose `blocks` are JSON in text), or the query.
fn arguments(request: &Request) -> Value {
    if let Some(body) = request.json().filter(Value::is_object) {
        return body;
    }
    let pairs = if request.method == Method::GET { request.query.clone() } else { request.form() };
    let read = |name: &str, value: String| match name {
        "blocks" | "metadata" => serde_json::from_str(&value).unwrap_or(Value::String(value)),
        _ => Value::String(value),
    };
    Value::Object(
        pairs.into_iter().map(|(name, value)| (name.clone(), read(&name, value))).collect::<Map<_, _>>(),
    )
}

/// Text and blocks of a message, held against Slack's limits.
fn content(arguments: &Value) -> Result<(String, Vec<Value>), Refusal> {
    let text: String = arguments["text"].as_str().unwrap_or_default().chars().take(MAX_TEXT).collect();
    let blocks = match &arguments["blocks"] {
        Value::Null => Vec::new(),
        Value::Array(blocks) => blocks.clone(),
        _ => return Err(("invalid_blocks_format", Vec::new())),
    };
    if text.is_empty() && blocks.is_empty() {
        return Err(("no_text", Vec::new()));
    }
    if blocks.len() > MAX_BLOCKS {
        let detail = format!("[ERROR] no more than {MAX_BLOCKS} items allowed [json-pointer:/blocks]");
        return Err(("invalid_blocks", vec![detail]));
    }
    let broken: Vec<String> = blocks
        .iter()
        .enumerate()
        .filter_map(|(index, block)| {
            Some(format!("[ERROR] {} [json-pointer:/blocks/{index}]", fault(block)?))
        })
        .collect();
    if !broken.is_empty() {
        return Err(("invalid_blocks", broken));
    }
    if blocks.iter().map(characters).sum::<usize>() > MAX_MESSAGE {
        return Err(("msg_blocks_too_long", Vec::new()));
    }
    Ok((text, blocks))
}

/// What is wrong with a block.
fn fault(block: &Value) -> Option<String> {
    let length = |text: &Value| text["text"].as_str().map(|text| text.chars().count());
    let wrong = |text: &Value, kinds: &[&str], most: usize| match length(text) {
        _ if !kinds.iter().any(|kind| text["type"] == *kind) => {
            Some(format!("text must be {}", kinds.join(" or ")))
        }
        None | Some(0) => Some("must be more than 0 characters".to_owned()),
        Some(length) if length > most => Some(format!("must be less than {} characters", most + 1)),
        Some(_) => None,
    };
    let any = ["mrkdwn", "plain_text"];
    match block["type"].as_str()? {
        "header" => wrong(&block["text"], &["plain_text"], MAX_HEADER),
        "section" => {
            let fields = block["fields"].as_array();
            if block["text"].is_null() && fields.is_none_or(Vec::is_empty) {
                return Some("a section needs text or fields".to_owned());
            }
            let text = (!block["text"].is_null()).then(|| wrong(&block["text"], &any, MAX_SECTION)).flatten();
            let many = fields.filter(|fields| fields.len() > 10).map(|_| "no more than 10 fields".to_owned());
            text.or(many)
                .or_else(|| fields.into_iter().flatten().find_map(|field| wrong(field, &any, MAX_FIELD)))
        }
        "context" => {
            let elements = block["elements"].as_array().map(Vec::as_slice).unwrap_or_default();
            if elements.is_empty() || elements.len() > 10 {
                return Some("a context has 1 to 10 elements".to_owned());
            }
            elements
                .iter()
                .filter(|element| element["type"] != "image")
                .find_map(|element| wrong(element, &any, MAX_SECTION))
        }
        "actions" => {
            let elements = block["elements"].as_array().map_or(0, Vec::len);
            (!(1..=25).contains(&elements)).then(|| "actions have 1 to 25 elements".to_owned())
        }
        "divider" | "image" | "rich_text" | "markdown" | "table" => None,
        other => Some(format!("unsupported type: {other}")),
    }
}

/// The characters of all text in a block.
fn characters(block: &Value) -> usize {
    match block {
        Value::Object(fields) => fields
            .iter()
            .map(|(name, value)| match value {
                Value::String(text) if name == "text" => text.chars().count(),
                other => characters(other),
            })
            .sum(),
        Value::Array(items) => items.iter().map(characters).sum(),
        _ => 0,
    }
}

fn shown(message: &Message) -> Value {
    let mut shown = json!({"type": "message", "user": "U0SITREP", "bot_id": "B0SITREP", "ts": message.ts,
        "text": message.text, "blocks": message.blocks});
    if let Some(parent) = &message.thread_ts {
        shown["thread_ts"] = json!(parent);
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    fn send(world: &World, method: &str, body: &Value) -> Answer {
        let request = Request::new(Method::POST, &format!("/api/{method}"))
            .with_header("authorization", "Bearer xoxb-simulated")
            .with_json(body);
        let alert = "2026-01-01T00:00:00Z".parse().unwrap();
        world.answer(&request, Moment { alert, as_of: alert })
    }

    fn section(length: usize) -> Value {
        json!({"type": "section", "text": {"type": "mrkdwn", "text": "x".repeat(length)}})
    }

    #[test]
    fn a_message_is_posted_updated_and_kept() {
        let world = World::default();
        let posted =
            send(&world, "chat.postMessage", &json!({"channel": "#incidents", "text": "draft"})).value();
        assert_eq!(posted["ok"], true);
        let reply = json!({"channel": posted["channel"], "thread_ts": posted["ts"], "text": "detail"});
        assert_eq!(send(&world, "chat.postMessage", &reply).value()["message"]["thread_ts"], posted["ts"]);
        let update = json!({"channel": posted["channel"], "ts": posted["ts"], "text": "final"});
        assert_eq!(send(&world, "chat.update", &update).value()["ok"], true);
        let messages = world.messages();
        assert_eq!((messages[0].text.as_str(), messages[0].updates), ("final", 1));
        assert_eq!(messages.len(), 2);
    }

    #[test]
    fn errors_come_with_status_200() {
        let world = World::default();
        let error = |method: &str, body: Value| {
            let answer = send(&world, method, &body);
            assert_eq!(answer.status, 200);
            answer.value()["error"].as_str().unwrap_or("none").to_owned()
        };
        let post = |blocks: Value| {
            error("chat.postMessage", json!({"channel": "incidents", "text": "t", "blocks": blocks}))
        };
        assert_eq!(
            error("chat.postMessage", json!({"channel": "#nowhere", "text": "t"})),
            "channel_not_found"
        );
        assert_eq!(
            error("chat.update", json!({"channel": "C0SIMULATED", "ts": "1", "text": "t"})),
            "message_not_found"
        );
        assert_eq!(error("chat.postMessage", json!({"channel": "incidents"})), "no_text");
        assert_eq!(post(json!(vec![section(1); 51])), "invalid_blocks");
        assert_eq!(post(json!([section(3001)])), "invalid_blocks");
        assert_eq!(post(json!([section(0)])), "invalid_blocks");
        let header = json!({"type": "header", "text": {"type": "plain_text", "text": "x".repeat(151)}});
        assert_eq!(post(json!([header])), "invalid_blocks");
        assert_eq!(post(json!(vec![section(2900); 5])), "msg_blocks_too_long");
        assert_eq!(post(json!(vec![section(2600); 5])), "none");
        assert!(world.messages().len() == 1);
    }

    #[test]
    fn the_token_is_checked() {
        let alert = "2026-01-01T00:00:00Z".parse().unwrap();
        let request = Request::new(Method::POST, "/api/auth.test").with_header("authorization", "Bearer no");
        let answer = World::default().answer(&request, Moment { alert, as_of: alert });
        assert_eq!((answer.status, answer.value()["error"].clone()), (200, json!("invalid_auth")));
    }

    #[test]
    fn a_second_message_in_the_same_second_is_told_to_wait() {
        let world = World { rate_limit: true, ..World::default() };
        let post = || send(&world, "chat.postMessage", &json!({"channel": "incidents", "text": "t"}));
        assert_eq!(post().status, 200);
        let refused = post();
        assert_eq!(refused.status, 429);
        assert!(refused.headers.contains(&("retry-after".to_owned(), "1".to_owned())));
        assert_eq!(post().status, 200);
    }
}
