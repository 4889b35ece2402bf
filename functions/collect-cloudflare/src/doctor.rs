//! For `sitrep doctor`: the token, the zone with what its plan lets be read, the account, the firewall's rules.

use host::{Check, Fault, Outcome, Settings};
use incident::Window;
use jiff::SignedDuration;
use serde::Deserialize;

use crate::client::Client;
use crate::{access, attacks, latency, rules};

const OF: &str = "Cloudflare";
/// Where a token is mended.
const TOKENS: &str = "in My profile → API tokens edit the token:";

/// A token as Cloudflare knows it.
#[derive(Deserialize)]
struct Token {
    status: String,
}

/// Checks `CLOUDFLARE_API_TOKEN`, and what it may read of `CLOUDFLARE_ZONE_ID` and `CLOUDFLARE_ACCOUNT_ID`.
pub async fn doctor(settings: &Settings) -> Result<Vec<Check>, Fault> {
    let needed = ["CLOUDFLARE_API_TOKEN", "CLOUDFLARE_ZONE_ID"];
    if let Some(unset) = Check::unset(OF, "token", settings, &needed) {
        return Ok(vec![unset]);
    }
    let Ok(client) = &Client::from_settings(settings)? else { return Ok(Vec::new()) };
    let token = Check::attempt(OF, "token", verified(client)).await;
    if !token.is_ok() {
        return Ok(vec![token]);
    }
    let (zone, account, rules) = tokio::join!(
        Check::attempt(OF, "Zone: Analytics: Read", zone(client)),
        Check::attempt(OF, "Account: Account Analytics: Read", account(client)),
        Check::attempt(OF, "Zone: Zone WAF: Read", firewall(client)),
    );
    Ok(vec![token, zone, account, rules])
}

/// A token of a user is verified by the user, one of an account by the account.
async fn verified(client: &Client) -> Result<String, Outcome> {
    let fix =
        "make a new token (My profile → API tokens → Create custom token) and put it in CLOUDFLARE_API_TOKEN";
    let token = match (client.get::<Token>("/user/tokens/verify").await, client.account_id()) {
        (Err(_), Some(account)) => client.get(&format!("/accounts/{account}/tokens/verify")).await,
        (answer, _) => answer,
    };
    match token {
        Ok(Token { status }) if status == "active" => Ok(status),
        Ok(Token { status }) => Err(Outcome::failed(format!("the token is {status}"), fix)),
        Err(error) => Err(Outcome::refused(&error, fix)),
    }
}

async fn zone(client: &Client) -> Result<String, Outcome> {
    let fix = format!(
        "{TOKENS} Zone → Analytics → Read, with this zone under Zone resources; see that CLOUDFLARE_ZONE_ID is its id"
    );
    let access = access::probe(client).await.map_err(|error| error.outcome(fix))?;
    let fields = latency::FIELDS.into_iter().chain(["botScore", "coloCode"]);
    let gated: Vec<&str> = fields.filter(|field| !access.has(&[*field])).collect();
    Ok(match gated.as_slice() {
        [] => "everything that is asked for is in the plan".to_owned(),
        gated => format!("read without {}, which the plan lacks", gated.join(", ")),
    })
}

async fn account(client: &Client) -> Result<String, Outcome> {
    if client.account_id().is_none() {
        return Err(Outcome::absent("CLOUDFLARE_ACCOUNT_ID not set: attacks on the network are not read"));
    }
    let to = host::clock::now();
    let window = Window { from: to.checked_sub(SignedDuration::from_mins(5)).unwrap_or(to), to };
    let fix = format!(
        "{TOKENS} Account → Account Analytics → Read, with this account under Account resources; or unset CLOUDFLARE_ACCOUNT_ID"
    );
    attacks::read(client, window).await.map(|_| "may be read".to_owned()).map_err(|error| error.outcome(fix))
}

async fn firewall(client: &Client) -> Result<String, Outcome> {
    let fix = format!("{TOKENS} Zone → Zone WAF → Read, with this zone under Zone resources");
    let read = rules::entrypoint(client, rules::PHASES[0]).await;
    read.map(|_| "may be read".to_owned()).map_err(|error| error.outcome(fix))
}
