//! What alarms did in the last day: when each began to ring, on CloudWatch's own clock, and those that rang and are quiet again.

use std::collections::BTreeMap;

use aws_sdk_cloudwatch::Client;
use aws_sdk_cloudwatch::types::{AlarmHistoryItem, AlarmType, HistoryItemType, ScanBy};
use collecting::{Answer, CallError, Run};
use incident::evidence::Observation;
use incident::fact::{Alarm, AlarmChange};
use incident::{Fact, Object, ObjectKind, Timestamp, Window};
use jiff::SignedDuration;

use crate::alarms::Ringing;
use crate::failure::failure;
use crate::timestamp;

/// How far back.
const BEFORE: SignedDuration = SignedDuration::from_hours(24);
/// Pages of a hundred changes that are followed; the newest come first.
const MAX_PAGES: usize = 3;
/// Changes told of one alarm.
const TOLD: usize = 5;

/// State changes by alarm, newest first.
pub type Changes = BTreeMap<String, Vec<AlarmChange>>;

/// Reads the state changes of all alarms.
pub async fn read(run: &Run, client: &Client, as_of: Timestamp) -> Changes {
    run.call("DescribeAlarmHistory", "when alarms began to ring", ask(client, as_of))
        .await
        .unwrap_or_default()
}

async fn ask(client: &Client, as_of: Timestamp) -> Result<Answer<Changes>, CallError> {
    let since = as_of.checked_sub(BEFORE).unwrap_or(as_of);
    let mut changes = Changes::new();
    let mut token = None;
    for _ in 0..MAX_PAGES {
        let page = client
            .describe_alarm_history()
            .alarm_types(AlarmType::MetricAlarm)
            .alarm_types(AlarmType::CompositeAlarm)
            .history_item_type(HistoryItemType::StateUpdate)
            .start_date(timestamp::to_aws(since))
            .end_date(timestamp::to_aws(as_of))
            .scan_by(ScanBy::TimestampDescending)
            .max_records(100)
            .set_next_token(token)
            .send()
            .await
            .map_err(|error| failure(error, "cloudwatch:DescribeAlarmHistory"))?;
        for item in page.alarm_history_items() {
            if let Some((name, change)) = read_change(item) {
                changes.entry(name).or_default().push(change);
            }
        }
        token = page.next_token().filter(|token| !token.is_empty()).map(str::to_owned);
        if token.is_none() {
            return Ok(if changes.is_empty() { Answer::empty(changes) } else { Answer::full(changes) });
        }
    }
    Ok(Answer::partial(changes, format!("the newest {MAX_PAGES} pages of alarm changes")))
}

/// `HistoryData` is a document of its own: `{"oldState": {"stateValue": "OK"}, "newState": {"stateValue": "ALARM", "stateReasonData":
/// {"startDate": "2026-11-14T02:12:00.000+0000"}}}`.
fn read_change(item: &AlarmHistoryItem) -> Option<(String, AlarmChange)> {
    let data: serde_json::Value = serde_json::from_str(item.history_data()?).ok()?;
    let state = |name: &str| data[name]["stateValue"].as_str().map(str::to_owned);
    let began = data["newState"]["stateReasonData"]["startDate"].as_str().and_then(date);
    let change = AlarmChange {
        at: timestamp::from_aws(item.timestamp()?)?,
        from: state("oldState").unwrap_or_else(|| "INSUFFICIENT_DATA".to_owned()),
        to: state("newState")?,
        data_from: began,
    };
    Some((item.alarm_name()?.to_owned(), change))
}

/// CloudWatch writes the offset without a colon.
fn date(text: &str) -> Option<Timestamp> {
    text.parse().ok().or_else(|| text.replace("+0000", "Z").parse().ok())
}

/// Gives the ringing alarms their changes, and adds those that rang within the window and are quiet again.
pub fn join(ringing: Vec<Ringing>, mut changes: Changes, window: Window) -> Vec<Ringing> {
    let mut joined: Vec<Ringing> = ringing
        .into_iter()
        .map(|mut alarm| {
            if let Fact::Alarm(fact) = &mut alarm.observation.fact {
                fact.history = changes.remove(&alarm.observation.object.name).unwrap_or_default();
                fact.history.truncate(TOLD);
            }
            alarm
        })
        .collect();
    joined.extend(changes.into_iter().filter_map(|(name, changes)| rang(&name, changes, window)));
    joined
}

/// An alarm that rang within the window and does not now.
fn rang(name: &str, mut changes: Vec<AlarmChange>, window: Window) -> Option<Ringing> {
    changes.truncate(TOLD);
    let last = changes.first()?;
    let began = changes.iter().find(|change| change.to == "ALARM" && change.at >= window.from)?;
    if last.to == "ALARM" {
        return None;
    }
    let (at, ended) = (began.at, last.at);
    let summary = format!("Alarm {name} rang from {} to {}", timestamp::clock(at), timestamp::clock(ended));
    let fact = Alarm { state: last.to.clone(), history: changes, ..Alarm::default() };
    let observation = Observation::new(at, Object::new(ObjectKind::Alarm, name), summary, Fact::Alarm(fact));
    Some(Ringing { watches: Vec::new(), observation: observation.until(ended) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(time: &str) -> Timestamp {
        format!("2026-01-01T{time}Z").parse().unwrap()
    }

    fn item(time: &str, from: &str, to: &str) -> AlarmHistoryItem {
        AlarmHistoryItem::builder()
            .alarm_name("cpu")
            .timestamp(timestamp::to_aws(at(time)))
            .history_data(format!(
                r#"{{"version":"1.0","oldState":{{"stateValue":"{from}"}},"newState":{{"stateValue":"{to}",
                "stateReasonData":{{"version":"1.0","startDate":"2026-01-01T02:12:00.000+0000"}}}}}}"#
            ))
            .build()
    }

    #[test]
    fn a_change_tells_its_states_and_the_first_data_point_that_counted() {
        let (name, change) = read_change(&item("02:14:00", "OK", "ALARM")).unwrap();
        assert_eq!((name.as_str(), change.from.as_str(), change.to.as_str()), ("cpu", "OK", "ALARM"));
        assert_eq!((change.at, change.data_from), (at("02:14:00"), Some(at("02:12:00"))));
        assert!(
            read_change(&AlarmHistoryItem::builder().alarm_name("x").history_data("no").build()).is_none()
        );
    }

    #[test]
    fn an_alarm_that_rang_and_is_quiet_is_told_and_one_that_rang_yesterday_is_not() {
        let window = Window { from: at("02:00:00"), to: at("03:00:00") };
        let changes = |items: &[AlarmHistoryItem]| {
            let changes = items.iter().filter_map(|item| Some(read_change(item)?.1)).collect();
            join(Vec::new(), Changes::from([("cpu".to_owned(), changes)]), window)
        };
        let told = changes(&[item("02:20:00", "ALARM", "OK"), item("02:14:00", "OK", "ALARM")]);
        assert_eq!(told[0].observation.summary, "Alarm cpu rang from 02:14Z to 02:20Z");
        assert!(changes(&[item("01:20:00", "ALARM", "OK"), item("01:14:00", "OK", "ALARM")]).is_empty());
    }
}
