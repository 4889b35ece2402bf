//! The end state where deliveries come twice, late or in another order, and where Slack does not do what it should.

use serde_json::json;

use super::{Desk, delivery, document};
use incident::brief::Posted;
use ledger::cycle;

fn minutes(minutes: i64) -> serde_json::Value {
    json!((1_794_622_440_000_i64 + 60_000 * minutes).to_string())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_announcement_and_a_brief_asked_for_twice_are_one_message() {
    let desk = Desk::open(json!([]), &[]).await;
    let mut state = document();
    let first = desk.announce(&state).await;
    assert_eq!(desk.announce(&state).await.ts, first.ts);
    state.announcement = Some(first.clone());
    for _ in 0..2 {
        assert_eq!(desk.brief(&state).await.ts, first.ts);
    }
    assert_eq!(desk.channel().len(), 1);
    // Also where the execution never heard of its own announcement: the ledger did.
    state.announcement = None;
    assert_eq!(desk.brief(&state).await.ts, first.ts);
    assert_eq!(desk.channel().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_alert_alone_does_not_replace_the_brief_of_the_same_execution() {
    let desk = Desk::open(json!([]), &[]).await;
    let state = document();
    desk.brief(&state).await;
    let alone = json!({"alert": state.alert, "as_of": state.as_of});
    desk.call("alone", alone, None).await.unwrap();
    let shown = &desk.channel()[0];
    assert!(!shown.blocks[0].to_string().contains("FAILED"), "{:?}", shown.blocks[0]);
    assert!(serde_json::to_string(&shown.blocks).unwrap().contains("ROOT CAUSE"));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_announcement_that_timed_out_but_stands_is_found_again() {
    let desk = Desk::open(json!([]), &[]).await;
    let mut state = document();
    let stands = desk.announce(&state).await;
    // Another ledger: it knows nothing of it, as where the answer was lost.
    let other = Desk::open(json!([]), &[]).await;
    let home = tempfile::tempdir().unwrap();
    let settings =
        desk.settings.clone().with([("SITREP_HOME".to_owned(), home.path().display().to_string())]);
    let amnesiac = Desk { settings, started: Some(state.alert.at), ..other };
    state.announcement = Some(incident::brief::Announcement {
        posted: Posted::Failed,
        channel: None,
        ts: None,
        gap: Some(incident::Gap {
            what: "announcement".to_owned(),
            status: incident::Status::Timeout,
            sentence: "no answer".to_owned(),
            error: None,
        }),
    });
    assert_eq!(amnesiac.brief(&state).await.ts, stands.ts);
    assert_eq!(desk.channel().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_recovery_before_during_or_after_the_brief_ends_in_the_same_message() {
    let recovered = delivery(json!({"transition": "Recovered", "date_ms": minutes(17)}));
    for order in ["before the alert", "before the brief", "after the brief"] {
        let desk = Desk::open(json!([]), &[]).await;
        let state = document();
        if order == "before the alert" {
            assert_eq!(desk.deliver(&recovered).await.1["outcome"], "recovered");
        }
        assert_eq!(desk.deliver(&delivery(json!({}))).await.1["outcome"], "started", "{order}");
        desk.announce(&state).await;
        if order == "before the brief" {
            desk.deliver(&recovered).await;
        }
        desk.brief(&state).await;
        if order == "after the brief" {
            assert!(desk.channel()[0].text.contains("INCIDENT"), "{order}");
            desk.deliver(&recovered).await;
        }
        // Delivered twice, it is told once.
        assert_eq!(desk.deliver(&recovered).await.1["outcome"], "recovered");
        let told = desk.tell(&cycle(&state.alert)).await.unwrap();
        assert_eq!(told.told, usize::from(order != "before the alert"), "{order}");
        assert_eq!(desk.tell(&cycle(&state.alert)).await.unwrap().told, 0, "{order}");
        let channel = desk.channel();
        assert_eq!(channel.len(), 1, "{order}");
        assert!(channel[0].text.starts_with("🟢 RECOVERED after 17 min"), "{order}: {}", channel[0].text);
        let blocks = serde_json::to_string(&channel[0].blocks).unwrap();
        assert!(blocks.contains("lasted 17 min") && blocks.contains("ROOT CAUSE"), "{order}");
        assert_eq!(desk.record(&state.alert).await.lasted().unwrap().as_mins(), 17, "{order}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_renotify_and_a_flap_are_told_in_the_thread_and_start_nothing() {
    let mut desk = Desk::open(json!([]), &[]).await;
    let state = document();
    desk.deliver(&delivery(json!({}))).await;
    assert!(desk.listener.requested().is_some());
    desk.brief(&state).await;
    let before = desk.messages().len();
    for (transition, minute, outcome) in
        [("Renotify", 10, "joined"), ("Recovered", 12, "recovered"), ("Re-Triggered", 14, "joined")]
    {
        let body = delivery(json!({"transition": transition, "date_ms": minutes(minute)}));
        assert_eq!(desk.deliver(&body).await.1["outcome"], outcome);
    }
    let requested = desk.listener.requested().unwrap();
    assert!(requested.name.contains("-news-") && desk.listener.requested().is_none(), "{}", requested.name);
    let cycle = requested.input["news"].as_str().unwrap().to_owned();
    assert_eq!(desk.tell(&cycle).await.unwrap().told, 3);
    let messages = desk.messages();
    assert_eq!(messages.len(), before + 1);
    let told = serde_json::to_string(&messages.last().unwrap().blocks).unwrap();
    for word in ["still alerting", "recovered", "alerted again soon after its recovery"] {
        assert!(told.contains(word), "{told}");
    }
    assert!(desk.channel()[0].text.contains("INCIDENT"), "it flapped: it is not over");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_brief_is_posted_afresh_and_its_news_go_where_it_is() {
    let desk = Desk::open(json!([]), &[]).await;
    let mut state = document();
    desk.deliver(&delivery(json!({}))).await;
    let announced = desk.announce(&state).await;
    desk.platform.slack(|slack| slack.delete(announced.ts.as_deref().unwrap()));
    state.announcement = Some(announced.clone());
    let brief = desk.brief(&state).await;
    assert!(brief.ts.is_some() && brief.ts != announced.ts);
    let record = desk.record(&state.alert).await;
    assert_eq!(record.message.map(|message| message.ts), brief.ts);
    // Deleted once more, after the brief: what happens then is told in the channel.
    desk.deliver(&delivery(json!({"transition": "Recovered", "date_ms": minutes(5)}))).await;
    desk.platform.slack(|slack| slack.delete(brief.ts.as_deref().unwrap()));
    desk.tell(&cycle(&state.alert)).await.unwrap();
    let channel = desk.channel();
    assert!(channel.last().unwrap().text.contains("Recovered"), "{channel:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_expired_token_is_not_tried_again_and_the_ledger_says_that_nobody_read_it() {
    let desk = Desk::open(json!([]), &[("SLACK_BOT_TOKEN", "xoxb-expired")]).await;
    let state = document();
    let brief = desk.brief(&state).await;
    assert_eq!((brief.posted, brief.again), (Posted::Failed, None));
    assert_eq!(brief.gap.unwrap().status, incident::Status::Denied);
    let record = desk.record(&state.alert).await;
    assert!(!record.briefed.unwrap().posted);
    let alone = json!({"alert": state.alert, "as_of": state.as_of});
    assert_eq!(desk.call("alone", alone, None).await.unwrap_err().name, host::fault::NOT_POSTED);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slack_that_is_down_is_tried_until_it_is_back_and_holds_one_brief_then() {
    // Ten minutes of attempts, one every thirty seconds.
    let down = json!([{"vendor": "slack", "kind": "status", "status": 503, "times": 21}]);
    let desk = Desk::open(down, &[]).await;
    let state = document();
    desk.deliver(&delivery(json!({}))).await;
    assert_eq!(desk.announce(&state).await.posted, Posted::Failed);
    for attempt in 0..20 {
        let brief = desk.brief(&state).await;
        assert_eq!((brief.posted, brief.again), (Posted::Failed, Some(true)), "attempt {attempt}");
    }
    let brief = desk.brief(&state).await;
    assert_eq!((brief.posted, brief.again), (Posted::Slack, None));
    assert_eq!(desk.channel().len(), 1);
    assert!(desk.record(&state.alert).await.briefed.unwrap().posted);
}

#[tokio::test(flavor = "multi_thread")]
async fn news_wait_for_a_slack_that_is_down_and_for_a_message_that_does_not_stand_yet() {
    let desk =
        Desk::open(json!([{"vendor": "slack", "kind": "status", "status": 503, "times": 1}]), &[]).await;
    let state = document();
    desk.deliver(&delivery(json!({}))).await;
    desk.deliver(&delivery(json!({"transition": "Renotify", "date_ms": minutes(2)}))).await;
    let name = cycle(&state.alert);
    assert!(desk.tell(&name).await.unwrap().pause_s > 0, "nothing stands yet");
    assert_eq!(desk.announce(&state).await.posted, Posted::Failed);
    desk.announce(&state).await;
    assert_eq!(desk.tell(&name).await.unwrap(), brief::Told { told: 1, pause_s: 0 });
    assert_eq!(desk.record(&state.alert).await.news, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_brief_whose_answer_was_late_is_found_and_not_posted_again() {
    // The announcement fails; the first posting after it stands, but is answered after the deadline.
    let faults = json!([
        {"vendor": "slack", "call": "chat.postMessage", "kind": "status", "status": 503, "times": 1},
        {"vendor": "slack", "call": "chat.postMessage", "kind": "delay", "delay": "3500ms", "times": 1},
    ]);
    let mut desk = Desk::open(faults, &[]).await;
    let mut state = document();
    state.announcement = Some(desk.announce(&state).await);
    let first = desk.brief(&state).await;
    assert_eq!((first.posted, first.again), (Posted::Failed, Some(true)), "{:?}", first.gap);
    tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    assert_eq!(desk.channel().len(), 1, "it stands all the same");
    state.brief = Some(first);
    // The simulated channel lives at the scenario's time.
    desk.started = Some(state.alert.at);
    let second = desk.brief(&state).await;
    assert_eq!((second.posted, desk.channel().len()), (Posted::Slack, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn news_that_nobody_could_tell_are_told_below_the_brief_when_it_stands() {
    let mut desk = Desk::open(json!([]), &[]).await;
    let state = document();
    desk.deliver(&delivery(json!({}))).await;
    desk.deliver(&delivery(json!({"transition": "Renotify", "date_ms": minutes(2)}))).await;
    let name = cycle(&state.alert);
    let started = desk.started.take();
    assert!(desk.tell(&name).await.is_err(), "it waited for as long as it may, and gives up");
    desk.started = started;
    desk.brief(&state).await;
    let told = serde_json::to_string(&desk.messages().last().unwrap().blocks).unwrap();
    assert!(told.contains("still alerting"), "{told}");
    assert_eq!(desk.record(&state.alert).await.news, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_over_when_what_was_folded_in_is_over_too() {
    let desk = Desk::open(json!([]), &[]).await;
    let state = document();
    desk.deliver(&delivery(json!({}))).await;
    desk.brief(&state).await;
    let other = |changes: serde_json::Value| {
        let mut body = delivery(json!({"cycle_key": "other", "event_id": "other", "monitor_id": "77"}));
        changes.as_object().unwrap().iter().for_each(|(key, value)| body[key] = value.clone());
        body
    };
    assert_eq!(desk.deliver(&other(json!({"date_ms": minutes(1)}))).await.1["outcome"], "folded");
    desk.deliver(&delivery(json!({"transition": "Recovered", "date_ms": minutes(5)}))).await;
    let name = cycle(&state.alert);
    desk.tell(&name).await.unwrap();
    let headline = desk.channel()[0].text.clone();
    assert!(headline.contains("RECOVERED") && headline.contains("1 folded in still firing"), "{headline}");
    desk.deliver(&other(json!({"transition": "Recovered", "date_ms": minutes(9)}))).await;
    desk.tell(&name).await.unwrap();
    let headline = desk.channel()[0].text.clone();
    assert!(headline.contains("🟢 RECOVERED") && !headline.contains("folded"), "{headline}");
}
