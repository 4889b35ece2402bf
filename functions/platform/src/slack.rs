//! Slack: messages, threads, files, forms. Errors come as `ok: false` with status 200, as Slack sends them.

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
    /// What the token may do. Default: `chat:write`, `files:write`, `channels:history`.
    pub scopes: Vec<String>,
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
            scopes: ["chat:write", "files:write", "channels:history"].map(str::to_owned).into(),
            channels: channels.into(),
            rate_limit: false,
            posted: Mutex::default(),
        }
    }
}

#[derive(Debug, Default)]
struct Posted {
    messages: Vec<Message>,
    files: Vec<File>,
    views: Vec<Value>,
    /// Messages ever posted.
    count: usize,
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
    /// What programs know of it.
    pub metadata: Value,
}

/// A file that was uploaded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct File {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Its bytes; empty until they are sent.
    #[serde(skip)]
    pub bytes: Vec<u8>,
    /// How many were announced.
    pub length: usize,
    /// Where it is shared: channel and thread; nowhere until the upload is completed.
    pub shared: Option<(String, Option<String>)>,
}

/// Why Slack says no: the error, and details where it gives any.
type Refusal = (&'static str, Vec<String>);

/// The method's name, such as `chat.postMessage`.
pub fn call(request: &Request) -> String {
    let method = request.path.trim_start_matches("/api/");
    if method.starts_with(UPLOAD) { "upload".to_owned() } else { method.to_owned() }
}

/// How the path of an upload begins; the file's id follows.
const UPLOAD: &str = "upload/v1/";

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

    /// Files, oldest first.
    pub fn files(&self) -> Vec<File> {
        self.lock().files.clone()
    }

    /// Forms that were opened, oldest first.
    pub fn views(&self) -> Vec<Value> {
        self.lock().views.clone()
    }

    /// Somebody deletes a message.
    pub fn delete(&self, ts: &str) {
        self.lock().messages.retain(|message| message.ts != ts);
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
        if let Some(id) = request.path.strip_prefix("/api/").and_then(|path| path.strip_prefix(UPLOAD)) {
            // The address is the permission.
            return self.receive(id, &request.body);
        }
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
        let scopes = self.scopes.join(",");
        if let Some(needed) =
            needed(&method).filter(|needed| !self.scopes.iter().any(|scope| scope == needed))
        {
            let body = json!({"ok": false, "error": "missing_scope", "needed": needed, "provided": scopes});
            return Answer::json(200, &body).with_header("x-oauth-scopes", scopes);
        }
        let answer = match (request.method == Method::POST, method.as_str()) {
            (_, "auth.test") => {
                Ok(json!({"ok": true, "url": "https://simulated.slack.com/", "team": "Simulated",
                "user": "sitrep", "team_id": "T0SIMULATED", "user_id": "U0SITREP", "bot_id": "B0SITREP"}))
            }
            (true, "chat.postMessage") => self.post(&arguments, moment),
            (true, "chat.update") => self.update(&arguments),
            (_, "conversations.history") => self.history(&arguments),
            (_, "files.getUploadURLExternal") => {
                self.expect_file(&arguments, request.header("host").unwrap_or_default())
            }
            (true, "files.completeUploadExternal") => self.share(&arguments),
            (true, "views.open") => self.open(&arguments),
            // By its id alone: a name is not found.
            (_, "conversations.info") => {
                match self.channels.get_key_value(arguments["channel"].as_str().unwrap_or("")) {
                    Some((id, name)) => Ok(
                        json!({"ok": true, "channel": {"id": id, "name": name, "is_channel": true, "is_member": true}}),
                    ),
                    None => Err(("channel_not_found", Vec::new())),
                }
            }
            _ => Err(("unknown_method", Vec::new())),
        };
        answer.map_or_else(refuse, |body| Answer::json(200, &body)).with_header("x-oauth-scopes", scopes)
    }

    fn post(&self, arguments: &Value, moment: Moment) -> Result<Value, Refusal> {
        let (channel, _) = self.channel(arguments)?;
        let (text, blocks) = content(arguments)?;
        let mut posted = self.lock();
        let thread_ts = arguments["thread_ts"].as_str().map(str::to_owned);
        if thread_ts
            .as_ref()
            .is_some_and(|parent| posted.messages.iter().all(|message| message.ts != *parent))
        {
            return Err(("thread_not_found", Vec::new()));
        }
        let metadata = arguments["metadata"].clone();
        posted.count += 1;
        let ts = format!("{}.{:06}", moment.as_of.as_second(), posted.count);
        let message = Message {
            channel: channel.clone(),
            ts: ts.clone(),
            thread_ts,
            text,
            blocks,
            updates: 0,
            metadata,
        };
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

    /// The newest messages of a channel, newest first, threads left out.
    fn history(&self, arguments: &Value) -> Result<Value, Refusal> {
        let channel = arguments["channel"].as_str().unwrap_or_default();
        if !self.channels.contains_key(channel) {
            return Err(("channel_not_found", Vec::new()));
        }
        let number = |name: &str| match &arguments[name] {
            Value::String(text) => text.parse().ok(),
            other => other.as_f64(),
        };
        let (oldest, limit) =
            (number("oldest").unwrap_or_default(), number("limit").unwrap_or(100.0) as usize);
        let posted = self.lock();
        let newest = posted.messages.iter().rev().filter(|message| {
            message.channel == channel
                && message.thread_ts.is_none()
                && message.ts.parse::<f64>().is_ok_and(|ts| ts >= oldest)
        });
        let messages: Vec<Value> = newest.take(limit).map(shown).collect();
        Ok(json!({"ok": true, "messages": messages, "has_more": false}))
    }

    /// The first step of an upload. Takes a form or a query, and no JSON.
    fn expect_file(&self, arguments: &Value, host: &str) -> Result<Value, Refusal> {
        let name = arguments["filename"].as_str().unwrap_or_default();
        let length = arguments["length"].as_str().and_then(|length| length.parse().ok()).unwrap_or_default();
        if name.is_empty() || length == 0 {
            return Err(("invalid_arguments", vec!["[ERROR] missing required field".to_owned()]));
        }
        let mut posted = self.lock();
        let id = format!("F{:07}", posted.files.len() + 1);
        posted.files.push(File {
            id: id.clone(),
            name: name.to_owned(),
            bytes: Vec::new(),
            length,
            shared: None,
        });
        Ok(json!({"ok": true, "upload_url": format!("http://{host}/api/{UPLOAD}{id}"), "file_id": id}))
    }

    /// The second: the bytes, to the address that the first one gave.
    fn receive(&self, id: &str, bytes: &[u8]) -> Answer {
        let mut posted = self.lock();
        match posted.files.iter_mut().find(|file| file.id == id && file.length == bytes.len()) {
            Some(file) => {
                file.bytes = bytes.to_vec();
                Answer::text(200, "text/plain", format!("OK - {}", bytes.len()))
            }
            None => Answer::text(400, "text/plain", "the length is not the one that was announced"),
        }
    }

    /// The third: where it is shown.
    fn share(&self, arguments: &Value) -> Result<Value, Refusal> {
        let channel = arguments["channel_id"].as_str().unwrap_or_default();
        if !self.channels.contains_key(channel) {
            return Err(("channel_not_found", Vec::new()));
        }
        let thread = arguments["thread_ts"].as_str().map(str::to_owned);
        let mut posted = self.lock();
        let wanted: Vec<&str> = arguments["files"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|file| file["id"].as_str())
            .collect();
        let known = |id: &&str| posted.files.iter().any(|file| file.id == **id && !file.bytes.is_empty());
        if wanted.is_empty() || !wanted.iter().all(known) {
            return Err(("file_not_found", Vec::new()));
        }
        for file in posted.files.iter_mut().filter(|file| wanted.contains(&file.id.as_str())) {
            file.shared = Some((channel.to_owned(), thread.clone()));
        }
        Ok(json!({"ok": true, "files": wanted.iter().map(|id| json!({"id": id})).collect::<Vec<_>>()}))
    }

    /// A form: a title of at most 24 characters, blocks, and a button where it asks for something.
    fn open(&self, arguments: &Value) -> Result<Value, Refusal> {
        let view = &arguments["view"];
        if arguments["trigger_id"].as_str().is_none_or(str::is_empty) {
            return Err(("invalid_trigger_id", Vec::new()));
        }
        let title = view["title"]["text"].as_str().unwrap_or_default().chars().count();
        let blocks = view["blocks"].as_array().map(Vec::as_slice).unwrap_or_default();
        let asks = blocks.iter().any(|block| block["type"] == "input");
        let options = |block: &Value| block["element"]["options"].as_array().map_or(0, Vec::len);
        let fits = view["type"] == "modal"
            && (1..=24).contains(&title)
            && (1..=100).contains(&blocks.len())
            && (!asks || view["submit"]["text"].is_string())
            && blocks.iter().all(|block| options(block) <= 100)
            && view["private_metadata"].as_str().unwrap_or_default().len() <= 3000;
        if !fits {
            return Err(("invalid_arguments", vec!["[ERROR] the view is not valid".to_owned()]));
        }
        let mut posted = self.lock();
        posted.views.push(view.clone());
        Ok(json!({"ok": true, "view": {"id": format!("V{}", posted.views.len())}}))
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

/// The scope that a method needs.
fn needed(method: &str) -> Option<&'static str> {
    match method {
        "chat.postMessage" | "chat.update" => Some("chat:write"),
        "files.getUploadURLExternal" | "files.completeUploadExternal" => Some("files:write"),
        "conversations.history" => Some("channels:history"),
        "conversations.info" => Some("channels:read"),
        _ => None,
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
    if !message.metadata.is_null() {
        shown["metadata"] = message.metadata.clone();
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
