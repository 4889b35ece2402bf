//! A source of knowledge brought up to date on this machine: the deployed index machine, with the index function in it.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Mutex, PoisonError};

use ::index::{Index, Run};
use host::{Handler, Settings, handler};
use serde_json::{Value, json};

use crate::Stop;
use crate::asl::{Event, Execution, Failure, Machine, Started, Tasks, load};

/// The index machine, as deployed.
pub const INDEX: &str = include_str!("../../../statemachine/index.asl.json");

/// Where the machine stands in the context object; nothing here reads more of it than its place.
const MACHINE: &str = "arn:aws:states:us-east-1:000000000000:stateMachine:index";

/// The index machine, loaded and checked.
pub fn machine() -> Result<Machine, Stop> {
    load(INDEX).map_err(|error| Stop::Usage(format!("statemachine/index.asl.json: {error}")))
}

/// Runs the machine under a name, and every execution that goes on for it. The last one's document.
pub async fn bring_up_to_date(
    settings: &Settings,
    name: &str,
    input: Value,
    observe: &(dyn Fn(Event) + Send + Sync),
) -> Result<Run, Stop> {
    let index = handler::<Index>(settings).await?;
    interpret(index, name, input, observe).await
}

/// The same with the index function given.
pub async fn interpret(
    index: Handler,
    name: &str,
    input: Value,
    observe: &(dyn Fn(Event) + Send + Sync),
) -> Result<Run, Stop> {
    let machine = machine()?;
    let tasks = Tasks::InProcess(BTreeMap::from([("index".to_owned(), index)]));
    let names = Mutex::new(BTreeSet::from([name.to_owned()]));
    let waiting = Mutex::new(VecDeque::from([Started { name: name.to_owned(), input }]));
    let start = |started: Started| {
        let is_new = names.lock().unwrap_or_else(PoisonError::into_inner).insert(started.name.clone());
        is_new.then(|| waiting.lock().unwrap_or_else(PoisonError::into_inner).push_back(started))
    };
    let mut last = Value::Null;
    loop {
        let next = waiting.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
        let Some(Started { name, input }) = next else { break };
        let context = json!({
            "Execution": { "Name": name, "StartTime": host::clock::now(), "Input": input },
            "StateMachine": { "Id": MACHINE },
        });
        let execution = Execution { tasks: &tasks, observe, start: &start, context };
        last = execution.run(&machine, input).await.map_err(|failure| stopped(&failure))?;
    }
    serde_json::from_value(last)
        .map_err(|error| Stop::Failed(format!("the index machine ended oddly: {error}")))
}

/// Why the machine failed: what the function said, where it said anything.
fn stopped(failure: &Failure) -> Stop {
    let said = failure.document.as_ref().and_then(|document| document.pointer("/failure"));
    let text = |key: &str| said?.get(key)?.as_str();
    let message = text("Cause").unwrap_or(&failure.cause).to_owned();
    match text("Error") {
        Some(host::fault::BAD_SETTING | host::fault::BAD_INPUT) => Stop::Usage(message),
        _ => Stop::Failed(message),
    }
}
