//! CloudWatch alarms that are ringing.

use aws_sdk_cloudwatch::Client;
use aws_sdk_cloudwatch::types::{AlarmType, CompositeAlarm, MetricAlarm, StateValue};
use collecting::{Answer, CallError, Run};
use incident::evidence::Observation;
use incident::{Fact, Object, ObjectKind, Timestamp, fact, redact, size};

use crate::failure::failure;
use crate::timestamp;

/// Pages of a hundred alarms that are followed.
const MAX_PAGES: usize = 5;
/// How much of AWS's reason is kept.
const REASON_CHARS: usize = 200;

/// An alarm in ALARM.
#[derive(Debug, Clone, PartialEq)]
pub struct Ringing {
    /// The values of its metric's dimensions: what it watches.
    pub watches: Vec<String>,
    /// The finding.
    pub observation: Observation,
}

/// Reads the metric and composite alarms in ALARM. Both types are named, because without them AWS leaves composites out.
pub async fn read(run: &Run, client: &Client, as_of: Timestamp) -> Vec<Ringing> {
    run.call("DescribeAlarms", "which CloudWatch alarms ring", ask(client, as_of)).await.unwrap_or_default()
}

async fn ask(client: &Client, as_of: Timestamp) -> Result<Answer<Vec<Ringing>>, CallError> {
    let mut ringing = Vec::new();
    let mut token = None;
    for _ in 0..MAX_PAGES {
        let page = client
            .describe_alarms()
            .alarm_types(AlarmType::MetricAlarm)
            .alarm_types(AlarmType::CompositeAlarm)
            .state_value(StateValue::Alarm)
            .max_records(100)
            .set_next_token(token)
            .send()
            .await
            .map_err(|error| failure(error, "cloudwatch:DescribeAlarms"))?;
        ringing.extend(page.metric_alarms().iter().filter_map(|alarm| of_metric(alarm, as_of)));
        ringing.extend(page.composite_alarms().iter().filter_map(|alarm| of_composite(alarm, as_of)));
        token = page.next_token().filter(|token| !token.is_empty()).map(str::to_owned);
        if token.is_none() {
            return Ok(Answer::list(ringing));
        }
    }
    Ok(Answer::partial(ringing, format!("the first {MAX_PAGES} pages of alarms")))
}

fn of_metric(alarm: &MetricAlarm, as_of: Timestamp) -> Option<Ringing> {
    let watches: Vec<String> =
        alarm.dimensions().iter().filter_map(|d| d.value()).map(str::to_owned).collect();
    // A metric-math alarm has no metric of its own.
    let metric = alarm.namespace().zip(alarm.metric_name()).map(|(space, name)| format!("{space} {name}"));
    let since = alarm.state_transitioned_timestamp().or(alarm.state_updated_timestamp());
    let since = since.and_then(timestamp::from_aws);
    let of = if watches.is_empty() { String::new() } else { format!(" of {}", watches.join(", ")) };
    let about = metric.as_ref().map(|metric| format!(" on {metric}{of}")).unwrap_or_default();
    let observation = observe(alarm.alarm_name()?, &about, alarm.state_reason(), metric, since, as_of);
    Some(Ringing { watches, observation })
}

fn of_composite(alarm: &CompositeAlarm, as_of: Timestamp) -> Option<Ringing> {
    let since = alarm.state_transitioned_timestamp().or(alarm.state_updated_timestamp());
    let since = since.and_then(timestamp::from_aws);
    let observation = observe(alarm.alarm_name()?, " (composite)", alarm.state_reason(), None, since, as_of);
    Some(Ringing { watches: Vec::new(), observation })
}

fn observe(
    name: &str,
    about: &str,
    reason: Option<&str>,
    metric: Option<String>,
    since: Option<Timestamp>,
    as_of: Timestamp,
) -> Observation {
    let reason = size::cut(&redact::redact(reason.unwrap_or_default()), REASON_CHARS);
    let when = since.map(|at| format!(" since {}", timestamp::clock(at))).unwrap_or_default();
    let summary = format!("Alarm {name}{about} rings{when}: {reason}");
    let fact =
        fact::Alarm { state: StateValue::Alarm.as_str().to_owned(), reason, metric, history: Vec::new() };
    let object = Object::new(ObjectKind::Alarm, name);
    Observation::new(since.unwrap_or(as_of), object, summary, Fact::Alarm(fact))
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_sdk_cloudwatch::types::Dimension;

    #[test]
    fn an_alarm_says_what_it_watches_since_when_and_why() {
        let as_of: Timestamp = "2026-01-01T02:20:00Z".parse().unwrap();
        let alarm = MetricAlarm::builder()
            .alarm_name("cpu-high")
            .namespace("AWS/RDS")
            .metric_name("CPUUtilization")
            .dimensions(Dimension::builder().name("DBInstanceIdentifier").value("db-1").build())
            .state_reason("Threshold Crossed")
            .state_transitioned_timestamp(aws_smithy_types::DateTime::from_secs(as_of.as_second() - 360))
            .build();
        let ringing = of_metric(&alarm, as_of).unwrap();
        assert_eq!(ringing.watches, ["db-1"]);
        assert_eq!(
            ringing.observation.summary,
            "Alarm cpu-high on AWS/RDS CPUUtilization of db-1 rings since 02:14Z: Threshold Crossed"
        );
        let composite = CompositeAlarm::builder().alarm_name("all").build();
        assert_eq!(of_composite(&composite, as_of).unwrap().observation.at, as_of);
    }
}
