//! For `sitrep doctor`: the token, its scope, the channel. Nothing is posted.

use host::http::send_with_headers;
use host::{Check, Fault, Outcome, Settings};
use serde::Deserialize;

use super::Slack;

const OF: &str = "Slack";
/// What posting needs.
const SCOPE: &str = "chat:write";

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

/// Checks `SLACK_BOT_TOKEN` and whether it may post to `SLACK_CHANNEL`.
pub async fn doctor(settings: &Settings) -> Result<Vec<Check>, Fault> {
    if let Some(unset) = Check::unset(OF, "token", settings, &["SLACK_BOT_TOKEN", "SLACK_CHANNEL"]) {
        return Ok(vec![unset]);
    }
    let Some(slack) = Slack::from_settings(settings)? else { return Ok(Vec::new()) };
    let mut scopes = None;
    let token = Check::attempt(OF, "token", async {
        let (headers, answer) = slack.read("auth.test", &[]).await?;
        scopes = headers;
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
    let channel = Check::attempt(OF, format!("channel {}", slack.channel), slack.channel()).await;
    Ok(vec![token, Check::new(OF, format!("scope {SCOPE}"), scope(scopes.as_deref())), channel])
}

/// Whether the scopes that Slack names, with commas between them, hold the one that is needed.
fn scope(scopes: Option<&str>) -> Outcome {
    let fix = format!(
        "add {SCOPE} under OAuth & Permissions → Scopes → Bot Token Scopes, then install the app again"
    );
    match scopes {
        None => Outcome::absent("Slack did not say which scopes the token has"),
        Some(scopes) if scopes.split(',').any(|scope| scope.trim() == SCOPE) => {
            Outcome::Ok { seen: "the token has it".to_owned() }
        }
        Some(scopes) => Outcome::failed(format!("the token has only {scopes}"), fix),
    }
}

impl Slack {
    async fn channel(&self) -> Result<String, Outcome> {
        let answer = self.read("conversations.info", &[("channel", self.channel.as_str())]).await?.1;
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
            (_, "channel_not_found", _) if !is_id(&self.channel) => Err(Outcome::absent(
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
