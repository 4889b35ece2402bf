//! For `sitrep doctor`: the token, its scope, the channel. Nothing is posted.

use host::http::send_with_headers;
use host::{Check, Fault, Outcome, Secret, Settings};
use serde::Deserialize;

const OF: &str = "Slack";
const TOKEN: &str = "token";
/// Optional.
const HISTORY: &str = "channels:history";
/// What posting, and the picture in the thread, need.
const SCOPES: [&str; 3] = ["chat:write", "files:write", HISTORY];

/// `auth.test` and `conversations.info`, of which each has a part.
#[derive(Deserialize)]
struct Answer {
    ok: bool,
    #[serde(default)]
    error: String,
    #[serde(default)]
    team: String,
    #[serde(default)]
    user: String,
    #[serde(default)]
    channel: Channel,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Channel {
    name: String,
    is_member: bool,
    is_archived: bool,
}

/// Who asks.
struct Client {
    http: reqwest::Client,
    base_url: String,
    token: Secret,
}

/// Checks `SLACK_BOT_TOKEN` and whether it may post to `SLACK_CHANNEL`.
pub async fn doctor(settings: &Settings) -> Result<Vec<Check>, Fault> {
    let unset = Check::unset(OF, TOKEN, settings, &["SLACK_BOT_TOKEN", "SLACK_CHANNEL"]);
    let (Some(token), Some(channel), None) =
        (settings.secret("SLACK_BOT_TOKEN"), settings.get("SLACK_CHANNEL"), &unset)
    else {
        let hook = settings.get("SLACK_WEBHOOK_URL").map(|_| {
            let why = "SLACK_WEBHOOK_URL is set; only posting would tell whether it works";
            Check::new(OF, "webhook", Outcome::absent(why))
        });
        return Ok(unset.into_iter().chain(hook).collect());
    };
    let base_url = settings.url("SLACK_URL", "https://slack.com/api");
    let slack = Client { http: host::http::client()?, base_url, token };
    let mut scopes = None;
    let token = Check::attempt(OF, TOKEN, async {
        let (named, answer) = slack.read("auth.test", &[]).await?;
        scopes = named;
        let fix = "put the bot token (xoxb-…) of OAuth & Permissions in SLACK_BOT_TOKEN; install the app again where it was revoked";
        match answer.ok {
            true => Ok(format!("{} of {}", answer.user, answer.team)),
            false => Err(Outcome::failed(format!("refused: {}", answer.error), fix)),
        }
    })
    .await;
    if !token.is_ok() {
        return Ok(vec![token]);
    }
    let seen = Check::attempt(OF, format!("channel {channel}"), slack.channel(channel)).await;
    let scoped = SCOPES.map(|name| Check::new(OF, format!("scope {name}"), scope(name, scopes.as_deref())));
    Ok([vec![token], scoped.into(), vec![seen]].concat())
}

/// Whether the scopes that Slack names, with commas between them, hold this one.
fn scope(name: &str, scopes: Option<&str>) -> Outcome {
    let fix = format!(
        "add {name} under OAuth & Permissions → Scopes → Bot Token Scopes, then install the app again"
    );
    match scopes {
        None => Outcome::absent("Slack did not say which scopes the token has"),
        Some(scopes) if scopes.split(',').any(|scope| scope.trim() == name) => {
            Outcome::Ok { seen: "the token has it".to_owned() }
        }
        Some(_) if name == HISTORY => {
            Outcome::absent("without it an announcement whose answer was lost is not found again")
        }
        Some(scopes) => Outcome::failed(format!("the token has only {scopes}"), fix),
    }
}

impl Client {
    async fn channel(&self, channel: &str) -> Result<String, Outcome> {
        let answer = self.read("conversations.info", &[("channel", channel)]).await?.1;
        let invite = "invite the bot where it shall post: /invite @sitrep in the channel";
        match (answer.ok, answer.error.as_str(), answer.channel) {
            (true, _, Channel { is_archived: true, .. }) => {
                Err(Outcome::failed("the channel is archived", "name another in SLACK_CHANNEL"))
            }
            (true, _, Channel { is_member: false, .. }) => {
                Err(Outcome::failed("the bot is not in the channel", invite))
            }
            (true, _, Channel { name, .. }) => Ok(format!("the bot is in #{name}")),
            // Posting needs no scope to read channels, so a token without one is as it should be.
            (_, "missing_scope", _) => Err(Outcome::absent(
                "only a token with channels:read (groups:read for a private one) may look; /invite @sitrep in it",
            )),
            (_, "channel_not_found", _) if !is_id(channel) => Err(Outcome::absent(
                "only a channel named by its id (C…) can be looked at; /invite @sitrep in it",
            )),
            (_, "channel_not_found", _) => Err(Outcome::failed(
                "there is no such channel, or it is private and the bot is not in it",
                format!("put the id at the end of the channel's details in SLACK_CHANNEL, and {invite}"),
            )),
            (_, error, _) => Err(Outcome::unavailable(format!("refused: {error}"))),
        }
    }

    /// Asks a method that reads, which takes its arguments in the query. Beside the answer the token's scopes.
    async fn read(&self, method: &str, query: &[(&str, &str)]) -> Result<(Option<String>, Answer), Outcome> {
        let request = self.http.get(format!("{}/{method}", self.base_url)).query(query);
        let (headers, answer) = send_with_headers(request.bearer_auth(self.token.expose())).await;
        let scopes = headers.and_then(|h| h.get("x-oauth-scopes")?.to_str().ok().map(str::to_owned));
        let answer = answer.map_err(|error| Outcome::refused(&error, "see that SLACK_URL is Slack's API"))?;
        Ok((scopes, answer))
    }
}

/// True for an id of a channel.
fn is_id(channel: &str) -> bool {
    let upper = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit();
    channel.starts_with(['C', 'G', 'D']) && channel.len() >= 9 && channel.chars().all(upper)
}
