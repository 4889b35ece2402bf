//! Running a machine: states, retries, catches, time-outs and branches as the language says.

use std::collections::BTreeMap;
use std::time::Duration;

use futures::future::BoxFuture;
use futures::{FutureExt, StreamExt, TryStreamExt, stream};
use host::Handler;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::definition::{Catch, Kind, Machine, Pause, Retry, State};
use super::path::Path;

/// Bytes a state's input, output or result may have.
const DATA_LIMIT: usize = 262_144;

/// How a Task's function is called.
#[derive(Clone)]
pub enum Tasks {
    /// The handlers, in this process.
    InProcess(BTreeMap<String, Handler>),
    /// The binaries, through the invoke API that `cargo lambda watch` serves at this base URL.
    Invoke {
        /// The client.
        http: reqwest::Client,
        /// `http://127.0.0.1:9000`.
        base_url: String,
    },
}

/// An error as Step Functions sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The name that `ErrorEquals` matches.
    pub error: String,
    /// What happened.
    pub cause: String,
    /// What the Fail state was given, where one raised it.
    pub document: Option<Value>,
}

impl Failure {
    fn new(error: &str, cause: impl Into<String>) -> Self {
        Self { error: error.to_owned(), cause: cause.into(), document: None }
    }

    fn runtime(cause: impl Into<String>) -> Self {
        Self::new("States.Runtime", cause)
    }

    /// Whether an `ErrorEquals` list names this error.
    fn is_named_by(&self, names: &[String]) -> bool {
        names.iter().any(|name| match name.as_str() {
            // Neither wildcard covers the two errors that no state can handle.
            "States.ALL" => !matches!(self.error.as_str(), "States.DataLimitExceeded" | "States.Runtime"),
            "States.TaskFailed" => !matches!(
                self.error.as_str(),
                "States.Timeout" | "States.DataLimitExceeded" | "States.Runtime"
            ),
            name => name == self.error,
        })
    }
}

/// How a state ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It did what it should.
    Succeeded,
    /// An attempt failed and is repeated.
    Retried(String),
    /// It failed and a Catch took over.
    Caught(String),
    /// It failed.
    Failed(String),
}

/// What an observer hears: a state ended, or one attempt of it.
#[derive(Debug, Clone)]
pub struct Event {
    /// The state's name.
    pub state: String,
    /// The function, for a Task.
    pub function: Option<String>,
    /// How it ended.
    pub outcome: Outcome,
    /// How long it took, retries included.
    pub took: Duration,
    /// What it returned, before ResultPath; `null` unless it succeeded.
    pub result: Value,
}

/// An execution that a machine asked for.
#[derive(Debug, Clone, PartialEq)]
pub struct Started {
    /// Its name.
    pub name: String,
    /// Its input.
    pub input: Value,
}

/// One execution of a machine.
pub struct Execution<'a> {
    /// How Tasks are called.
    pub tasks: &'a Tasks,
    /// Hears every Task and its outcome, as they end.
    pub observe: &'a (dyn Fn(Event) + Send + Sync),
    /// Starts another execution. `None`: one of that name was started before.
    pub start: &'a (dyn Fn(Started) -> Option<()> + Send + Sync),
    /// The context object, `$$`.
    pub context: Value,
}

impl Execution<'_> {
    /// Runs the machine on an input.
    pub async fn run(&self, machine: &Machine, input: Value) -> Result<Value, Failure> {
        let states = self.machine(machine, input, self.context.clone());
        match machine.timeout {
            None => states.await,
            Some(limit) => tokio::time::timeout(limit, states)
                .await
                .unwrap_or_else(|_| Err(Failure::new("States.Timeout", "the execution took too long"))),
        }
    }

    /// Boxed, because branches hold machines that hold branches.
    fn machine<'s>(
        &'s self,
        machine: &'s Machine,
        mut input: Value,
        context: Value,
    ) -> BoxFuture<'s, Result<Value, Failure>> {
        async move {
            let mut name = machine.start_at.as_str();
            loop {
                let state =
                    machine.states.get(name).ok_or_else(|| Failure::runtime(format!("no state '{name}'")))?;
                let (output, next) = self.state(name, state, input, &context).await?;
                if serialized_len(&output) > DATA_LIMIT {
                    return Err(Failure::new(
                        "States.DataLimitExceeded",
                        format!("the output of '{name}' is too large"),
                    ));
                }
                match next {
                    None => return Ok(output),
                    Some(next) => (name, input) = (next, output),
                }
            }
        }
        .boxed()
    }

    /// One state, with its retries and catches: its output and the state to go to.
    async fn state<'s>(
        &self,
        name: &str,
        state: &'s State,
        raw: Value,
        context: &Value,
    ) -> Result<(Value, Option<&'s str>), Failure> {
        let began = Instant::now();
        let told = |outcome, result| self.tell(name, state, outcome, began.elapsed(), result);
        let mut used = vec![0; state.retry.len()];
        let failure = loop {
            match self.attempt(state, &raw, context).await {
                Ok(Done { output, next, result }) => {
                    told(Outcome::Succeeded, result);
                    return Ok((output, next));
                }
                Err(failure) => match next_retry(&state.retry, &mut used, &failure) {
                    None => break failure,
                    Some(pause) => {
                        told(Outcome::Retried(failure.error.clone()), Value::Null);
                        tokio::time::sleep(pause).await;
                    }
                },
            }
        };
        match state.catch.iter().find(|catch| failure.is_named_by(&catch.errors)) {
            None => {
                told(Outcome::Failed(failure.error.clone()), Value::Null);
                Err(failure)
            }
            Some(Catch { result, next, .. }) => {
                told(Outcome::Caught(failure.error.clone()), Value::Null);
                let error = json!({ "Error": failure.error, "Cause": failure.cause });
                let output = match result {
                    None => raw,
                    Some(path) => path.put(raw, error).map_err(Failure::runtime)?,
                };
                Ok((output, Some(next)))
            }
        }
    }

    /// One attempt at a state: input processing, the work, output processing.
    async fn attempt<'s>(&self, state: &'s State, raw: &Value, context: &Value) -> Result<Done<'s>, Failure> {
        let input = select(state.input.as_ref(), raw, context)?;
        let input = match &state.parameters {
            None => input,
            Some(template) => template.fill(&input, context).map_err(Failure::runtime)?,
        };
        let mut next = state.next.as_deref();
        let result = match &state.kind {
            Kind::Task { function, timeout } => self.task(function, *timeout, input).await?,
            // Starting takes no time here, so that no time-out can pass.
            Kind::Start { .. } => self.start(&input)?,
            Kind::Parallel(branches) => {
                let runs = branches.iter().map(|branch| self.machine(branch, input.clone(), context.clone()));
                Value::Array(futures::future::try_join_all(runs).await?)
            }
            Kind::Map { items, selector, concurrency, machine } => {
                let runs = map_inputs(items, selector.as_ref(), &input, context)?;
                let runs = runs.into_iter().map(|(input, context)| self.machine(machine, input, context));
                let limit = if *concurrency == 0 { usize::MAX } else { *concurrency };
                Value::Array(stream::iter(runs).buffered(limit.min(1000)).try_collect().await?)
            }
            Kind::Choice { rules, default } => {
                next = Some(choose(rules, default.as_deref(), &input, context)?);
                input
            }
            Kind::Pass(result) => result.clone().unwrap_or(input),
            Kind::Wait(pause) => {
                tokio::time::sleep(seconds(pause, &input, context)?).await;
                input
            }
            Kind::Succeed => input,
            Kind::Fail { error, cause } => {
                return Err(Failure { document: Some(input), ..Failure::new(error, cause.clone()) });
            }
        };
        let selected = match &state.selector {
            None => result,
            Some(template) => template.fill(&result, context).map_err(Failure::runtime)?,
        };
        let shown = if matches!(state.kind, Kind::Task { .. }) { selected.clone() } else { Value::Null };
        let output = match &state.result {
            None => raw.clone(),
            Some(path) => path.put(raw.clone(), selected).map_err(Failure::runtime)?,
        };
        Ok(Done { output: select(state.output.as_ref(), &output, context)?, next, result: shown })
    }

    async fn task(&self, function: &str, timeout: Option<Duration>, input: Value) -> Result<Value, Failure> {
        let call = self.tasks.call(function, input);
        match timeout {
            None => call.await,
            Some(limit) => tokio::time::timeout(limit, call).await.unwrap_or_else(|_| {
                Err(Failure::new(
                    "States.Timeout",
                    format!("{function} did not answer within {} s", limit.as_secs_f64()),
                ))
            }),
        }
    }

    /// What Step Functions answers, and refuses: a name that was used before, an input or a machine that is missing.
    fn start(&self, request: &Value) -> Result<Value, Failure> {
        let text = |key: &str| request.get(key).and_then(Value::as_str);
        let (Some(machine), Some(name), Some(input)) =
            (text("StateMachineArn"), text("Name"), request.get("Input"))
        else {
            return Err(Failure::runtime("an execution needs StateMachineArn, Name and Input"));
        };
        let started = Started { name: name.to_owned(), input: input.clone() };
        match (self.start)(started) {
            Some(()) => {
                let arn = format!("{}:{name}", machine.replace(":stateMachine:", ":execution:"));
                Ok(json!({ "ExecutionArn": arn }))
            }
            None => Err(Failure::new(
                "StepFunctions.ExecutionAlreadyExistsException",
                format!("there is an execution '{name}' already"),
            )),
        }
    }

    fn tell(&self, name: &str, state: &State, outcome: Outcome, took: Duration, result: Value) {
        if let Kind::Task { function, .. } = &state.kind {
            (self.observe)(Event {
                state: name.to_owned(),
                function: Some(function.clone()),
                outcome,
                took,
                result,
            });
        }
    }
}

struct Done<'s> {
    output: Value,
    next: Option<&'s str>,
    result: Value,
}

/// The pause before the next attempt, or `None` when no Retry names the error or its attempts are used up.
fn next_retry(retries: &[Retry], used: &mut [u32], failure: &Failure) -> Option<Duration> {
    let index = retries.iter().position(|retry| failure.is_named_by(&retry.error_equals))?;
    let retry = &retries[index];
    if used[index] >= retry.max_attempts {
        return None;
    }
    let pause = retry.interval_seconds * retry.backoff_rate.powi(used[index].cast_signed());
    used[index] += 1;
    Some(Duration::from_secs_f64(pause.min(retry.max_delay_seconds.unwrap_or(f64::MAX)).min(31_622_400.0)))
}

fn seconds(pause: &Pause, input: &Value, context: &Value) -> Result<Duration, Failure> {
    match pause {
        Pause::For(pause) => Ok(*pause),
        Pause::From(path) => path
            .get(input, context)
            .and_then(Value::as_u64)
            .map(Duration::from_secs)
            .ok_or_else(|| Failure::runtime("SecondsPath does not point at a whole number")),
    }
}

fn select(path: Option<&Path>, value: &Value, context: &Value) -> Result<Value, Failure> {
    match path {
        None => Ok(json!({})),
        Some(path) => {
            path.get(value, context).cloned().ok_or_else(|| Failure::runtime("a path found nothing"))
        }
    }
}

fn choose<'s>(
    rules: &'s [(super::choice::Test, String)],
    default: Option<&'s str>,
    input: &Value,
    context: &Value,
) -> Result<&'s str, Failure> {
    rules
        .iter()
        .find(|(test, _)| test.holds(input, context))
        .map(|(_, next)| next.as_str())
        .or(default)
        .ok_or_else(|| Failure::new("States.NoChoiceMatched", "no rule holds and there is no Default"))
}

/// The inputs of a Map's runs, each with the context that names its item.
fn map_inputs(
    items: &Path,
    selector: Option<&super::path::Template>,
    input: &Value,
    context: &Value,
) -> Result<Vec<(Value, Value)>, Failure> {
    let Some(Value::Array(items)) = items.get(input, context) else {
        return Err(Failure::runtime("ItemsPath does not point at a list"));
    };
    items
        .iter()
        .enumerate()
        .map(|(index, item)| {
            let mut context = context.clone();
            context["Map"] = json!({ "Item": { "Index": index, "Value": item } });
            let input = match selector {
                None => item.clone(),
                Some(template) => template.fill(input, &context).map_err(Failure::runtime)?,
            };
            Ok((input, context))
        })
        .collect()
}

fn serialized_len(value: &Value) -> usize {
    serde_json::to_vec(value).map_or(usize::MAX, |bytes| bytes.len())
}

impl Tasks {
    /// Calls a function by name.
    async fn call(&self, function: &str, input: Value) -> Result<Value, Failure> {
        match self {
            Self::InProcess(handlers) => {
                let handler = handlers
                    .get(function)
                    .ok_or_else(|| Failure::runtime(format!("there is no function '{function}'")))?;
                // A task of its own, so that a panic fails this call only, as it would on Lambda.
                let call = AbortOnDrop(tokio::spawn(handler(input)));
                match call.await {
                    Ok(Ok(output)) => Ok(output),
                    Ok(Err(fault)) => Err(Failure::new(fault.name, fault.message)),
                    Err(error) => Err(Failure::new("Lambda.Unknown", error.to_string())),
                }
            }
            Self::Invoke { http, base_url } => {
                let url = format!("{base_url}/2015-03-31/functions/{function}/invocations");
                let unreachable = |error: reqwest::Error| {
                    Failure::new("Lambda.SdkClientException", format!("{url}: {error}"))
                };
                let response = http.post(&url).json(&input).send().await.map_err(unreachable)?;
                let failed = !response.status().is_success()
                    || response.headers().contains_key("x-amz-function-error");
                let body: Value = response.json().await.map_err(unreachable)?;
                if !failed {
                    return Ok(body);
                }
                let text = |key: &str| body.get(key).and_then(Value::as_str).map(str::to_owned);
                Err(Failure::new(
                    text("errorType").as_deref().unwrap_or("Lambda.Unknown"),
                    text("errorMessage").unwrap_or_else(|| body.to_string()),
                ))
            }
        }
    }
}

/// A spawned task that ends when nobody waits for it any more: a Task state's time-out stops the work too.
struct AbortOnDrop<T>(tokio::task::JoinHandle<T>);

impl<T> Drop for AbortOnDrop<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl<T> Future for AbortOnDrop<T> {
    type Output = Result<T, tokio::task::JoinError>;

    fn poll(
        mut self: std::pin::Pin<&mut Self>,
        context: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Self::Output> {
        self.0.poll_unpin(context)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};
    use std::sync::{Arc, Mutex};

    use super::*;
    use crate::asl::load;

    /// The one function `f`, which hears how often it was called before.
    fn tasks(function: fn(Value, u32) -> Result<Value, host::Fault>) -> Tasks {
        let calls = Arc::new(AtomicU32::new(0));
        let handler: Handler = Arc::new(move |input| {
            let call = calls.fetch_add(1, Ordering::SeqCst);
            Box::pin(async move {
                if input.get("stall").is_some() {
                    std::future::pending::<()>().await;
                }
                function(input, call)
            })
        });
        Tasks::InProcess(BTreeMap::from([("f".to_owned(), handler)]))
    }

    async fn run(machine: &str, input: Value, tasks: &Tasks) -> (Result<Value, Failure>, Vec<Outcome>) {
        let machine = load(machine).unwrap();
        let heard = Mutex::new(Vec::new());
        let observe = |event: Event| heard.lock().unwrap().push(event.outcome);
        let context =
            json!({"Execution": {"Name": "e"}, "StateMachine": {"Id": "arn:aws:states:r:1:stateMachine:m"}});
        let start = |started: Started| (started.name != "used").then_some(());
        let execution = Execution { tasks, observe: &observe, start: &start, context };
        let result = execution.run(&machine, input).await;
        (result, heard.into_inner().unwrap())
    }

    const RETRY: &str = r#"{"StartAt": "A", "States": {
        "A": {"Type": "Task", "Resource": "${f}", "TimeoutSeconds": 3, "ResultPath": "$.out", "Next": "B",
            "Retry": [{"ErrorEquals": ["Sitrep.Throttled"], "IntervalSeconds": 2, "MaxAttempts": 2}],
            "Catch": [{"ErrorEquals": ["States.ALL"], "ResultPath": "$.failure", "Next": "C"}]},
        "B": {"Type": "Succeed"},
        "C": {"Type": "Pass", "Parameters": {"error.$": "$.failure.Error"}, "End": true}}}"#;

    #[tokio::test(start_paused = true)]
    async fn a_throttled_task_is_tried_again_after_growing_pauses() {
        let tasks =
            tasks(|_, call| if call < 2 { Err(host::Fault::throttled("slow")) } else { Ok(json!(7)) });
        let began = Instant::now();
        let (result, outcomes) = run(RETRY, json!({"x": 1}), &tasks).await;
        assert_eq!(result.unwrap(), json!({"x": 1, "out": 7}));
        assert_eq!(outcomes.len(), 3);
        assert_eq!(began.elapsed(), Duration::from_secs(2 + 4));
    }

    #[tokio::test(start_paused = true)]
    async fn a_stalled_task_times_out_and_is_caught_with_its_name() {
        let (result, _) = run(RETRY, json!({"stall": true}), &tasks(|input, _| Ok(input))).await;
        assert_eq!(result.unwrap(), json!({"error": "States.Timeout"}));
    }

    #[tokio::test(start_paused = true)]
    async fn branches_run_at_once_and_answer_in_their_order() {
        let machine = r#"{"StartAt": "P", "States": {"P": {"Type": "Parallel", "ResultPath": "$.r", "End": true, "Branches": [
            {"StartAt": "A", "States": {"A": {"Type": "Wait", "Seconds": 5, "Next": "B"}, "B": {"Type": "Pass", "Result": 1, "End": true}}},
            {"StartAt": "A", "States": {"A": {"Type": "Wait", "Seconds": 3, "Next": "B"}, "B": {"Type": "Pass", "Result": 2, "End": true}}}]}}}"#;
        let began = Instant::now();
        let (result, _) = run(machine, json!({}), &tasks(|input, _| Ok(input))).await;
        assert_eq!(result.unwrap(), json!({"r": [1, 2]}));
        assert_eq!(began.elapsed(), Duration::from_secs(5));
    }

    #[tokio::test]
    async fn a_map_sees_each_item_and_its_index() {
        let machine = r#"{"StartAt": "M", "States": {"M": {"Type": "Map", "ItemsPath": "$.l", "MaxConcurrency": 2, "End": true,
            "ItemSelector": {"i.$": "$$.Map.Item.Index", "v.$": "$$.Map.Item.Value"},
            "ItemProcessor": {"StartAt": "A", "States": {"A": {"Type": "Pass", "End": true}}}}}}"#;
        let (result, _) = run(machine, json!({"l": ["a", "b"]}), &tasks(|input, _| Ok(input))).await;
        assert_eq!(result.unwrap(), json!([{"i": 0, "v": "a"}, {"i": 1, "v": "b"}]));
    }

    #[tokio::test]
    async fn an_output_beyond_the_limit_fails_past_every_catch() {
        let tasks = tasks(|_, _| Ok(json!("x".repeat(DATA_LIMIT))));
        let (result, _) = run(RETRY, json!({}), &tasks).await;
        assert_eq!(result.unwrap_err().error, "States.DataLimitExceeded");
    }

    #[tokio::test]
    async fn a_fail_state_keeps_what_it_was_given() {
        let machine = r#"{"StartAt": "A", "States": {"A": {"Type": "Fail", "Error": "E", "Cause": "c"}}}"#;
        let (result, _) = run(machine, json!({"x": 1}), &tasks(|input, _| Ok(input))).await;
        let failure = result.unwrap_err();
        assert_eq!((failure.error.as_str(), failure.document), ("E", Some(json!({"x": 1}))));
    }

    #[tokio::test(start_paused = true)]
    async fn an_execution_is_started_once_and_a_wait_takes_its_time_from_the_document() {
        let machine = r#"{"StartAt": "W", "States": {
            "W": {"Type": "Wait", "SecondsPath": "$.s", "Next": "S"},
            "S": {"Type": "Task", "Resource": "arn:aws:states:::states:startExecution", "ResultPath": "$.started", "End": true,
                "Parameters": {"StateMachineArn.$": "$$.StateMachine.Id", "Name.$": "$.name", "Input.$": "$"},
                "Catch": [{"ErrorEquals": ["States.ALL"], "ResultPath": "$.failure", "Next": "C"}]},
            "C": {"Type": "Pass", "OutputPath": "$.failure.Error", "End": true}}}"#;
        let began = Instant::now();
        let tasks = tasks(|input, _| Ok(input));
        let (result, _) = run(machine, json!({"s": 7, "name": "n"}), &tasks).await;
        assert_eq!(began.elapsed(), Duration::from_secs(7));
        assert_eq!(result.unwrap()["started"]["ExecutionArn"], "arn:aws:states:r:1:execution:m:n");
        let (result, _) = run(machine, json!({"s": 0, "name": "used"}), &tasks).await;
        assert_eq!(result.unwrap(), json!("StepFunctions.ExecutionAlreadyExistsException"));
        let (result, _) = run(machine, json!({"s": "x", "name": "n"}), &tasks).await;
        assert_eq!(result.unwrap_err().error, "States.Runtime");
    }

    #[tokio::test]
    async fn a_missing_path_is_a_runtime_error_that_no_catch_sees() {
        let machine = r#"{"StartAt": "A", "States": {"A": {"Type": "Task", "Resource": "${f}", "Parameters": {"x.$": "$.no"},
            "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "B"}], "Next": "B"}, "B": {"Type": "Succeed"}}}"#;
        let (result, _) = run(machine, json!({}), &tasks(|input, _| Ok(input))).await;
        assert_eq!(result.unwrap_err().error, "States.Runtime");
    }
}
