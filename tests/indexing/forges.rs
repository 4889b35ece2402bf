//! GitHub and GitLab: pushes of every kind.

use std::collections::BTreeMap;

use platform::Vendor;
use serde_json::{Value, json};

use super::Desk;

type Files = BTreeMap<String, String>;

fn files(count: usize) -> Files {
    (0..count)
        .map(|n| (format!("docs/{:02}/page-{n:05}.md", n % 50), format!("# Page {n}\nWords of page {n}.\n")))
        .collect()
}

fn base() -> Files {
    let mut files = files(40);
    files.insert(
        "internal/pool.go".into(),
        "package internal\n\n// Open opens.\nfunc Open() int { return 1 }\n".into(),
    );
    files.insert(
        "infra/db.tf".into(),
        "resource \"aws_sqs_queue\" \"orders\" {\n  name = \"orders\"\n}\n".into(),
    );
    files.insert(
        "catalog.yaml".into(),
        "services: {}\nmetrics:\n  orders.age: {meaning: how long an order waits}\n".into(),
    );
    files.insert("logo.png".into(), "\0binary".into());
    files.insert("docs/binary.md".into(), "a\0b".into());
    files.insert("vendor/x/y.go".into(), "package y\n".into());
    files
}

/// The vendor's file: commits by number, each with its parent, and the one that the branch stands at.
fn world(vendor: Vendor, head: u32, commits: &[(u32, Option<u32>, &Files)]) -> Value {
    let sha = |n: u32| n.to_string().repeat(7);
    let commits: BTreeMap<String, Value> = commits
        .iter()
        .map(|(n, parent, files)| (sha(*n), json!({"parent": parent.map(sha), "files": files})))
        .collect();
    let history = json!({"refs": {"main": sha(head)}, "commits": commits});
    match vendor {
        Vendor::Github => json!({"repositories": {"acme/shop": {"history": history}}}),
        _ => json!({"projects": {"acme/web/shop": {"history": history}}}),
    }
}

fn origin(vendor: Vendor) -> &'static str {
    if vendor == Vendor::Github { "github:acme/shop" } else { "gitlab:acme/web/shop" }
}

/// From commit 1 to what `then` makes of its files, by a push that goes on from it or replaces it. What was read.
async fn pushed(
    vendor: Vendor,
    forced: bool,
    forgotten: bool,
    then: impl FnOnce(&mut Files),
) -> (Desk, usize) {
    let (root, first) = (base(), {
        let mut files = base();
        files.insert("docs/only-before.md".into(), "# Only before\nIt is gone after a forced push.\n".into());
        files
    });
    let desk = Desk::open(vendor, world(vendor, 2, &[(1, None, &root), (2, Some(1), &first)])).await;
    let source = origin(vendor);
    let run = desk.run("first", json!({ "source": source, "batch": 20 })).await;
    assert_eq!(run.totals.documents, 44, "{:?}", run.totals);
    assert_eq!(run.totals.problems, ["docs/binary.md: it is binary"]);
    desk.check(source).await;
    let mut last = if forced { root.clone() } else { first.clone() };
    then(&mut last);
    let parent = if forced { 1 } else { 2 };
    let mut commits = vec![(1, None, &root), (3, Some(parent), &last)];
    if !forgotten {
        commits.push((2, Some(1), &first));
    }
    desk.becomes(&world(vendor, 3, &commits));
    let run = desk.run("push", json!({ "source": source, "push": {"before": "2".repeat(40)} })).await;
    desk.check(source).await;
    let again = desk.run("again", json!({ "source": source })).await;
    assert_eq!((again.totals.documents, again.totals.removed), (0, 0));
    (desk, run.totals.documents)
}

fn edit(files: &mut Files) {
    files.insert(
        "internal/pool.go".into(),
        "package internal\n\n// Open opens.\nfunc Open() int { return 2 }\n".into(),
    );
    files.insert("docs/new.md".into(), "# New\nA page.\n".into());
    let moved = files.remove("infra/db.tf").unwrap();
    files.insert("terraform/queues.tf".into(), moved);
    files.remove("docs/01/page-00001.md");
    // A file that is none any more, and one that changes its corpus.
    files.insert("docs/02/page-00002.md".into(), "\0".into());
    files.insert("docs/03/page-00003.md".into(), "---\nid: INC-3\n---\n# Page 3\nWords of page 3.\n".into());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_push_writes_renames_and_removes() {
    for vendor in [Vendor::Github, Vendor::Gitlab] {
        let (desk, read) = pushed(vendor, false, false, edit).await;
        assert_eq!(read, 4, "{vendor}");
        assert!(desk.calls("compare") > 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_forced_push_takes_away_what_it_took_away() {
    for vendor in [Vendor::Github, Vendor::Gitlab] {
        let (_, read) = pushed(vendor, true, false, edit).await;
        assert_eq!(read, 4, "{vendor}");
        // Back to where it was before, and nothing else.
        let (_, read) = pushed(vendor, true, false, |_| ()).await;
        assert_eq!(read, 0, "{vendor}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_that_the_forge_has_forgotten_means_everything() {
    for vendor in [Vendor::Github, Vendor::Gitlab] {
        let (_, read) = pushed(vendor, true, true, edit).await;
        assert!(read > 40, "{vendor}: {read}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn more_files_than_a_comparison_lists() {
    let (desk, read) = pushed(Vendor::Github, false, false, |all| {
        all.extend(files(400).into_iter().map(|(path, text)| (format!("more/{path}"), text)));
        all.retain(|path, _| !path.starts_with("docs/0"));
    })
    .await;
    assert_eq!(read, 400);
    assert!(desk.calls("tree") > 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tree_that_is_cut_is_read_folder_by_folder() {
    let all = base();
    let mut file = world(Vendor::Github, 1, &[(1, None, &all)]);
    file["repositories"]["acme/shop"]["tree_limit"] = json!(5);
    let desk = Desk::open(Vendor::Github, file).await;
    let run = desk.run("first", json!({ "source": "github:acme/shop" })).await;
    assert_eq!(run.totals.documents, 43);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_was_made_anew_is_filled_whatever_the_ledger_remembers() {
    let (desk, _) = pushed(Vendor::Github, false, false, edit).await;
    let store = desk.settings().home().unwrap();
    for entry in std::fs::read_dir(&store).unwrap().map(Result::unwrap) {
        if entry.file_name().to_string_lossy().starts_with("knowledge") {
            std::fs::remove_file(entry.path()).unwrap();
        }
    }
    desk.run("daily", json!({ "source": "github:acme/shop", "want": "reconcile" })).await;
    desk.check("github:acme/shop").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_is_refused_is_an_error_and_nothing_is_removed() {
    let all = base();
    let desk = Desk::open(Vendor::Github, world(Vendor::Github, 1, &[(1, None, &all)])).await;
    desk.run("first", json!({ "source": "github:acme/shop" })).await;
    let before = desk.held("github:acme/shop").await;
    let mut other = world(Vendor::Github, 1, &[(1, None, &all)]);
    other["token"] = json!("another");
    desk.becomes(&other);
    let error = desk
        .try_run("next", json!({ "source": "github:acme/shop", "want": "everything" }))
        .await
        .unwrap_err();
    assert!(error.contains("401"), "{error}");
    desk.becomes(&json!({}));
    desk.try_run("gone", json!({ "source": "github:acme/shop", "want": "everything" })).await.unwrap_err();
    assert_eq!(desk.held("github:acme/shop").await, before);
}
