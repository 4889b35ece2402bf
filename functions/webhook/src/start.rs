//! `StartExecution`, and what its answers mean here.

use aws_sdk_sfn::Client;
use aws_sdk_sfn::error::DisplayErrorContext;
use aws_sdk_sfn::operation::start_execution::StartExecutionError;
use host::Settings;

/// Starts executions of the incident machine.
pub struct Starter {
    client: Client,
    machine: String,
}

/// What starting came to.
pub enum Started {
    /// The execution runs.
    New,
    /// One of that name ran within 90 days: the alert is a duplicate.
    Before,
}

impl Starter {
    /// Reads `STATE_MACHINE_ARN`.
    pub async fn new(settings: &Settings) -> Self {
        let mut config = aws_sdk_sfn::config::Builder::from(&host::aws::config(settings).await);
        config.set_endpoint_url(host::aws::endpoint(settings, "SFN"));
        Self {
            client: Client::from_conf(config.build()),
            machine: settings.get_or("STATE_MACHINE_ARN", "").to_owned(),
        }
    }

    /// Starts the execution of that name. The error is for the log.
    pub async fn start(&self, name: &str, input: &str) -> Result<Started, String> {
        if self.machine.is_empty() {
            return Err("STATE_MACHINE_ARN is not set".to_owned());
        }
        let sent = self.client.start_execution().state_machine_arn(&self.machine).name(name).input(input).send().await;
        match sent {
            Ok(_) => Ok(Started::New),
            Err(error) => match error.as_service_error() {
                Some(StartExecutionError::ExecutionAlreadyExists(_)) => Ok(Started::Before),
                _ => Err(DisplayErrorContext(&error).to_string()),
            },
        }
    }
}
