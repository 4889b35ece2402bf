//! The name of a Step Functions execution: how one alert becomes exactly one investigation.

use sha2::{Digest, Sha256};

use crate::Alert;

/// The execution's name: at most 80 of `[A-Za-z0-9-]`, the same for every delivery of the same event.
///
/// It hashes (org, cycle key, transition), plus the event's time where the transition may repeat within a cycle; without a
/// cycle key (org, event id). Step Functions refuses a name it has seen within 90 days, which is the deduplication.
pub fn execution_name(alert: &Alert) -> String {
    let org = alert.org_id.as_deref().unwrap_or_default();
    let mut hash = Sha256::new();
    let mut part = |text: &str| {
        hash.update((text.len() as u64).to_be_bytes());
        hash.update(text.as_bytes());
    };
    part(org);
    match &alert.cycle_key {
        Some(cycle) => {
            part(cycle);
            part(alert.transition.word());
            if alert.transition.repeats() {
                part(&alert.at.as_millisecond().to_string());
            }
        }
        None => part(&alert.event_id),
    }
    let digest: String = hash.finalize().iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    format!("{}-{digest}", alert.transition.word().replace(' ', "-"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Transition, alert};

    fn alert(transition: Transition, cycle: Option<&str>, event: &str, second: i64) -> Alert {
        Alert {
            version: alert::VERSION,
            event_id: event.into(),
            cycle_key: cycle.map(Into::into),
            monitor_id: None,
            transition,
            title: String::new(),
            message: String::new(),
            query: None,
            metric: None,
            scope: vec![],
            tags: vec![],
            host: None,
            priority: None,
            value: None,
            threshold: None,
            status: None,
            at: jiff::Timestamp::from_second(second).unwrap(),
            link: None,
            snapshot: None,
            org_id: Some("1".into()),
        }
    }

    #[test]
    fn a_second_delivery_of_a_trigger_has_the_same_name_whatever_its_event_id_and_time() {
        let one = alert(Transition::Triggered, Some("c"), "1", 10);
        let two = alert(Transition::Triggered, Some("c"), "2", 20);
        assert_eq!(execution_name(&one), execution_name(&two));
    }

    #[test]
    fn each_renotify_has_a_name_of_its_own() {
        let one = alert(Transition::Renotify, Some("c"), "1", 10);
        let two = alert(Transition::Renotify, Some("c"), "1", 20);
        assert_ne!(execution_name(&one), execution_name(&two));
    }

    #[test]
    fn without_a_cycle_key_the_event_tells_them_apart() {
        let one = alert(Transition::Triggered, None, "1", 10);
        let two = alert(Transition::Triggered, None, "2", 10);
        assert_ne!(execution_name(&one), execution_name(&two));
        assert!(execution_name(&one).len() <= 80);
    }
}
