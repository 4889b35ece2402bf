//! Runs a parsed document down to its datasets, and says why one fails.

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::World;
use super::dataset::DATASETS;
use super::document::Field;
use super::query::Query;
use crate::Moment;
use crate::wire::Answer;

/// The fields of Bot Management, an add-on that most zones lack.
const BOT_FIELDS: &[&str] = &["botScore", "botScoreSrcName", "botManagementDecision"];

/// Why a document fails, as a whole.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Failure {
    status: u16,
    code: &'static str,
    message: String,
    path: Vec<String>,
}

impl Failure {
    /// It cannot be read, or names what is not there.
    pub fn parser(message: impl Into<String>) -> Self {
        Self { status: 400, code: "parser", message: message.into(), path: Vec::new() }
    }

    /// The token lacks Analytics Read.
    pub fn unauthorized() -> Self {
        Self {
            status: 403,
            code: "authz",
            message: "not authorized for that account".to_owned(),
            path: Vec::new(),
        }
    }

    /// What is asked for is there, but not for this zone, or not over this range: 200, as the vendor does.
    pub fn refused(code: &'static str, message: String, path: &[&str]) -> Self {
        Self { status: 200, code, message, path: path.iter().map(|part| (*part).to_owned()).collect() }
    }

    /// The answer.
    pub fn answer(&self, moment: Moment) -> Answer {
        let path = if self.path.is_empty() { Value::Null } else { json!(self.path) };
        let error = json!({"message": self.message, "path": path,
            "extensions": {"code": self.code, "timestamp": moment.as_of}});
        Answer::json(self.status, &json!({"data": null, "errors": [error]}))
    }
}

/// What a field answers.
pub(super) type Outcome = Result<Value, Failure>;

/// The document's data.
pub(super) fn run(world: &World, selection: &[Field], moment: Moment) -> Outcome {
    each(selection, |field| match field.name.as_str() {
        "viewer" => each(&field.selection, |scope| match scope.name.as_str() {
            "zones" | "accounts" => scopes(world, scope, moment),
            "budget" => Ok(json!(300)),
            other => Err(unknown(other)),
        }),
        "cost" => Ok(json!(1)),
        other => Err(unknown(other)),
    })
}

/// An object of one entry per selected field.
fn each(selection: &[Field], answer: impl Fn(&Field) -> Outcome) -> Outcome {
    if selection.is_empty() {
        return Err(Failure::parser("a selection of fields is expected"));
    }
    let answer = |field: &Field| match field.name.as_str() {
        "__typename" => Ok(json!("object")),
        _ => answer(field),
    };
    let fields: Result<Map<String, Value>, Failure> =
        selection.iter().map(|field| Ok((field.key.clone(), answer(field)?))).collect();
    fields.map(Value::Object)
}

/// A name that is nowhere in the schema.
pub(super) fn unknown(name: &str) -> Failure {
    Failure::parser(format!("unknown field {name:?}"))
}

/// The zones or accounts that the filter names; one that is not ours is refused.
fn scopes(world: &World, scope: &Field, moment: Moment) -> Outcome {
    let (tag, word) = if scope.name == "zones" { ("zoneTag", "zone") } else { ("accountTag", "account") };
    let filter = scope.arguments.get("filter").cloned().unwrap_or_default();
    let wanted: Vec<Value> = match (&filter[tag], &filter[format!("{tag}_in")]) {
        (Value::Null, Value::Array(tags)) => tags.clone(),
        (Value::Null, _) => return Err(Failure::parser(format!("filter: {tag} is required"))),
        (one, _) => vec![one.clone()],
    };
    let own = world
        .zone
        .as_ref()
        .and_then(|zone| if word == "zone" { Some(&zone.id) } else { zone.account.as_ref() });
    let answers: Result<Vec<Value>, Failure> = wanted
        .iter()
        .map(|wanted| match own {
            Some(own) if wanted == own => {
                each(&scope.selection, |field| node(world, own, word, field, moment))
            }
            _ => {
                let message = format!("not authorized for that {word}");
                Err(Failure::refused("authz", message, &["viewer", &scope.name]))
            }
        })
        .collect();
    answers.map(Value::Array)
}

fn node(world: &World, tag: &str, scope: &str, field: &Field, moment: Moment) -> Outcome {
    match field.name.as_str() {
        "zoneTag" | "accountTag" => Ok(json!(tag)),
        "settings" => each(&field.selection, |dataset| settings(world, dataset)),
        // Layer 3 and 4 attacks: only Magic Transit and Spectrum have them.
        "dosdAttackAnalyticsGroups" if scope == "account" => attacks(world, field, moment),
        name if scope == "account" && name.starts_with("dosd") => Ok(json!([])),
        name => {
            let dataset =
                DATASETS.iter().find(|dataset| dataset.name == name).ok_or_else(|| unknown(name))?;
            Query { world, dataset, tag, scope, field }.run(moment)
        }
    }
}

/// The dimensions of an attack on the network.
const ATTACK: &[&str] = &[
    "attackId",
    "attackType",
    "attackVector",
    "mitigationType",
    "startDatetime",
    "endDatetime",
    "sourceCountry",
    "destinationPort",
];

/// Attacks that had begun and not ended in the span asked about.
fn attacks(world: &World, field: &Field, moment: Moment) -> Outcome {
    let asked: Vec<&Field> = field.selected("dimensions").collect();
    if let Some(wrong) = asked.iter().find(|field| !ATTACK.contains(&field.name.as_str())) {
        return Err(unknown(&wrong.name));
    }
    let filter = field.arguments.get("filter").cloned().unwrap_or_default();
    let bound = |name: &str| filter[name].as_str().and_then(|text| text.parse::<Timestamp>().ok());
    let (from, to) = match (bound("datetime_geq"), bound("datetime_lt")) {
        (Some(from), Some(to)) => (from, to.min(moment.as_of)),
        _ => return Err(Failure::parser("filter: datetime_geq and datetime_lt are required")),
    };
    let time =
        |attack: &Map<String, Value>, name: &str| attack.get(name)?.as_str()?.parse::<Timestamp>().ok();
    let within = |attack: &&Map<String, Value>| {
        time(attack, "startDatetime").is_some_and(|start| start < to)
            && time(attack, "endDatetime").is_none_or(|end| end >= from)
    };
    let shown = |attack: &Map<String, Value>| {
        let own = |field: &&Field| (field.key.clone(), attack.get(&field.name).cloned().unwrap_or_default());
        json!({"dimensions": asked.iter().map(own).collect::<Map<_, _>>()})
    };
    Ok(world.attacks.iter().filter(within).map(shown).collect())
}

/// The fields that the plan lacks.
pub(super) fn unavailable(world: &World) -> Vec<String> {
    world.unavailable.clone().unwrap_or_else(|| BOT_FIELDS.iter().map(|name| (*name).to_owned()).collect())
}

fn settings(world: &World, field: &Field) -> Outcome {
    let Some(dataset) = DATASETS.iter().find(|dataset| dataset.name == field.name) else {
        return Err(unknown(&field.name));
    };
    let lacking = unavailable(world);
    let limits = &world.limits;
    each(&field.selection, |field| match field.name.as_str() {
        "enabled" => Ok(json!(true)),
        "availableFields" => Ok(dataset
            .paths()
            .into_iter()
            .filter(|path| !lacking.iter().any(|name| path.rsplit('_').next() == Some(name)))
            .collect()),
        "maxPageSize" => Ok(json!(limits.max_page_size)),
        "maxNumberOfFields" => Ok(json!(limits.max_number_of_fields)),
        "notOlderThan" => Ok(json!(limits.not_older_than.as_secs())),
        "maxDuration" => Ok(json!(limits.max_duration.as_secs())),
        other => Err(unknown(other)),
    })
}
