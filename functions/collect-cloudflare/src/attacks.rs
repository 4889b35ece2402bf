//! Attacks on the network, layers 3 and 4: an account's dataset, which only Magic Transit and Spectrum fill.

use collecting::{Answer, CallError};
use incident::evidence::Observation;
use incident::fact::DdosActivity;
use incident::{Fact, Object, Timestamp, Window, size};
use serde::Deserialize;

use crate::client::{Client, Scope};
use crate::counts::by;

const QUESTION: &str = "query ($account: string, $from: Time, $to: Time) { viewer { \
    accounts(filter: { accountTag: $account }) { attacks: dosdAttackAnalyticsGroups(limit: 50, \
    filter: { datetime_geq: $from, datetime_lt: $to }) \
    { dimensions { attackId attackType attackVector mitigationType startDatetime endDatetime } } } } }";
/// Characters of an attack's vector.
const NAME: usize = 60;

#[derive(Deserialize)]
struct Account {
    attacks: Vec<Attack>,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Attack {
    dimensions: Dimensions,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Dimensions {
    #[serde(default)]
    attack_id: Option<String>,
    #[serde(default)]
    attack_type: Option<String>,
    #[serde(default)]
    attack_vector: Option<String>,
    #[serde(default)]
    mitigation_type: Option<String>,
    #[serde(default)]
    start_datetime: Option<Timestamp>,
    #[serde(default)]
    end_datetime: Option<Timestamp>,
}

/// Reads the attacks of a window.
pub async fn read(client: &Client, window: Window) -> Result<Answer<Vec<Attack>>, CallError> {
    let account: Account = client.ask_account(QUESTION, window, Scope::AccountAnalytics).await?;
    Ok(Answer::list(account.attacks))
}

/// What they come to; none where there was none.
pub fn observe(attacks: &[Attack], zone: &Object, window: Window) -> Option<Observation> {
    let of = || attacks.iter().map(|attack| &attack.dimensions);
    let mut ids: Vec<_> = of().map(|attack| attack.attack_id.as_deref().unwrap_or_default()).collect();
    ids.sort_unstable();
    ids.dedup();
    let vector = |attack: &Dimensions| {
        let name = attack.attack_vector.as_deref().or(attack.attack_type.as_deref())?;
        Some((size::cut(name, NAME), 1))
    };
    let fact = DdosActivity {
        layer: "network".to_owned(),
        events: ids.len() as u64,
        by_action: by(of().filter_map(|attack| Some((attack.mitigation_type.clone()?, 1)))),
        by_target: by(of().filter_map(vector)),
        first: of().filter_map(|attack| attack.start_datetime).min(),
        last: of().filter_map(|attack| attack.end_datetime).max(),
        ..DdosActivity::default()
    };
    let vectors: Vec<&str> = fact.by_target.keys().map(String::as_str).collect();
    let summary = format!("{} attack(s) on the network of the account: {}", fact.events, vectors.join(", "));
    let at = fact.first.unwrap_or(window.from);
    let until = fact.last.unwrap_or(window.to);
    (fact.events > 0)
        .then(|| Observation::new(at, zone.clone(), summary, Fact::DdosActivity(fact)).until(until))
}

#[cfg(test)]
mod tests {
    use incident::ObjectKind;

    use super::*;

    #[test]
    fn an_attack_of_several_rows_is_one() {
        let account: Account = serde_json::from_str(
            r#"{"attacks":[{"dimensions":{"attackId":"a","attackType":"SYN","attackVector":"SYN Flood","mitigationType":"drop",
            "startDatetime":"2026-01-01T01:50:00Z","endDatetime":"2026-01-01T01:55:00Z"}},
            {"dimensions":{"attackId":"a","attackVector":"SYN Flood","mitigationType":"drop"}}]}"#,
        )
        .unwrap();
        let window = Window {
            from: "2026-01-01T01:45:00Z".parse().unwrap(),
            to: "2026-01-01T02:00:00Z".parse().unwrap(),
        };
        let zone = Object::new(ObjectKind::Zone, "z");
        let found = observe(&account.attacks, &zone, window).unwrap();
        assert_eq!(found.summary, "1 attack(s) on the network of the account: SYN Flood");
        assert_eq!(found.at, "2026-01-01T01:50:00Z".parse().unwrap());
        assert!(observe(&[], &zone, window).is_none());
    }
}
