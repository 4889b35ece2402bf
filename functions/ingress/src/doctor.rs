//! For `sitrep doctor`: the secrets of those who deliver, the machine that `STATE_MACHINE_ARN` names, and the queue before it.

use aws_sdk_sfn::error::DisplayErrorContext;
use aws_sdk_sfn::operation::describe_state_machine::DescribeStateMachineError;
use host::{Check, Fault, Outcome, Settings};

use crate::queue::{Queue, most_investigations};
use crate::start::{Machine, Starter};

const OF: &str = "Webhook";
/// What those who deliver prove themselves with: Datadog to `webhook`, the forges and the wiki to `index-webhook`.
const SECRETS: [&str; 4] =
    ["WEBHOOK_SECRET", "GITHUB_WEBHOOK_SECRET", "GITLAB_WEBHOOK_SECRET", "CONFLUENCE_WEBHOOK_SECRET"];
/// Characters below which a secret is guessed sooner or later: the address is open to everybody.
const SHORTEST: usize = 16;

/// Checks the secrets and that the machine is there. Whether it may be started only starting it would tell.
pub async fn doctor(settings: &Settings) -> Result<Vec<Check>, Fault> {
    let secrets = SECRETS.map(|name| Check::new(OF, name, secret(settings, name)));
    let machine = Check::attempt(OF, "STATE_MACHINE_ARN", machine(settings)).await;
    let queue = Check::attempt(OF, "QUEUE_URL", queue(settings)).await;
    let most = match most_investigations(settings) {
        Ok(most) => Outcome::Ok { seen: format!("{most} at a time") },
        Err(fault) => {
            Outcome::failed(fault.message, "write digits alone in MAX_INVESTIGATIONS, or leave it out")
        }
    };
    let most = Check::new(OF, "MAX_INVESTIGATIONS", most);
    Ok([Vec::from(secrets), vec![machine, queue, most]].concat())
}

/// A secret as the functions read it: one, or two with a comma between them while rotating.
fn secret(settings: &Settings, name: &str) -> Outcome {
    let Some(text) = settings.get(name) else { return Outcome::absent(format!("{name} not set")) };
    let accepted: Vec<&str> = text.split(',').map(str::trim).filter(|secret| !secret.is_empty()).collect();
    let fix = format!("make one (openssl rand -hex 32) and put it in {name} and at the sender");
    if accepted.iter().any(|secret| secret.chars().count() < SHORTEST) {
        return Outcome::failed(format!("shorter than {SHORTEST} characters: it can be guessed"), fix);
    }
    match accepted.len() {
        0 => Outcome::failed("nothing is accepted: every delivery is refused", fix),
        1 => Outcome::Ok { seen: "set".to_owned() },
        n => Outcome::Ok { seen: format!("{n} are accepted, while rotating") },
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_that_can_be_guessed_is_a_failure_and_a_rotation_is_not() {
        let with = |value: &str| secret(&Settings::from_values([("A".to_owned(), value.to_owned())]), "A");
        let (old, new) = ("0123456789abcdef", "fedcba9876543210");
        assert!(matches!(with(""), Outcome::NotConfigured { .. }));
        assert_eq!(with(old), Outcome::Ok { seen: "set".to_owned() });
        assert_eq!(
            with(&format!("{old}, {new}")),
            Outcome::Ok { seen: "2 are accepted, while rotating".to_owned() }
        );
        assert_eq!(with(&format!("{old},")), Outcome::Ok { seen: "set".to_owned() });
        for wrong in ["x", ",", format!("{old},short").as_str()] {
            assert!(matches!(with(wrong), Outcome::Failed { .. }), "{wrong}");
        }
    }
}
