//! Runs that are killed, that meet, and that are told to wait.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use host::{Handler, handler};
use index::{Index, Run};
use platform::Vendor;
use serde_json::{Value, json};

use super::Desk;

const SOURCE: &str = "github:acme/shop";

fn repository(count: usize, word: &str) -> Value {
    let files: BTreeMap<String, String> = (0..count)
        .map(|n| {
            (
                format!("docs/{:03}/page-{n:05}.md", n % 100),
                format!("# Page {n}\nThe {word} words of page {n}.\n"),
            )
        })
        .collect();
    let sha = if word == "first" { "1111111" } else { "2222222" };
    json!({"repositories": {"acme/shop": {"history": {"refs": {"main": sha}, "commits": {sha: {"files": files}}}}}})
}

/// The function, which never answers again after some calls.
async fn killed_after(desk: &Desk, calls: usize) -> (Handler, Arc<tokio::sync::Notify>) {
    let index = handler::<Index>(&desk.settings()).await.unwrap();
    let (made, dead) = (Arc::new(AtomicUsize::new(0)), Arc::new(tokio::sync::Notify::new()));
    let told = Arc::clone(&dead);
    let handler: Handler = Arc::new(move |input| {
        let call = made.fetch_add(1, Ordering::SeqCst);
        let (index, told) = (Arc::clone(&index), Arc::clone(&told));
        Box::pin(async move {
            let answer = index(input).await;
            if call + 1 >= calls {
                // Its work is done and stored, and nobody ever hears of it.
                told.notify_one();
                std::future::pending::<()>().await;
            }
            answer
        })
    });
    (handler, dead)
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_files_killed_half_way_and_resumed() {
    const FILES: usize = 10_000;
    const BATCH: usize = 500;
    let desk = Desk::open(Vendor::Github, repository(FILES, "first")).await;
    let (index, dead) = killed_after(&desk, 10).await;
    let input = json!({ "source": SOURCE, "batch": BATCH });
    tokio::select! {
        ended = local::indexing::interpret(index, "killed", input.clone(), &|_| ()) => panic!("{:?}", ended.map(|_| ())),
        () = dead.notified() => {}
    }
    let half = desk.calls("contents");
    assert_eq!(half, FILES / 2);
    // Until its turn ends, it may be alive: whoever comes leaves the rest to it.
    let meanwhile = desk.run("too early", input.clone()).await;
    assert_eq!((meanwhile.left_to.as_deref(), desk.calls("contents")), (Some("killed"), half));
    desk.let_turns_expire();
    let resumed = desk.run("resumed", input).await;
    assert!(resumed.done && resumed.left_to.is_none());
    assert_eq!(desk.calls("contents"), FILES, "a file was read twice, or not at all");
    assert_eq!(resumed.totals.documents, FILES / 2);
    assert_eq!(desk.held(SOURCE).await.len(), FILES);
    // The same again, from one who knows nothing of it.
    let again = desk.run("again", json!({ "source": SOURCE, "want": "everything", "batch": BATCH })).await;
    assert_eq!((again.totals.unchanged, again.totals.added, again.totals.removed), (FILES, 0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn two_runs_at_once_do_no_harm_and_forget_nothing() {
    let desk = Desk::open(Vendor::Github, repository(300, "first")).await;
    desk.run("first", json!({ "source": SOURCE })).await;
    desk.becomes(&repository(320, "second"));
    let input = json!({ "source": SOURCE, "want": "reconcile", "batch": 25 });
    let runs = (0..4).map(|n| {
        let (desk, input) = (&desk, input.clone());
        async move { desk.run(&format!("run {n}"), input).await }
    });
    let runs: Vec<Run> = futures::future::join_all(runs).await;
    let left = runs.iter().filter(|run| run.left_to.is_some()).count();
    assert!(left >= 1, "none of them met another");
    desk.check(SOURCE).await;
    // Nobody has the turn any more.
    assert!(desk.run("later", json!({ "source": SOURCE })).await.left_to.is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_while_a_run_is_under_way_is_done_by_it_before_it_ends() {
    let desk = Desk::open(Vendor::Github, repository(50, "first")).await;
    let index = handler::<Index>(&desk.settings()).await.unwrap();
    let desk = Arc::new(desk);
    let (inner, calls) = (Arc::clone(&desk), Arc::new(AtomicUsize::new(0)));
    let meeting: Handler = Arc::new(move |input| {
        let (index, desk) = (Arc::clone(&index), Arc::clone(&inner));
        let call = calls.fetch_add(1, Ordering::SeqCst);
        Box::pin(async move {
            if call == 2 {
                desk.becomes(&repository(60, "second"));
                assert_eq!(
                    desk.run("push", json!({ "source": SOURCE })).await.left_to.as_deref(),
                    Some("long")
                );
            }
            index(input).await
        })
    });
    let run =
        local::indexing::interpret(meeting, "long", json!({ "source": SOURCE, "batch": 10 }), &|_| ()).await;
    assert!(run.unwrap_or_else(|stop| panic!("{}", stop.message())).done);
    desk.check(SOURCE).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rate_limit_is_waited_for_by_the_machine_and_a_failure_loses_nothing() {
    let faults = json!([
        {"vendor": "github", "call": "contents", "kind": "status", "status": 403, "headers": {"retry-after": "3"}, "times": 1},
    ]);
    let desk = Desk::with_faults(Vendor::Github, repository(30, "first"), faults).await;
    let index = handler::<Index>(&desk.settings()).await.unwrap();
    let first = index(json!({ "source": SOURCE, "run": "r" })).await.unwrap();
    assert_eq!((&first["pause_s"], &first["done"]), (&json!(3), &json!(false)));
    let second = index(first).await.unwrap();
    assert_eq!((&second["pause_s"], &second["done"]), (&json!(0), &json!(true)));
    desk.check(SOURCE).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_run_goes_on_in_fresh_executions() {
    let desk = Desk::open(Vendor::Github, repository(405, "first")).await;
    let run = desk.run("long", json!({ "source": SOURCE, "batch": 1 })).await;
    assert_eq!(run.run, "long");
    assert!(run.continuation.ends_with("-1") && run.calls < 10, "{} after {}", run.continuation, run.calls);
    assert_eq!(run.totals.documents, 405);
    desk.check(SOURCE).await;
}
