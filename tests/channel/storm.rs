//! Ten thousand webhooks in a minute: three in ten are duplicates, forty monitors fire for each incident.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use serde_json::{Value, json};

use super::{Desk, delivery};

const INCIDENTS: usize = 175;
const MONITORS: usize = 40;
const WEBHOOKS: usize = 10_000;
const AT_ONCE: usize = 10;

/// The deliveries of the minute, shuffled the same way every time.
fn deliveries() -> Vec<Value> {
    let alert = |incident: usize, monitor: usize, second: usize| {
        let service = format!("service:svc-{incident}");
        delivery(json!({
            "event_id": format!("{incident}-{monitor}"), "cycle_key": format!("c-{incident}-{monitor}"),
            "monitor_id": format!("{incident}{monitor:02}"), "monitor_title": format!("monitor {monitor} of svc-{incident}"),
            "scope": service, "tags": format!("{service},env:prod"), "message": "", "query": "", "status": "",
            "date_ms": (1_794_622_440_000_u64 + 1000 * second as u64).to_string(),
        }))
    };
    let mut all: Vec<(usize, usize)> =
        (0..INCIDENTS).flat_map(|incident| (0..MONITORS).map(move |monitor| (incident, monitor))).collect();
    let duplicates: Vec<(usize, usize)> = all.iter().copied().step_by(2).take(WEBHOOKS - all.len()).collect();
    all.extend(duplicates);
    let mut random = 42_u64;
    for last in (1..all.len()).rev() {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        all.swap(last, (random >> 33) as usize % (last + 1));
    }
    all.iter()
        .enumerate()
        .map(|(n, (incident, monitor))| alert(*incident, *monitor, 60 * n / WEBHOOKS))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn each_cycle_is_taken_once_folded_as_stated_and_none_is_lost() {
    let mut desk = Desk::open(json!([]), &[]).await;
    let mut outcomes: BTreeMap<String, usize> = BTreeMap::new();
    let mut investigated: Vec<String> = Vec::new();
    let mut news: BTreeSet<String> = BTreeSet::new();
    let mut running: Vec<String> = Vec::new();
    let mut most = 0;
    let mut hear = |desk: &mut Desk, running: &mut Vec<String>| {
        while let Some(requested) = desk.listener.requested() {
            match requested.input["news"].as_str() {
                Some(lead) => assert!(news.insert(lead.to_owned()), "two tell the news of {lead}"),
                None => {
                    investigated.push(requested.name.clone());
                    running.push(requested.name);
                }
            }
        }
        running.len()
    };
    let began = Instant::now();
    for (n, body) in deliveries().iter().enumerate() {
        let (status, said) = desk.deliver(body).await;
        assert!(status == 200 || status == 202, "{said}");
        *outcomes.entry(said["outcome"].as_str().unwrap().to_owned()).or_default() += 1;
        most = most.max(hear(&mut desk, &mut running));
        // Now and then the oldest investigation ends.
        if n % 100 == 99 && !running.is_empty() {
            desk.ledger.free_slot(&running.remove(0)).await;
        }
    }
    // The storm is over: each delivery that follows takes out of the queue what there is room for.
    let warning = delivery(json!({"transition": "Warn", "cycle_key": "another"}));
    while !running.is_empty() {
        for name in std::mem::take(&mut running) {
            desk.ledger.free_slot(&name).await;
        }
        desk.deliver(&warning).await;
        most = most.max(hear(&mut desk, &mut running));
    }
    println!("10,000 webhooks taken in {:?}: {outcomes:?}", began.elapsed());
    let count = |outcome: &str| outcomes.get(outcome).copied().unwrap_or_default();
    assert_eq!(count("started") + count("queued"), INCIDENTS);
    assert_eq!(
        (count("folded"), count("duplicate")),
        (INCIDENTS * (MONITORS - 1), WEBHOOKS - INCIDENTS * MONITORS)
    );
    assert!(count("queued") > 0 && most <= AT_ONCE, "{most} at once");
    let distinct: BTreeSet<&String> = investigated.iter().collect();
    assert_eq!((investigated.len(), distinct.len()), (INCIDENTS, INCIDENTS), "each incident once");
    assert_eq!(news.len(), INCIDENTS, "one teller an incident");

    let records = desk.ledger.since("2020-01-01T00:00:00Z".parse().unwrap()).await.unwrap();
    let records: Vec<_> = records.iter().filter(|record| record.cycle.contains("/c-")).collect();
    assert_eq!(records.len(), INCIDENTS * MONITORS, "every alert is in the ledger");
    assert_eq!(records.iter().map(|record| record.deliveries).sum::<u64>(), WEBHOOKS as u64);
    let leads: BTreeMap<&str, _> = records
        .iter()
        .filter(|record| record.folded.is_none())
        .map(|record| (record.cycle.as_str(), record))
        .collect();
    assert_eq!(leads.len(), INCIDENTS);
    for record in &records {
        let incident = |cycle: &str| cycle.split('-').nth(1).unwrap().to_owned();
        match &record.folded {
            None => {
                assert!(
                    record.execution.is_some() && record.queued.is_none(),
                    "{} never started",
                    record.cycle
                );
                assert_eq!((record.folds, record.news.len()), (MONITORS as u64 - 1, MONITORS - 1));
            }
            Some(fold) => {
                assert!(leads.contains_key(fold.into.as_str()), "{} is folded into a fold", record.cycle);
                assert_eq!(incident(&fold.into), incident(&record.cycle));
                assert!(fold.reason.starts_with("both concern service svc-"), "{}", fold.reason);
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_storms_news_are_one_message_a_thread_and_one_message_a_second() {
    let desk = Desk::open(json!([]), &[]).await;
    let mut leads = Vec::new();
    for body in deliveries().iter().take(300) {
        let (_, said) = desk.deliver(body).await;
        if said["outcome"] == "folded" && leads.len() < 4 {
            let records = desk.ledger.since("2020-01-01T00:00:00Z".parse().unwrap()).await.unwrap();
            leads = records.into_iter().filter(|record| record.folds > 0).collect();
        }
    }
    let place = |n: usize| ledger::Message { channel: "C0SIMULATED".to_owned(), ts: format!("{n}.0") };
    leads.truncate(2);
    for (n, lead) in leads.iter().enumerate() {
        desk.ledger.announced(&lead.cycle, &place(n)).await.unwrap();
    }
    let began = Instant::now();
    let told = futures::future::join_all(leads.iter().map(|lead| desk.tell(&lead.cycle))).await;
    let took = began.elapsed().as_secs_f64();
    assert!(told.iter().all(|told| told.as_ref().is_ok_and(|told| told.told > 0)), "{told:?}");
    let messages = desk.messages();
    assert_eq!(messages.len(), leads.len());
    // A thread whose message is gone makes two attempts; a second passes between any two.
    assert!(took >= 3.0, "{} attempts in {took:.1} s", 2 * messages.len());
    let told = serde_json::to_string(&messages[0].blocks).unwrap();
    assert!(told.contains("part of this incident") && told.contains("both concern service"), "{told}");
    assert!(told.contains("Investigate by itself"), "{told}");
}
