//! For `sitrep doctor`: the token, its scope, the channel, the buttons. Nothing is posted.

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

/// Checks `SLACK_BOT_TOKEN` and whether it may post to `SLACK_CHANNEL`, `SLACK_PATIENCE_S`, and what buttons need.
pub async fn doctor(settings: &Settings) -> Result<Vec<Check>, Fault> {
    let mut checks = channel(settings).await?;
    checks.push(Check::new(OF, "SLACK_PATIENCE_S", patience(settings)));
    checks.push(Check::new(OF, "SLACK_BUTTONS", buttons(settings)));
    Ok(checks)
}

fn patience(settings: &Settings) -> Outcome {
    match settings.get("SLACK_PATIENCE_S").map(str::parse::<u64>) {
        None => Outcome::absent("SLACK_PATIENCE_S not set: its default holds"),
        Some(Ok(seconds)) => Outcome::Ok { seen: format!("{seconds} s") },
        Some(Err(error)) => Outcome::failed(
            format!("it is no number of seconds: {error}"),
            "write digits alone in SLACK_PATIENCE_S, such as 900, or leave it out",
        ),
    }
}

/// Whether the brief has buttons, and whether a click comes to anything.
fn buttons(settings: &Settings) -> Outcome {
    match settings.get("SLACK_BUTTONS") {
        None | Some("false") => {
            return Outcome::absent("SLACK_BUTTONS is not true: the brief has no buttons");
        }
        Some("true") => {}
        Some(other) => {
            let found = format!("{other} counts as no: the brief has no buttons");
            return Outcome::failed(found, "set SLACK_BUTTONS=true, or leave it out");
        }
    }
    if settings.get("SLACK_SIGNING_SECRET").is_none() {
        return Outcome::failed(
            "SLACK_SIGNING_SECRET is not set: every click is refused",
            "put the Signing Secret of the app's Basic Information in SLACK_SIGNING_SECRET",
        );
    }
    // On a laptop a folder takes the bucket's place, as another takes the table's.
    if settings.get("LEDGER_TABLE").is_some() && settings.get("CASES_BUCKET").is_none() {
        return Outcome::failed(
            "CASES_BUCKET is not set: there is no place for cases",
            "set CASES_BUCKET to the bucket that Terraform made (terraform -chdir=infra output -raw environment)",
        );
    }
    Outcome::Ok { seen: "on; only a click would tell whether it arrives".to_owned() }
}

async fn channel(settings: &Settings) -> Result<Vec<Check>, Fault> {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buttons_are_on_off_or_wrong_and_need_what_answers_a_click() {
        let with = |pairs: &[(&str, &str)]| {
            let pairs = pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
            buttons(&Settings::from_values(pairs))
        };
        let (on, signed) = (("SLACK_BUTTONS", "true"), ("SLACK_SIGNING_SECRET", "s"));
        let (table, bucket) = (("LEDGER_TABLE", "t"), ("CASES_BUCKET", "b"));
        assert!(matches!(with(&[]), Outcome::NotConfigured { .. }));
        for good in [&[on, signed][..], &[on, signed, table, bucket][..]] {
            assert!(matches!(with(good), Outcome::Ok { .. }), "{good:?}");
        }
        for (wrong, lacks) in [
            (&[("SLACK_BUTTONS", "yes"), signed][..], "yes counts as no"),
            (&[on][..], "SLACK_SIGNING_SECRET"),
            (&[on, signed, table][..], "CASES_BUCKET"),
        ] {
            let outcome = with(wrong);
            assert!(
                matches!(&outcome, Outcome::Failed { found, .. } if found.contains(lacks)),
                "{outcome:?}"
            );
        }
    }
}
