//! Cloudflare: the GraphQL Analytics API over rows of traffic, and the rulesets of a zone.
//!
//! World: a zone, its traffic and firewall events as groups over time, what its plan lacks, its rulesets. A query is really
//! parsed; one field that the plan lacks fails the whole document, as it does there.

mod dataset;
mod document;
mod line;
mod query;
mod run;

use http::Method;
use jiff::{SignedDuration, Timestamp};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::Moment;
use crate::wire::{Answer, Request};

/// The token that is let in.
const TOKEN: &str = "simulated-cloudflare-token";

/// `cloudflare.yaml`.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct World {
    /// The zone. Without one the token sees no zone at all.
    #[serde(default)]
    zone: Option<Zone>,
    /// HTTP requests, by what they are.
    #[serde(default)]
    traffic: Vec<dataset::Group>,
    /// Firewall events, by what they are.
    #[serde(default)]
    firewall: Vec<dataset::Group>,
    /// Attacks on the account's network, by dimension: `{attackId, attackVector, mitigationType, startDatetime, endDatetime}`.
    #[serde(default)]
    attacks: Vec<Map<String, Value>>,
    /// Fields that the zone's plan lacks. Default: those of Bot Management.
    #[serde(default)]
    unavailable: Option<Vec<String>>,
    /// Limits of every dataset.
    #[serde(default)]
    limits: Limits,
    /// Rulesets of the zone.
    #[serde(default)]
    rulesets: Vec<Ruleset>,
    /// What the token may not read: `analytics`, `rulesets`, `zones`.
    #[serde(default)]
    deny: Vec<String>,
}

/// A zone.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Zone {
    /// Its tag: 32 hexadecimal digits.
    id: String,
    /// Its domain.
    name: String,
    /// The tag of its account.
    #[serde(default)]
    account: Option<String>,
    /// `Free`, `Pro`, `Business` or `Enterprise`; shown, while `unavailable` decides.
    #[serde(default = "enterprise")]
    plan: String,
}

/// A dataset's limits.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
struct Limits {
    /// Largest `limit`.
    max_page_size: u64,
    /// How far back a query may reach.
    not_older_than: SignedDuration,
    /// How wide a query may be.
    max_duration: SignedDuration,
    /// How many fields a query may name.
    max_number_of_fields: u64,
}

impl Default for Limits {
    /// The examples of the documentation.
    fn default() -> Self {
        Self {
            max_page_size: 10_000,
            not_older_than: SignedDuration::from_hours(31 * 24),
            max_duration: SignedDuration::from_hours(3 * 24),
            max_number_of_fields: 30,
        }
    }
}

/// A ruleset.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Ruleset {
    /// Id.
    id: String,
    /// Name.
    name: String,
    /// `zone`, `managed` or `root`.
    #[serde(default = "zone_kind")]
    kind: String,
    /// Phase, such as `http_request_firewall_custom`.
    phase: String,
    /// Version.
    #[serde(default = "first")]
    version: String,
    /// When it was last changed.
    last_updated: Timestamp,
    /// Rules, as the API has them: `[{id, ref, description, expression, action, enabled, last_updated}]`.
    #[serde(default)]
    rules: Vec<Map<String, Value>>,
}

fn enterprise() -> String {
    "Enterprise".to_owned()
}

fn zone_kind() -> String {
    "zone".to_owned()
}

fn first() -> String {
    "1".to_owned()
}

impl World {
    /// The settings that point a client at `url`.
    pub fn environment(&self, url: &str) -> Vec<(&'static str, String)> {
        let mut settings =
            vec![("CLOUDFLARE_URL", url.to_owned()), ("CLOUDFLARE_API_TOKEN", TOKEN.to_owned())];
        if let Some(zone) = &self.zone {
            settings.push(("CLOUDFLARE_ZONE_ID", zone.id.clone()));
            settings.extend(zone.account.clone().map(|account| ("CLOUDFLARE_ACCOUNT_ID", account)));
        }
        settings
    }

    /// Answers as Cloudflare would. The base URL may be the host or, as in its documentation, end in `/client/v4`.
    pub fn answer(&self, request: &Request, moment: Moment) -> Answer {
        if request.bearer() != Some(TOKEN) {
            return match request.bearer() {
                Some(_) => refuse(401, 10000, "Authentication error"),
                None => refuse(400, 6003, "Invalid request headers"),
            };
        }
        let segments = request.segments();
        let mut path: Vec<&str> = segments.iter().map(String::as_str).collect();
        if path.starts_with(&["client", "v4"]) {
            path.drain(..2);
        }
        match (&request.method, path.as_slice()) {
            (&Method::POST, ["graphql"]) => self.graphql(request, moment),
            (&Method::GET, ["user", "tokens", "verify"]) => {
                envelope(&json!({"id": "simulated", "status": "active"}))
            }
            (&Method::GET, ["zones"]) if !self.denies("zones") => self.zones(request),
            (&Method::GET, ["zones", id, rest @ ..]) => self.within(id, rest),
            (&Method::GET, _) => refuse(404, 7003, "Could not route to the requested path"),
            _ => refuse(405, 10405, "Method not allowed for this authentication scheme"),
        }
    }

    fn denies(&self, what: &str) -> bool {
        self.deny.iter().any(|denied| denied == what)
    }

    /// A document fails as a whole: `data` is null then.
    fn graphql(&self, request: &Request, moment: Moment) -> Answer {
        let body = request.json().unwrap_or_default();
        let Some(query) = body["query"].as_str() else {
            return run::Failure::parser("no query in the request's body").answer(moment);
        };
        let answered =
            document::parse(query, &body["variables"]).map_err(run::Failure::parser).and_then(|selection| {
                if self.denies("analytics") {
                    Err(run::Failure::unauthorized())
                } else {
                    run::run(self, &selection, moment)
                }
            });
        match answered {
            Ok(data) => Answer::json(200, &json!({"data": data, "errors": null})),
            Err(failure) => failure.answer(moment),
        }
    }

    fn zones(&self, request: &Request) -> Answer {
        let name = request.query_value("name");
        let found: Vec<Value> = self
            .zone
            .iter()
            .filter(|zone| name.is_none_or(|name| zone.name == name))
            .map(Zone::json)
            .collect();
        envelope(&json!(found))
    }

    fn within(&self, id: &str, rest: &[&str]) -> Answer {
        let Some(zone) = self.zone.as_ref().filter(|zone| zone.id == id) else {
            return refuse(403, 9109, "Unauthorized to access requested resource");
        };
        let kind = if rest.is_empty() { "zones" } else { "rulesets" };
        if self.denies(kind) {
            return refuse(403, 10000, "Authentication error");
        }
        let found = |ruleset: Option<&Ruleset>| match ruleset {
            Some(ruleset) => envelope(&ruleset.json(true)),
            None => refuse(404, 10003, "could not find entrypoint ruleset"),
        };
        match rest {
            [] => envelope(&zone.json()),
            ["rulesets"] => envelope(&self.rulesets.iter().map(|ruleset| ruleset.json(false)).collect()),
            ["rulesets", id] => found(self.rulesets.iter().find(|ruleset| ruleset.id == *id)),
            ["rulesets", "phases", phase, "entrypoint"] => {
                found(self.rulesets.iter().find(|ruleset| ruleset.phase == *phase && ruleset.kind == "zone"))
            }
            _ => refuse(404, 7003, "Could not route to the requested path"),
        }
    }
}

impl Zone {
    fn json(&self) -> Value {
        json!({"id": self.id, "name": self.name, "status": "active", "paused": false, "type": "full",
            "account": {"id": self.account}, "plan": {"name": format!("{} Website", self.plan)}})
    }
}

impl Ruleset {
    /// The list leaves the rules out.
    fn json(&self, with_rules: bool) -> Value {
        let mut body = json!({"id": self.id, "name": self.name, "kind": self.kind, "phase": self.phase,
            "version": self.version, "last_updated": self.last_updated});
        if with_rules {
            body["rules"] = json!(self.rules);
        }
        body
    }
}

/// The name of the call a request makes: `graphql`, or the method and path.
pub fn call(request: &Request) -> String {
    match request.path.trim_start_matches("/client/v4") {
        "/graphql" => "graphql".to_owned(),
        path if path.contains("/rulesets") => "rulesets".to_owned(),
        path if path.starts_with("/zones") => "zones".to_owned(),
        path => format!("{} {path}", request.method),
    }
}

fn envelope(result: &Value) -> Answer {
    let mut body = json!({"success": true, "errors": [], "messages": [], "result": result});
    if let Some(items) = result.as_array() {
        let count = items.len();
        body["result_info"] =
            json!({"page": 1, "per_page": 50, "count": count, "total_count": count, "total_pages": 1});
    }
    Answer::json(200, &body)
}

fn refuse(status: u16, code: u32, message: &str) -> Answer {
    Answer::json(
        status,
        &json!({"success": false, "errors": [{"code": code, "message": message}], "messages": [], "result": null}),
    )
}

#[cfg(test)]
mod tests;
