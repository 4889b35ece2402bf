//! The state machine as written, parsed and checked once.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

use super::choice::{Test, test};
use super::path::{Path, Template};

/// The one service that a Task may call beside functions.
const START: &str = "arn:aws:states:::states:startExecution";

/// A state machine, or one branch of one.
#[derive(Debug, Clone)]
pub struct Machine {
    /// The first state.
    pub start_at: String,
    /// States by name.
    pub states: BTreeMap<String, State>,
    /// The whole execution's time-out.
    pub timeout: Option<Duration>,
}

/// One state: what all have in common, and its kind.
#[derive(Debug, Clone)]
pub struct State {
    /// `InputPath`; `None` inside means `null`: an empty object.
    pub input: Option<Path>,
    /// `OutputPath`, likewise.
    pub output: Option<Path>,
    /// `Parameters`.
    pub parameters: Option<Template>,
    /// `ResultSelector`.
    pub selector: Option<Template>,
    /// `ResultPath`; `None` inside means `null`: the result is dropped.
    pub result: Option<Path>,
    /// `Retry`, in order.
    pub retry: Vec<Retry>,
    /// `Catch`, in order.
    pub catch: Vec<Catch>,
    /// `Next`; `None` ends the machine or the branch.
    pub next: Option<String>,
    /// What it does.
    pub kind: Kind,
}

/// What a state does.
#[derive(Debug, Clone)]
pub enum Kind {
    /// Calls a function by name.
    Task {
        /// The function.
        function: String,
        /// `TimeoutSeconds`.
        timeout: Option<Duration>,
    },
    /// Starts an execution (`arn:aws:states:::states:startExecution`) and does not wait for it.
    Start {
        /// `TimeoutSeconds`.
        timeout: Option<Duration>,
    },
    /// Runs branches at once.
    Parallel(Vec<Machine>),
    /// Runs one machine over items.
    Map {
        /// `ItemsPath`.
        items: Path,
        /// `ItemSelector`.
        selector: Option<Template>,
        /// `MaxConcurrency`; 0 is no limit.
        concurrency: usize,
        /// `ItemProcessor`.
        machine: Machine,
    },
    /// Goes where the first true rule says.
    Choice {
        /// Rules in order, each with its next state.
        rules: Vec<(Test, String)>,
        /// `Default`.
        default: Option<String>,
    },
    /// Passes its input, or `Result`, on.
    Pass(Option<Value>),
    /// Waits.
    Wait(Pause),
    /// Ends well.
    Succeed,
    /// Ends badly.
    Fail {
        /// `Error`.
        error: String,
        /// `Cause`.
        cause: String,
    },
}

/// How long a Wait waits.
#[derive(Debug, Clone)]
pub enum Pause {
    /// `Seconds`.
    For(Duration),
    /// `SecondsPath`.
    From(Path),
}

/// `Retry`.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct Retry {
    /// Error names.
    pub error_equals: Vec<String>,
    /// First pause, seconds.
    #[serde(default = "one")]
    pub interval_seconds: f64,
    /// Retries at most.
    #[serde(default = "three")]
    pub max_attempts: u32,
    /// The pause grows by this.
    #[serde(default = "two")]
    pub backoff_rate: f64,
    /// The pause's upper bound, seconds.
    #[serde(default)]
    pub max_delay_seconds: Option<f64>,
    #[serde(default, rename = "Comment")]
    _comment: Option<String>,
}

fn one() -> f64 {
    1.0
}
fn two() -> f64 {
    2.0
}
fn three() -> u32 {
    3
}

/// `Catch`.
#[derive(Debug, Clone)]
pub struct Catch {
    /// Error names.
    pub errors: Vec<String>,
    /// `ResultPath`.
    pub result: Option<Path>,
    /// `Next`.
    pub next: String,
}

/// Loads and checks a machine. The error is one line that names the state and what is not supported or wrong.
pub fn load(text: &str) -> Result<Machine, String> {
    let value: Value =
        serde_json::from_str(text).map_err(|error| format!("the state machine is not JSON: {error}"))?;
    machine(value, "the state machine")
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct RawMachine {
    start_at: String,
    states: BTreeMap<String, Map<String, Value>>,
    #[serde(default)]
    timeout_seconds: Option<f64>,
    #[serde(default)]
    query_language: Option<String>,
    #[serde(default, rename = "Comment")]
    _comment: Option<String>,
    #[serde(default, rename = "Version")]
    _version: Option<String>,
    #[serde(default)]
    processor_config: Option<Value>,
}

fn machine(value: Value, place: &str) -> Result<Machine, String> {
    let raw: RawMachine = serde_json::from_value(value).map_err(|error| format!("{place}: {error}"))?;
    if raw.query_language.as_deref().is_some_and(|language| language != "JSONPath") {
        return Err(format!("{place}: only QueryLanguage JSONPath is supported"));
    }
    if raw.processor_config.is_some_and(|config| config.get("Mode").is_some_and(|mode| mode != "INLINE")) {
        return Err(format!("{place}: only Map in mode INLINE is supported"));
    }
    let states = raw
        .states
        .into_iter()
        .map(|(name, fields)| {
            let state = state(fields, &name).map_err(|error| format!("state '{name}': {error}"))?;
            Ok((name, state))
        })
        .collect::<Result<BTreeMap<_, _>, String>>()?;
    let machine =
        Machine { start_at: raw.start_at, states, timeout: raw.timeout_seconds.map(Duration::from_secs_f64) };
    check_targets(&machine).map_err(|error| format!("{place}: {error}"))?;
    Ok(machine)
}

fn check_targets(machine: &Machine) -> Result<(), String> {
    let known = |name: &String| {
        machine
            .states
            .contains_key(name)
            .then_some(())
            .ok_or_else(|| format!("there is no state '{name}' to go to"))
    };
    known(&machine.start_at)?;
    for state in machine.states.values() {
        state.next.iter().try_for_each(known)?;
        state.catch.iter().map(|catch| &catch.next).try_for_each(known)?;
        if let Kind::Choice { rules, default } = &state.kind {
            rules.iter().map(|(_, next)| next).chain(default).try_for_each(known)?;
        }
    }
    Ok(())
}

/// The fields of a state, taken out one by one: whatever is left at the end is not supported.
struct Fields(Map<String, Value>);

impl Fields {
    fn take<T: for<'a> Deserialize<'a>>(&mut self, name: &str) -> Result<Option<T>, String> {
        self.0
            .remove(name)
            .map(|value| serde_json::from_value(value).map_err(|error| format!("{name}: {error}")))
            .transpose()
    }

    fn need<T: for<'a> Deserialize<'a>>(&mut self, name: &str) -> Result<T, String> {
        self.take(name)?.ok_or_else(|| format!("{name} is missing"))
    }

    /// A path field: absent means `$`, `null` means nothing.
    fn path(&mut self, name: &str) -> Result<Option<Path>, String> {
        match self.0.remove(name) {
            None => Path::parse("$").map(Some),
            Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => {
                Path::parse(&text).map(Some).map_err(|error| format!("{name}: {error}"))
            }
            Some(other) => Err(format!("{name}: {other} is not a path")),
        }
    }

    fn template(&mut self, name: &str) -> Result<Option<Template>, String> {
        self.0
            .remove(name)
            .map(|value| Template::parse(&value).map_err(|error| format!("{name}: {error}")))
            .transpose()
    }

    fn machine(&mut self, name: &str, place: &str) -> Result<Machine, String> {
        machine(self.need(name)?, place)
    }
}

fn state(fields: Map<String, Value>, name: &str) -> Result<State, String> {
    let mut fields = Fields(fields);
    let kind_name: String = fields.need("Type")?;
    fields.0.remove("Comment");
    let kind = kind(&kind_name, &mut fields, name)?;
    let end: Option<bool> = fields.take("End")?;
    let state = State {
        input: fields.path("InputPath")?,
        output: fields.path("OutputPath")?,
        parameters: fields.template("Parameters")?,
        selector: fields.template("ResultSelector")?,
        result: fields.path("ResultPath")?,
        retry: fields.take("Retry")?.unwrap_or_default(),
        catch: fields
            .take::<Vec<Value>>("Catch")?
            .unwrap_or_default()
            .into_iter()
            .map(catch)
            .collect::<Result<_, _>>()?,
        next: fields.take("Next")?,
        kind,
    };
    if let Some(unknown) = fields.0.keys().next() {
        return Err(format!("{unknown} is not supported in a {kind_name} state here"));
    }
    if state.result.as_ref().is_some_and(Path::is_context) {
        return Err("ResultPath cannot point into the context object".to_owned());
    }
    let terminal = matches!(state.kind, Kind::Succeed | Kind::Fail { .. } | Kind::Choice { .. });
    if !terminal && state.next.is_some() == end.unwrap_or(false) {
        return Err("exactly one of Next and End is needed".to_owned());
    }
    Ok(state)
}

fn kind(name: &str, fields: &mut Fields, place: &str) -> Result<Kind, String> {
    let seconds = |value: Option<f64>| value.map(Duration::from_secs_f64);
    Ok(match name {
        "Task" => {
            let resource: String = fields.need("Resource")?;
            if resource == START {
                return Ok(Kind::Start { timeout: seconds(fields.take("TimeoutSeconds")?) });
            }
            let function =
                resource.strip_prefix("${").and_then(|rest| rest.strip_suffix('}')).ok_or_else(|| {
                    format!("Resource '{resource}' is not a function's placeholder such as ${{brief}}")
                })?;
            Kind::Task { function: function.to_owned(), timeout: seconds(fields.take("TimeoutSeconds")?) }
        }
        "Parallel" => {
            let branches: Vec<Value> = fields.need("Branches")?;
            Kind::Parallel(
                branches.into_iter().map(|branch| machine(branch, place)).collect::<Result<_, _>>()?,
            )
        }
        "Map" => Kind::Map {
            items: fields.path("ItemsPath")?.ok_or("ItemsPath may not be null")?,
            selector: fields.template("ItemSelector")?,
            concurrency: fields.take("MaxConcurrency")?.unwrap_or(0),
            machine: fields.machine("ItemProcessor", place)?,
        },
        "Choice" => {
            let rules: Vec<Map<String, Value>> = fields.need("Choices")?;
            Kind::Choice {
                rules: rules
                    .into_iter()
                    .map(|mut rule| {
                        let next = rule.remove("Next").and_then(|next| next.as_str().map(str::to_owned));
                        Ok((test(rule)?, next.ok_or("a choice rule without Next")?))
                    })
                    .collect::<Result<_, String>>()?,
                default: fields.take("Default")?,
            }
        }
        "Pass" => Kind::Pass(fields.take("Result")?),
        "Wait" => Kind::Wait(match seconds(fields.take("Seconds")?) {
            Some(pause) => Pause::For(pause),
            None => Pause::From(Path::parse(&fields.need::<String>("SecondsPath")?)?),
        }),
        "Succeed" => Kind::Succeed,
        "Fail" => Kind::Fail {
            error: fields.take("Error")?.unwrap_or_default(),
            cause: fields.take("Cause")?.unwrap_or_default(),
        },
        other => return Err(format!("Type {other} is not supported here")),
    })
}

fn catch(value: Value) -> Result<Catch, String> {
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase", deny_unknown_fields)]
    struct Raw {
        error_equals: Vec<String>,
        next: String,
        #[serde(default = "root", deserialize_with = "nullable")]
        result_path: Option<String>,
        #[serde(default, rename = "Comment")]
        _comment: Option<String>,
    }
    fn root() -> Option<String> {
        Some("$".to_owned())
    }
    fn nullable<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
        Option::deserialize(deserializer)
    }
    let raw: Raw = serde_json::from_value(value).map_err(|error| format!("Catch: {error}"))?;
    let result = raw.result_path.map(|text| Path::parse(&text)).transpose()?;
    Ok(Catch { errors: raw.error_equals, result, next: raw.next })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(state: &str) -> String {
        load(&format!(r#"{{"StartAt": "S", "States": {{"S": {state}}}}}"#)).unwrap_err()
    }

    #[test]
    fn what_is_not_supported_is_refused_by_name() {
        assert!(
            refused(r#"{"Type": "Task", "Resource": "${f}", "HeartbeatSeconds": 3, "End": true}"#)
                .contains("HeartbeatSeconds")
        );
        assert!(refused(r#"{"Type": "Activity", "End": true}"#).contains("Activity"));
        assert!(
            refused(r#"{"Type": "Pass", "Parameters": {"a.$": "States.UUID()"}, "End": true}"#)
                .contains("States.UUID")
        );
        assert!(refused(r#"{"Type": "Pass", "Next": "T"}"#).contains("no state 'T'"));
        assert!(refused(r#"{"Type": "Pass"}"#).contains("Next and End"));
        assert!(
            refused(r#"{"Type": "Task", "Resource": "arn:aws:states:::sqs:sendMessage", "End": true}"#)
                .contains("sqs")
        );
        assert!(
            refused(r#"{"Type": "Task", "Resource": "arn:aws:states:::states:startExecution.sync:2", "End": true}"#)
                .contains("sync")
        );
        assert!(
            refused(r#"{"Type": "Wait", "Timestamp": "2026-01-01T00:00:00Z", "End": true}"#)
                .contains("SecondsPath is missing")
        );
        assert!(
            load(r#"{"StartAt": "S", "QueryLanguage": "JSONata", "States": {}}"#)
                .unwrap_err()
                .contains("JSONPath")
        );
    }

    #[test]
    fn a_choice_with_two_comparisons_is_refused() {
        let error = refused(
            r#"{"Type": "Choice", "Choices": [{"Variable": "$.a", "IsPresent": true, "NumericEquals": 1, "Next": "S"}]}"#,
        );
        assert!(error.contains("exactly one comparison"), "{error}");
    }
}
