//! The ledger on files: what each delivery is answered, in any order.

use std::time::Duration;

use incident::{Alert, Catalog, Subject, Timestamp, Transition, alert};

use super::*;

fn alert(cycle: &str, transition: Transition, minute: i64) -> Alert {
    Alert {
        version: alert::VERSION,
        event_id: "1".into(),
        cycle_key: Some(cycle.into()),
        monitor_id: Some(cycle.into()),
        transition,
        title: format!("monitor {cycle}"),
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
        at: at(minute),
        link: None,
        snapshot: None,
        org_id: None,
    }
}

fn at(minute: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + 60 * minute).unwrap()
}

struct Desk {
    ledger: Ledger,
    catalog: Catalog,
    folder: tempfile::TempDir,
}

impl Desk {
    fn open() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let catalog =
            Catalog::from_yaml("services:\n  shop: {depends_on: [payments]}\n  payments: {}\n  chat: {}\n")
                .unwrap();
        Self { ledger: Ledger::Files(Files::new(folder.path().join("ledger"))), catalog, folder }
    }

    async fn admit(&self, alert: &Alert, event: &str) -> Admission {
        let subject = Subject::resolve(alert, &self.catalog);
        let related = Related::of(alert, &subject, &self.catalog);
        self.ledger.admit(alert, &subject, &related, event, alert.at).await
    }

    async fn lead(&self, alert: &Alert, event: &str) {
        assert_eq!(self.admit(alert, event).await, Admission::Lead, "{event}");
        self.ledger.started(alert, event).await.unwrap();
    }

    async fn record(&self, cycle: &str) -> Record {
        self.ledger.record(&format!("-/{cycle}")).await.unwrap().unwrap()
    }

    async fn recover(&self, alert: &Alert) -> Option<Tell> {
        self.ledger.recovered(alert, &Subject::default(), alert.at).await.unwrap()
    }
}

fn about(service: &str, alert: Alert) -> Alert {
    Alert { tags: vec![format!("service:{service}")], ..alert }
}

#[tokio::test]
async fn the_first_delivery_leads_the_second_is_known_and_a_renotify_follows() {
    let desk = Desk::open();
    let first = alert("c/../1", Transition::Triggered, 0);
    desk.lead(&first, "e1").await;
    assert!(matches!(desk.admit(&first, "e1").await, Admission::Known(_)));
    let again = alert("c/../1", Transition::Renotify, 5);
    let Admission::Follow(record, tell) = desk.admit(&again, "e2").await else { panic!() };
    assert_eq!(record.execution.as_deref(), Some("e1"));
    assert!(tell.send, "nobody tells it yet");
    assert_eq!(desk.record("c/../1").await.deliveries, 3);
}

#[tokio::test]
async fn an_alert_whose_start_failed_leads_again() {
    let desk = Desk::open();
    let first = alert("c", Transition::Triggered, 0);
    assert_eq!(desk.admit(&first, "e1").await, Admission::Lead);
    desk.ledger.not_started(&first).await.unwrap();
    assert_eq!(desk.admit(&first, "e1").await, Admission::Lead);
}

#[tokio::test]
async fn a_renotify_whose_cycle_nobody_remembers_leads() {
    assert_eq!(Desk::open().admit(&alert("c", Transition::Renotify, 0), "e2").await, Admission::Lead);
}

#[tokio::test]
async fn a_recovery_closes_the_cycle_in_whatever_order_it_comes_until_it_is_reopened() {
    let desk = Desk::open();
    let renotify = |minute| alert("c", Transition::Renotify, minute);
    // The recovery overtakes its alert, which leads all the same.
    assert_eq!(desk.recover(&alert("c", Transition::Recovered, 10)).await, None);
    desk.lead(&alert("c", Transition::Triggered, 0), "first").await;
    assert_eq!(desk.record("c").await.lasted().unwrap().as_mins(), 10);
    assert!(matches!(desk.admit(&renotify(9), "at 9").await, Admission::Follow(..)));
    desk.lead(&renotify(20), "at 20").await;
    let Admission::Follow(record, _) = desk.admit(&renotify(30), "at 30").await else { panic!() };
    assert_eq!(record.execution.as_deref(), Some("at 20"));
    // A recovery from before the reopening closes nothing, however late it comes.
    assert_eq!(desk.recover(&alert("c", Transition::Recovered, 15)).await, None);
    assert!(matches!(desk.admit(&renotify(31), "at 31").await, Admission::Follow(..)));
}

#[tokio::test]
async fn a_monitor_that_alerts_again_soon_after_its_recovery_stays_in_its_thread() {
    let desk = Desk::open();
    desk.lead(&alert("c", Transition::Triggered, 0), "first").await;
    assert!(desk.recover(&alert("c", Transition::Recovered, 4)).await.is_some());
    assert_eq!(desk.recover(&alert("c", Transition::Recovered, 4)).await, None, "told once");
    let again = alert("c", Transition::ReTriggered, 6);
    assert!(matches!(desk.admit(&again, "again").await, Admission::Follow(..)));
    let record = desk.record("c").await;
    assert_eq!((record.flaps, record.closed()), (1, None));
    // The same monitor under a new cycle: the same trouble as well.
    let new = Alert { cycle_key: Some("c2".into()), ..alert("c", Transition::Triggered, 9) };
    let Admission::Fold(_, fold, _) = desk.admit(&new, "new").await else { panic!() };
    assert_eq!((fold.into.as_str(), fold.reason.as_str()), ("-/c", "the same monitor alerted again"));
}

#[tokio::test]
async fn alerts_of_one_object_or_one_dependency_within_the_window_are_one_incident() {
    let desk = Desk::open();
    desk.lead(&about("payments", alert("a", Transition::Triggered, 0)), "a").await;
    let fold = |admission| match admission {
        Admission::Fold(_, fold, tell) => (fold.into, fold.reason, tell.send),
        other => panic!("{other:?}"),
    };
    let same = desk.admit(&about("payments", alert("b", Transition::Triggered, 2)), "b").await;
    assert_eq!(fold(same), ("-/a".into(), "both concern service payments".into(), true));
    let caller = desk.admit(&about("shop", alert("c", Transition::NoData, 3)), "c").await;
    assert_eq!(fold(caller), ("-/a".into(), "shop depends on payments".into(), false));
    // A folded alert's own news go to the incident that leads.
    let again = desk.admit(&about("shop", alert("c", Transition::Renotify, 8)), "c again").await;
    assert!(matches!(again, Admission::Follow(lead, _) if lead.cycle == "-/a"));
    let record = desk.record("a").await;
    assert_eq!((record.folds, record.news.len()), (2, 3));
    // Neither another service nor another hour.
    desk.lead(&about("chat", alert("d", Transition::Triggered, 3)), "d").await;
    desk.lead(&about("payments", alert("e", Transition::Triggered, 60)), "e").await;
}

#[tokio::test]
async fn nothing_folds_into_what_never_started_or_is_over() {
    let desk = Desk::open();
    let first = about("chat", alert("a", Transition::Triggered, 0));
    assert_eq!(desk.admit(&first, "a").await, Admission::Lead);
    desk.ledger.not_started(&first).await.unwrap();
    desk.lead(&about("chat", alert("b", Transition::Triggered, 1)), "b").await;
    desk.recover(&alert("b", Transition::Recovered, 2)).await;
    desk.lead(&about("chat", alert("c", Transition::Triggered, 3)), "c").await;
}

#[tokio::test]
async fn news_are_told_by_one_teller_who_goes_on_while_more_come() {
    let desk = Desk::open();
    desk.lead(&alert("c", Transition::Triggered, 0), "e").await;
    let again = async |minute: i64| {
        let renotify = alert("c", Transition::Renotify, minute);
        match desk.admit(&renotify, &format!("at {minute}")).await {
            Admission::Follow(_, tell) => tell.send,
            other => panic!("{other:?}"),
        }
    };
    assert!(again(1).await && !again(2).await);
    assert!(!desk.ledger.told("-/c", 2).await.unwrap());
    assert!(again(3).await && !again(4).await);
    assert!(desk.ledger.told("-/c", 1).await.unwrap(), "one came while the other was told");
    desk.ledger.untold("-/c").await.unwrap();
    assert!(again(5).await);
    assert!(again(60).await, "a teller who died is replaced");
}

#[tokio::test]
async fn places_are_few_and_come_back() {
    let desk = Desk::open();
    let take = async |name: &str, minute| desk.ledger.take_slot(name, 2, at(minute)).await;
    assert!(take("a", 0).await && take("b", 0).await && take("a", 0).await);
    assert!(!take("c", 1).await);
    desk.ledger.free_slot("a").await;
    assert!(take("c", 1).await);
    assert!(!take("d", 2).await);
    assert!(take("d", 7).await, "an investigation that died holds its place for five minutes");
}

#[tokio::test]
async fn messages_of_a_channel_are_a_second_apart_and_impatience_takes_no_place() {
    let desk = Desk::open();
    let pace = async |patience| {
        let wait = desk.ledger.pace("C1", at(0), Duration::from_secs(patience)).await;
        wait.map(|wait| wait.as_millis())
    };
    assert_eq!((pace(0).await, pace(5).await, pace(5).await), (Some(0), Some(1050), Some(2100)));
    assert_eq!((pace(2).await, pace(5).await), (None, Some(3150)));
}

#[tokio::test]
async fn cycles_whose_keys_begin_alike_are_two() {
    let desk = Desk::open();
    let keyed = |end: &str| alert(&("k".repeat(200) + end), Transition::Renotify, 0);
    desk.lead(&keyed("a"), "e1").await;
    assert!(matches!(desk.admit(&keyed("a"), "e2").await, Admission::Follow(..)));
    assert_eq!(desk.admit(&keyed("b"), "e2").await, Admission::Lead);
}

#[tokio::test]
async fn a_broken_record_is_no_reason_to_stay_silent() {
    let desk = Desk::open();
    let first = alert("c", Transition::Triggered, 0);
    desk.lead(&first, "e1").await;
    for file in std::fs::read_dir(desk.folder.path().join("ledger")).unwrap() {
        std::fs::write(file.unwrap().path(), "{").unwrap();
    }
    assert_eq!(desk.admit(&first, "e1").await, Admission::Lead);
}

#[tokio::test(flavor = "multi_thread")]
async fn alerts_that_come_at_the_same_moment_have_one_lead() {
    for round in 0..20 {
        let desk = std::sync::Arc::new(Desk::open());
        let tasks: Vec<_> = (0..12)
            .map(|n| {
                let desk = std::sync::Arc::clone(&desk);
                tokio::spawn(async move {
                    let cycle = format!("c{n}");
                    let mut alert = about("shop", alert(&cycle, Transition::Triggered, 0));
                    if n % 2 == 0 {
                        alert.tags.push("dbinstanceidentifier:db".to_owned());
                    }
                    let admission = desk.admit(&alert, &cycle).await;
                    // A start takes its time, in which others are delivered.
                    tokio::time::sleep(Duration::from_millis(3)).await;
                    if admission == Admission::Lead {
                        desk.ledger.started(&alert, &cycle).await.unwrap();
                    }
                    admission
                })
            })
            .collect();
        let mut leads = 0;
        for task in tasks {
            leads += usize::from(task.await.unwrap() == Admission::Lead);
        }
        assert_eq!(leads, 1, "round {round}");
        // Whoever was folded, and into whatever, ends at the one that leads, and is told there.
        let mut heads = std::collections::BTreeSet::new();
        let mut told = 0;
        for n in 0..12 {
            let record = desk.record(&format!("c{n}")).await;
            told += record.news.len();
            heads.insert(desk.ledger.lead_of(record).await.unwrap().cycle);
        }
        assert_eq!((heads.len(), told), (1, 11), "round {round}");
        let lead = desk.ledger.record(heads.first().unwrap()).await.unwrap().unwrap();
        assert_eq!((lead.folds, lead.news.len(), lead.open_folds.len()), (11, 11, 11), "round {round}");
    }
}

#[tokio::test]
async fn who_changes_their_mind_is_counted_once_and_the_newest_counts() {
    let desk = Desk::open();
    desk.lead(&alert("c", Transition::Triggered, 0), "e").await;
    let say = async |kind, cause: Option<&str>| {
        let feedback = Feedback { kind, user: "U1".into(), at: at(1), cause: cause.map(str::to_owned) };
        desk.ledger.said("-/c", &feedback).await.unwrap()
    };
    assert!(say(FeedbackKind::Wrong, Some("the netwrok")).await);
    assert!(!say(FeedbackKind::Wrong, Some("the netwrok")).await, "the same again");
    assert!(say(FeedbackKind::Wrong, Some("the network")).await);
    assert!(say(FeedbackKind::TookOver, None).await && say(FeedbackKind::Correct, None).await);
    let kinds: Vec<_> = desk.record("c").await.feedback.iter().map(|said| said.kind).collect();
    assert_eq!(kinds, [FeedbackKind::TookOver, FeedbackKind::Correct]);
}

#[tokio::test]
async fn a_second_brief_is_paid_for_too_and_people_had_the_first() {
    let desk = Desk::open();
    let alert = alert("c", Transition::Triggered, 0);
    let brief = |execution: &str, minute, dollars| Briefed {
        execution: Some(execution.to_owned()),
        at: Some(at(minute)),
        posted: true,
        dollars,
        ..Briefed::default()
    };
    for (execution, minute, dollars) in [("e1", 1, 0.25), ("e1", 1, 0.25), ("e2", 30, 0.5)] {
        let brief = brief(execution, minute, dollars);
        desk.ledger.briefed(&alert, &Subject::default(), &brief, None).await.unwrap();
    }
    let briefed = desk.record("c").await.briefed.unwrap();
    assert_eq!((briefed.execution.as_deref(), briefed.at, briefed.dollars), (Some("e2"), Some(at(1)), 0.75));
}

#[tokio::test]
async fn an_alert_that_follows_its_own_warning_is_what_is_investigated() {
    let desk = Desk::open();
    let warning = alert("c", Transition::Warn, 0);
    desk.ledger.ignored(&warning, &Subject::default(), "w").await.unwrap();
    desk.lead(&alert("c", Transition::Triggered, 180), "e").await;
    assert_eq!(desk.record("c").await.input["alert"]["transition"], "triggered");
}

#[tokio::test]
async fn what_is_unfolded_keeps_the_other_incident_open_no_longer() {
    let desk = Desk::open();
    desk.lead(&about("shop", alert("a", Transition::Triggered, 0)), "a").await;
    let second = about("shop", alert("b", Transition::Triggered, 1));
    assert!(matches!(desk.admit(&second, "b").await, Admission::Fold(..)));
    assert_eq!(desk.record("a").await.open_folds.len(), 1);
    desk.ledger.start("-/b", second.at, "b-again-1").await.unwrap();
    assert_eq!(desk.record("b").await.folded, None);
    assert!(desk.record("a").await.open_folds.is_empty());
}
