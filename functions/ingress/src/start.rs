//! `StartExecution` and `DescribeExecution`, and what their answers mean here.

use aws_sdk_sfn::Client;
use aws_sdk_sfn::error::DisplayErrorContext;
use aws_sdk_sfn::operation::describe_execution::DescribeExecutionError;
use aws_sdk_sfn::operation::start_execution::StartExecutionError;
use aws_sdk_sfn::types::ExecutionStatus;
use host::Settings;

/// Starts executions of the machine that `STATE_MACHINE_ARN` names.
pub struct Starter(Option<Machine>);

/// A machine and who asks for it.
pub struct Machine {
    pub client: Client,
    pub arn: String,
}

/// What became of an execution.
#[derive(Debug, Clone, PartialEq)]
pub enum Ran {
    /// It ended with this document.
    Ended(String),
    /// It runs still.
    Running,
    /// It failed, or nobody knows it: there is no document.
    Nothing,
}

/// What starting came to.
pub enum Started {
    /// The execution runs.
    New,
    /// One of that name ran within 90 days: the delivery is a duplicate.
    Before,
}

impl Starter {
    /// Reads `STATE_MACHINE_ARN`. Without it no client is built: the SDK would search for a region where there is none.
    pub async fn new(settings: &Settings) -> Self {
        let Some(arn) = settings.get("STATE_MACHINE_ARN") else { return Self(None) };
        let mut config = aws_sdk_sfn::config::Builder::from(&host::aws::config(settings));
        config.set_endpoint_url(host::aws::endpoint(settings, "SFN"));
        Self(Some(Machine { client: Client::from_conf(config.build()), arn: arn.to_owned() }))
    }

    /// The machine, where one is named.
    pub(crate) fn machine(&self) -> Option<&Machine> {
        self.0.as_ref()
    }

    /// Starts the execution of that name. The error is for the log.
    pub async fn start(&self, name: &str, input: &str) -> Result<Started, String> {
        let Some(Machine { client, arn }) = &self.0 else {
            return Err("STATE_MACHINE_ARN is not set".to_owned());
        };
        let sent = client.start_execution().state_machine_arn(arn).name(name).input(input).send().await;
        match sent {
            Ok(_) => Ok(Started::New),
            Err(error) => match error.as_service_error() {
                Some(StartExecutionError::ExecutionAlreadyExists(_)) => Ok(Started::Before),
                _ => Err(DisplayErrorContext(&error).to_string()),
            },
        }
    }

    /// What the execution of that name ended with. Step Functions keeps it for 90 days. The error is for the log.
    pub async fn document(&self, name: &str) -> Result<Ran, String> {
        let Some(Machine { client, arn }) = &self.0 else {
            return Err("STATE_MACHINE_ARN is not set".to_owned());
        };
        let execution = format!("{}:{name}", arn.replace(":stateMachine:", ":execution:"));
        match client.describe_execution().execution_arn(execution).send().await {
            Ok(answer) => Ok(match (answer.status, answer.output) {
                (ExecutionStatus::Succeeded, Some(output)) => Ran::Ended(output),
                (ExecutionStatus::Running, _) => Ran::Running,
                _ => Ran::Nothing,
            }),
            Err(error) => match error.as_service_error() {
                Some(DescribeExecutionError::ExecutionDoesNotExist(_)) => Ok(Ran::Nothing),
                _ => Err(DisplayErrorContext(&error).to_string()),
            },
        }
    }
}
