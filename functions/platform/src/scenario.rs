//! A scenario: a folder of data that says what every vendor knows at the time of an alert. `docs/scenarios.md` explains it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::fault::Fault;
use crate::vendor::{World, typed};
use crate::{Moment, Vendor, folder, moment};

/// The file that describes the scenario itself.
pub(crate) const ABOUT: &str = "scenario.yaml";
/// The webhook's body.
const ALERT: &str = "alert.json";
/// The user's catalog.
const CATALOG: &str = "catalog.yaml";

/// `scenario.yaml`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct About {
    /// One line.
    pub title: String,
    /// What happened, for people.
    #[serde(default)]
    pub description: String,
    /// When the investigation looks, as an offset from the alert: `+6m`. Default `+0s`.
    #[serde(default)]
    pub as_of: Option<String>,
    /// A folder, relative to this one, whose files serve where this folder lacks them.
    #[serde(default)]
    pub extends: Option<PathBuf>,
    /// Vendors whose inherited files are left out: not configured here.
    #[serde(default)]
    pub without: Vec<Vendor>,
    /// A folder of documents to index, relative to the file that names it.
    #[serde(default)]
    pub knowledge: Option<PathBuf>,
    /// What goes wrong between the vendors and us.
    #[serde(default)]
    pub faults: Vec<Fault>,
    /// What an investigation should find; read by tests only.
    #[serde(default)]
    pub expected: Option<Expected>,
}

/// What an investigation should find.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Expected {
    /// `leading`, `healthy` or `inconclusive`.
    #[serde(default)]
    pub verdict: Option<String>,
    /// The leading cause, in the diagnosis' taxonomy.
    #[serde(default)]
    pub cause: Option<String>,
    /// The leading culprit, `Kind namespace/name` or `Kind name`.
    #[serde(default)]
    pub culprit: Option<String>,
    /// Further causes that must lead beside it: `cause of Kind namespace/name`.
    #[serde(default)]
    pub also: Vec<String>,
    /// Names of changes that must be examined and cleared.
    #[serde(default)]
    pub cleared: Vec<String>,
    /// Causes that must be ruled out.
    #[serde(default)]
    pub ruled_out: Vec<String>,
    /// Pieces of text the brief must contain.
    #[serde(default)]
    pub brief: Vec<String>,
    /// Pieces of text the brief must not contain.
    #[serde(default)]
    pub brief_not: Vec<String>,
    /// Sources that must be reported as gaps.
    #[serde(default)]
    pub gaps: Vec<String>,
}

/// Why a scenario cannot be read: one line that names the file, the place and what is allowed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{file}: {problem}")]
pub struct ScenarioError {
    file: String,
    problem: String,
}

/// A scenario, read and checked.
#[derive(Debug)]
pub struct Scenario {
    about: About,
    moment: Moment,
    worlds: BTreeMap<Vendor, World>,
    files: BTreeMap<String, Value>,
}

impl Scenario {
    /// Reads a folder, and those it extends.
    pub fn load(folder: &Path) -> Result<Self, ScenarioError> {
        Self::from_files(folder::read(folder)?)
    }

    /// Builds a scenario from the files' content by name, times still relative. Here `extends` has been followed already, and
    /// `knowledge` is a path as it stands.
    pub fn from_files(files: BTreeMap<String, Value>) -> Result<Self, ScenarioError> {
        let about: About = parse(ABOUT, required(&files, ABOUT)?)?;
        let alert = alert_time(&required(&files, ALERT)?)?;
        let moment = Moment { alert, as_of: as_of(&about, alert)? };
        about.check()?;
        let mut worlds = BTreeMap::new();
        for (name, content) in &files {
            if let Some(vendor) = vendor_of(name)? {
                worlds.insert(vendor, world(name, vendor, content, alert)?);
            }
        }
        if let Some(catalog) = files.get(CATALOG) {
            parse::<incident::Catalog>(CATALOG, object(catalog))?;
        }
        Ok(Self { about, moment, worlds, files })
    }

    /// The files' content by name, times still relative: what [`Scenario::from_files`] takes.
    pub fn files(&self) -> &BTreeMap<String, Value> {
        &self.files
    }

    /// What `scenario.yaml` says.
    pub fn about(&self) -> &About {
        &self.about
    }

    /// The alert's time and the investigation's.
    pub fn moment(&self) -> Moment {
        self.moment
    }

    /// The webhook's body.
    pub fn alert(&self) -> &Value {
        &self.files[ALERT]
    }

    /// The same scenario under another alert, whose time moves everything.
    pub fn with_alert(&self, alert: Value) -> Result<Self, ScenarioError> {
        let mut files = self.files.clone();
        files.insert(ALERT.to_owned(), alert);
        Self::from_files(files)
    }

    /// The same scenario looked at from another moment, which may not lie before the alert: nothing of it has happened then.
    pub fn at(&self, as_of: Timestamp) -> Result<Self, ScenarioError> {
        let seconds = as_of.duration_since(self.moment.alert).as_secs();
        if seconds < 0 {
            let problem = format!("nobody can look at {as_of}: the alert comes at {}", self.moment.alert);
            return Err(error(ABOUT, &problem));
        }
        let mut files = self.files.clone();
        if let Some(about) = files.get_mut(ABOUT).and_then(Value::as_object_mut) {
            about.insert("as_of".to_owned(), Value::String(format!("+{seconds}s")));
        }
        Self::from_files(files)
    }

    /// The catalog's content.
    pub fn catalog(&self) -> Option<&Value> {
        self.files.get(CATALOG)
    }

    /// The folder of documents to index.
    pub fn knowledge(&self) -> Option<&Path> {
        self.about.knowledge.as_deref()
    }

    /// The configured vendors' worlds.
    pub(crate) fn into_worlds(self) -> BTreeMap<Vendor, World> {
        self.worlds
    }
}

impl About {
    /// What the types cannot say.
    fn check(&self) -> Result<(), ScenarioError> {
        if let Some(folder) = self.knowledge.as_deref().filter(|folder| !folder.is_dir()) {
            return Err(error(ABOUT, format!("knowledge: {} is not a folder", folder.display())));
        }
        match self
            .faults
            .iter()
            .position(|fault| fault.kind == crate::fault::Kind::Delay && fault.delay.is_none())
        {
            Some(index) => {
                Err(error(ABOUT, format!("faults[{index}]: kind delay needs a delay, such as `delay: 30s`")))
            }
            None => Ok(()),
        }
    }
}

/// The JSON Schema of every file of a scenario, by file name.
pub fn schema() -> Value {
    let mut files = Map::new();
    files.insert(ABOUT.to_owned(), schemars::schema_for!(About).to_value());
    files.insert(ALERT.to_owned(), alert_schema());
    files.insert(CATALOG.to_owned(), schemars::schema_for!(incident::Catalog).to_value());
    for vendor in Vendor::ALL {
        let mut schema = match vendor {
            Vendor::Datadog => schemars::schema_for!(crate::datadog::World),
            Vendor::Kubernetes => schemars::schema_for!(crate::kubernetes::World),
            Vendor::Aws => schemars::schema_for!(crate::aws::World),
            Vendor::Cloudflare => schemars::schema_for!(crate::cloudflare::World),
            Vendor::Github => schemars::schema_for!(crate::github::World),
            Vendor::Pinecone => schemars::schema_for!(crate::pinecone::World),
            Vendor::Openai => schemars::schema_for!(crate::openai::World),
            Vendor::Anthropic => schemars::schema_for!(crate::anthropic::World),
            Vendor::Slack => schemars::schema_for!(crate::slack::World),
            Vendor::Gitlab => schemars::schema_for!(crate::gitlab::World),
            Vendor::Confluence => schemars::schema_for!(crate::confluence::World),
        }
        .to_value();
        allow_offsets(&mut schema);
        files.insert(vendor.file(), schema);
    }
    serde_json::json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A scenario folder: one property per file",
        "type": "object",
        "properties": files,
        "required": [ABOUT, ALERT],
        "additionalProperties": false,
    })
}

/// A file may write a time as an offset and a duration as people do: the machine formats are wider than theirs.
fn allow_offsets(schema: &mut Value) {
    match schema {
        Value::Object(fields) => {
            let note = match fields.get("format").and_then(Value::as_str) {
                Some("date-time") => Some(moment::ALLOWED),
                Some("duration") => Some("a duration such as 60s, 1m30s or PT60S"),
                _ => None,
            };
            if let Some(note) = note {
                fields.remove("format");
                let text = match fields.get("description").and_then(Value::as_str) {
                    Some(text) => format!("{text} ({note})"),
                    None => note.to_owned(),
                };
                fields.insert("description".to_owned(), text.into());
            }
            fields.values_mut().for_each(allow_offsets);
        }
        Value::Array(items) => items.iter_mut().for_each(allow_offsets),
        _ => {}
    }
}

fn alert_schema() -> Value {
    serde_json::json!({
        "title": "The webhook's body, as Datadog's template fills it: every value is text",
        "type": "object",
        "required": ["date_ms"],
        "properties": {"date_ms": {"type": "string", "description": "Epoch milliseconds: the zero of every offset"}},
        "additionalProperties": {"type": ["string", "null"]},
    })
}

/// The vendor whose file this is; `None` for the files that are no vendor's.
fn vendor_of(name: &str) -> Result<Option<Vendor>, ScenarioError> {
    if [ABOUT, ALERT, CATALOG].contains(&name) {
        return Ok(None);
    }
    let allowed = || Vendor::ALL.map(Vendor::file).join(", ");
    Vendor::ALL.into_iter().find(|vendor| vendor.file() == name).map(Some).ok_or_else(|| {
        error(name, format!("no file of a scenario; allowed are {ABOUT}, {ALERT}, {CATALOG}, {}", allowed()))
    })
}

pub(crate) fn world(
    name: &str,
    vendor: Vendor,
    content: &Value,
    alert: Timestamp,
) -> Result<World, ScenarioError> {
    let mut content = object(content);
    moment::resolve(&mut content, alert).map_err(|(place, text)| {
        let place = place.trim_start_matches('.');
        error(name, format!("{place}: `{text}` is no time; allowed is {}", moment::ALLOWED))
    })?;
    World::parse(vendor, content).map_err(|(place, problem)| error(name, placed(&place, &problem)))
}

/// Reads a file's content as a type.
pub(crate) fn parse<T: serde::de::DeserializeOwned>(file: &str, value: Value) -> Result<T, ScenarioError> {
    typed(value).map_err(|(place, problem)| error(file, placed(&place, &problem)))
}

fn placed(place: &str, problem: &str) -> String {
    if place == "." { problem.to_owned() } else { format!("{place}: {problem}") }
}

/// An empty file is an empty world.
fn object(content: &Value) -> Value {
    if content.is_null() { Value::Object(Map::new()) } else { content.clone() }
}

fn required(files: &BTreeMap<String, Value>, name: &str) -> Result<Value, ScenarioError> {
    files.get(name).cloned().ok_or_else(|| error(name, "missing; every scenario has one"))
}

fn alert_time(alert: &Value) -> Result<Timestamp, ScenarioError> {
    let date = &alert["date_ms"];
    date.as_str()
        .and_then(|text| text.trim().parse().ok())
        .or_else(|| date.as_i64())
        .and_then(|ms| Timestamp::from_millisecond(ms).ok())
        .ok_or_else(|| error(ALERT, "date_ms: the alert's time in epoch milliseconds is expected"))
}

fn as_of(about: &About, alert: Timestamp) -> Result<Timestamp, ScenarioError> {
    let text = about.as_of.as_deref().unwrap_or("+0s");
    moment::offset(text).and_then(|offset| alert.checked_add(offset).ok()).ok_or_else(|| {
        error(
            ABOUT,
            format!("as_of: `{text}` is no offset from the alert; allowed is one such as +6m or -30s"),
        )
    })
}

/// The error of a file, in one line.
pub(crate) fn error(file: &str, problem: impl Into<String>) -> ScenarioError {
    let problem: String = problem.into();
    ScenarioError { file: file.to_owned(), problem: problem.replace('\n', " ") }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn files(extra: &[(&str, Value)]) -> BTreeMap<String, Value> {
        let mut files = BTreeMap::from([
            (ABOUT.to_owned(), json!({"title": "t", "as_of": "+6m"})),
            (ALERT.to_owned(), json!({"date_ms": "1767268800000"})),
        ]);
        files.extend(extra.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
        files
    }

    fn refusal(extra: &[(&str, Value)]) -> String {
        Scenario::from_files(files(extra)).unwrap_err().to_string()
    }

    #[test]
    fn the_alert_is_the_zero_of_all_times() {
        let scenario = Scenario::from_files(files(&[])).unwrap();
        assert_eq!(scenario.moment().alert.to_string(), "2026-01-01T12:00:00Z");
        assert_eq!(scenario.moment().as_of.to_string(), "2026-01-01T12:06:00Z");
    }

    #[test]
    fn an_empty_file_is_a_configured_vendor_and_a_missing_one_is_not() {
        let scenario = Scenario::from_files(files(&[("datadog.yaml", Value::Null)])).unwrap();
        assert_eq!(scenario.into_worlds().into_keys().collect::<Vec<_>>(), [Vendor::Datadog]);
    }

    #[test]
    fn a_mistake_is_one_line_with_its_file_its_place_and_what_is_allowed() {
        let typo = refusal(&[("datadog.yaml", json!({"series": [{"metric": "m", "shpe": {}}]}))]);
        assert!(typo.starts_with("datadog.yaml: series[0]") && typo.contains("`shpe`, expected"), "{typo}");
        let time = refusal(&[("datadog.yaml", json!({"events": [{"at": "@-3x", "title": "t"}]}))]);
        assert!(
            time.starts_with("datadog.yaml: events[0].at: `@-3x` is no time") && time.contains("@-3m10s")
        );
        let file = refusal(&[("datadgo.yaml", json!({}))]);
        assert!(file.starts_with("datadgo.yaml: no file of a scenario") && file.contains("datadog.yaml"));
        let fault =
            refusal(&[(ABOUT, json!({"title": "t", "faults": [{"vendor": "azure", "kind": "reset"}]}))]);
        assert!(fault.starts_with("scenario.yaml: faults[0].vendor") && fault.contains("datadog"), "{fault}");
        assert!(refusal(&[(ALERT, json!({}))]).contains("date_ms"));
        assert!(refusal(&[(ABOUT, json!({"title": "t", "as_of": "6m"}))]).contains("+6m"));
    }

    #[test]
    fn a_folder_that_extends_another_serves_its_files_under_its_own() {
        let root = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            let path = root.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        };
        write("base/scenario.yaml", "title: base\nas_of: +6m\nknowledge: docs\n");
        std::fs::create_dir(root.path().join("base/docs")).unwrap();
        write("base/alert.json", r#"{"date_ms": "1767268800000"}"#);
        write("base/datadog.yaml", "");
        write("base/slack.yaml", "");
        write("top/scenario.yaml", "title: top\nextends: ../base\nwithout: [slack]\n");
        let scenario = Scenario::load(&root.path().join("top")).unwrap();
        assert_eq!(scenario.about().title, "top");
        assert_eq!(scenario.moment().as_of.to_string(), "2026-01-01T12:06:00Z");
        assert_eq!(scenario.knowledge(), Some(root.path().join("top/../base/docs").as_path()));
        assert_eq!(scenario.into_worlds().into_keys().collect::<Vec<_>>(), [Vendor::Datadog]);

        write("base/scenario.yaml", "title: base\nextends: ../top\n");
        let circle = Scenario::load(&root.path().join("top")).unwrap_err().to_string();
        assert!(circle.contains("circle"), "{circle}");
    }

    #[test]
    fn every_scenario_of_the_repository_can_be_read_moved_and_read_again() {
        let folder = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/scenarios"));
        let scenarios: Vec<_> =
            std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
        assert!(!scenarios.is_empty());
        for path in scenarios.iter().filter(|path| path.is_dir()) {
            let scenario = Scenario::load(path).unwrap();
            let mut alert = scenario.alert().clone();
            alert["date_ms"] = json!("1767268800000");
            let moved = scenario.with_alert(alert).unwrap();
            assert_eq!(moved.moment().alert.to_string(), "2026-01-01T12:00:00Z");
        }
    }

    #[test]
    fn the_schema_covers_every_file_and_allows_offsets() {
        let schema = schema();
        for vendor in Vendor::ALL {
            assert!(schema["properties"][vendor.file()].is_object(), "{vendor}");
        }
        let text = schema.to_string();
        assert!(!text.contains(r#""format":"date-time""#) && text.contains("@-3m10s"));
    }
}
