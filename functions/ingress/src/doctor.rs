//! For `sitrep doctor`: the machine that `STATE_MACHINE_ARN` names.

use aws_sdk_sfn::error::DisplayErrorContext;
use aws_sdk_sfn::operation::describe_state_machine::DescribeStateMachineError;
use host::{Check, Fault, Outcome, Settings};

use crate::queue::Queue;
use crate::start::{Machine, Starter};

const OF: &str = "Webhook";

/// Checks the secret's presence and that the machine is there. Whether it may be started only starting it would tell.
pub async fn doctor(settings: &Settings) -> Result<Vec<Check>, Fault> {
    let secret = match settings.get("WEBHOOK_SECRET").map(|text| text.split(',').count()) {
        None => Outcome::absent("WEBHOOK_SECRET not set"),
        Some(1) => Outcome::Ok { seen: "set".to_owned() },
        Some(n) => Outcome::Ok { seen: format!("{n} are accepted, while rotating") },
    };
    let machine = Check::attempt(OF, "STATE_MACHINE_ARN", machine(settings)).await;
    let queue = Check::attempt(OF, "QUEUE_URL", queue(settings)).await;
    Ok(vec![Check::new(OF, "WEBHOOK_SECRET", secret), machine, queue])
}

async fn queue(settings: &Settings) -> Result<String, Outcome> {
    let Queue::Sqs { client, url } = Queue::open(settings).await else {
        return Err(Outcome::absent("QUEUE_URL not set: files under SITREP_HOME"));
    };
    let fix = "set QUEUE_URL to the queue that Terraform made, and allow sqs:GetQueueAttributes on it";
    match client.get_queue_attributes().queue_url(url).send().await {
        Ok(_) => Ok("may be asked".to_owned()),
        Err(error) => Err(Outcome::failed(DisplayErrorContext(&error).to_string(), fix)),
    }
}

async fn machine(settings: &Settings) -> Result<String, Outcome> {
    let starter = match settings.get("STATE_MACHINE_ARN") {
        Some(_) => Starter::new(settings).await,
        None => return Err(Outcome::absent("STATE_MACHINE_ARN not set")),
    };
    let Some(Machine { client, arn }) = starter.machine() else { return Err(Outcome::absent("not set")) };
    let fix =
        "set STATE_MACHINE_ARN to what terraform -chdir=infra output names, and AWS_REGION to its region";
    let error = match client.describe_state_machine().state_machine_arn(arn).send().await {
        Ok(found) => return Ok(found.name),
        Err(error) => error,
    };
    match error.as_service_error() {
        Some(
            DescribeStateMachineError::StateMachineDoesNotExist(_) | DescribeStateMachineError::InvalidArn(_),
        ) => Err(Outcome::failed("there is no such machine", fix)),
        Some(refused) if refused.meta().code().is_some_and(|code| code.starts_with("AccessDenied")) => {
            Err(Outcome::absent("these credentials may not look (states:DescribeStateMachine)"))
        }
        _ => Err(Outcome::failed(DisplayErrorContext(&error).to_string(), fix)),
    }
}
