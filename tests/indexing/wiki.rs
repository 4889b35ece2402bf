//! Confluence: pages that are edited, renamed, moved, deleted and restored.

use platform::Vendor;
use serde_json::{Value, json};

use super::Desk;

fn page(id: u32, title: &str, body: &str, more: Value) -> Value {
    let mut page = json!({"id": id.to_string(), "space": "OPS", "title": title, "modified": "@-2h", "author": "a1",
        "body": format!("<h2>What to do</h2><p>{body}</p>")});
    for (key, value) in more.as_object().unwrap() {
        page[key] = value.clone();
    }
    page
}

fn site(pages: Vec<Value>) -> Value {
    json!({"spaces": {"OPS": {"id": "1"}, "ARCH": {"id": "2"}, "HR": {"id": "3", "visible": false}},
        "people": {"a1": "Ada Okafor"}, "pages": pages})
}

fn pages() -> Vec<Value> {
    let mut pages = vec![
        page(1, "Home", "Where everything begins.", json!({})),
        page(2, "Runbooks", "How to act.", json!({"parent": "1"})),
        page(3, "Redis evictions", "Raise maxmemory of the session cache.", json!({"parent": "2"})),
        page(4, "Incidents", "What happened.", json!({"parent": "1"})),
        page(5, "INC-7", "The checkout was down.", json!({"parent": "4"})),
        page(6, "Empty", "", json!({"body": "  "})),
        page(7, "Salaries", "Nobody's business.", json!({"space": "HR"})),
    ];
    // More than a page of a list.
    pages.extend((100..240).map(|id| {
        page(id, &format!("Note {id}"), &format!("Words of note {id}."), json!({"space": "ARCH"}))
    }));
    pages
}

fn of(pages: &[Value], id: &str) -> usize {
    pages.iter().position(|page| page["id"] == id).unwrap()
}

async fn indexed() -> (Desk, Vec<Value>) {
    let desk = Desk::open(Vendor::Confluence, site(pages())).await;
    let run = desk.run("first", json!({ "source": "confluence", "batch": 50 })).await;
    assert_eq!(run.totals.documents, 145, "{:?}", run.totals);
    assert!(
        run.totals.problems.iter().any(|problem| problem.contains("pageId=6")),
        "{:?}",
        run.totals.problems
    );
    (desk, pages())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edit_a_rename_and_a_move_are_followed_by_the_next_poll() {
    let (desk, mut pages) = indexed().await;
    let at = |pages: &mut Vec<Value>, id: &str, change: Value| {
        let place = of(pages, id);
        for (key, value) in change.as_object().unwrap() {
            pages[place][key] = value.clone();
        }
        pages[place]["version"] = json!(2);
        pages[place]["modified"] = json!("@-1m");
    };
    at(&mut pages, "3", json!({"body": "<h2>What to do</h2><p>Lower the TTL instead.</p>"}));
    at(&mut pages, "101", json!({"title": "A note with a new name"}));
    at(&mut pages, "102", json!({"space": "OPS", "parent": "4"}));
    desk.becomes(&site(pages));
    let before = desk.calls("pages");
    let run = desk.run("poll", json!({ "source": "confluence" })).await;
    // Three pages, of a hundred and fifty: a poll reads what changed.
    assert_eq!((run.totals.documents, run.totals.added), (3, 3), "{:?}", run.totals);
    assert!(desk.calls("pages") - before <= 8);
    desk.check("confluence").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_page_leaves_nothing_and_a_restored_one_comes_back() {
    let (desk, mut pages) = indexed().await;
    let place = of(&pages, "5");
    pages[place]["status"] = json!("trashed");
    let gone = pages.remove(of(&pages, "100"));
    desk.becomes(&site(pages.clone()));
    // No poll sees what is not there; the sweep does.
    assert_eq!(desk.run("poll", json!({ "source": "confluence" })).await.totals.removed, 0);
    assert_eq!(
        desk.run("sweep", json!({ "source": "confluence", "want": "reconcile" })).await.totals.removed,
        2
    );
    desk.check("confluence").await;
    pages[place]["status"] = json!("current");
    pages.push(gone);
    desk.becomes(&site(pages));
    // Restoring changes no version; the event of an automation rule names the page.
    desk.run("event", json!({ "source": "confluence", "want": {"page": "5"} })).await;
    desk.run("another", json!({ "source": "confluence", "want": "reconcile" })).await;
    desk.check("confluence").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_of_a_page_that_is_gone_or_hidden_removes_it() {
    let (desk, mut pages) = indexed().await;
    let place = of(&pages, "3");
    pages[place]["space"] = json!("HR");
    desk.becomes(&site(pages));
    let run = desk.run("event", json!({ "source": "confluence", "want": {"page": "3"} })).await;
    assert_eq!((run.totals.documents, run.totals.removed), (0, 1));
    desk.check("confluence").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_space_that_is_no_longer_seen_is_an_error_and_not_a_deletion() {
    let (desk, pages) = indexed().await;
    let before = desk.held("confluence").await;
    let mut hidden = site(pages);
    let settings = desk.settings();
    hidden["spaces"]["ARCH"]["visible"] = json!(false);
    desk.becomes(&hidden);
    assert_eq!(settings.get("CONFLUENCE_SPACES"), Some("ARCH,OPS"));
    let error =
        desk.try_run("sweep", json!({ "source": "confluence", "want": "reconcile" })).await.unwrap_err();
    assert!(error.contains("ARCH") && error.contains("CONFLUENCE_SPACES"), "{error}");
    assert_eq!(desk.held("confluence").await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_passage_says_who_wrote_it_when_and_under_which_pages() {
    let (desk, _) = indexed().await;
    let (hits, _) = desk
        .store()
        .search(&[knowledge::Question::new("redis evictions maxmemory")], &knowledge::Corpora::default())
        .await;
    let chunk = &hits[0].chunk;
    assert_eq!(chunk.title, "Redis evictions");
    assert_eq!((chunk.author.as_deref(), chunk.version.as_deref()), (Some("Ada Okafor"), Some("1")));
    assert!(chunk.modified.is_some() && chunk.source.ends_with("/wiki/pages/viewpage.action?pageId=3"));
    let question = knowledge::Question {
        corpora: vec![incident::Corpus::Incidents],
        ..knowledge::Question::new("checkout was down")
    };
    let (incidents, _) = desk.store().search(&[question], &knowledge::Corpora::default()).await;
    assert!(incidents[0].chunk.source.ends_with("pageId=5"));
}
