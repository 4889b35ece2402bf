//! Everything posted held against Slack's published limits, by a checker that shares nothing with what renders it.
//!
//! <https://docs.slack.dev/reference/block-kit/blocks>, <https://docs.slack.dev/reference/methods/chat.postMessage>, and the
//! unpublished sum over all blocks of <https://github.com/slackapi/bolt-js/issues/2509>.

use serde_json::{Value, json};

use super::{Desk, document};

/// The text of an object of text, held against its kind and its length.
fn held(object: &Value, kinds: &[&str], most: usize, total: &mut usize) -> Result<(), String> {
    let kind = object["type"].as_str().ok_or("a text without a type")?;
    let length = object["text"].as_str().ok_or("a text without text")?.chars().count();
    *total += length;
    if !kinds.contains(&kind) || length == 0 || length > most {
        return Err(format!("a {kind} of {length} characters where at most {most} may be"));
    }
    Ok(())
}

fn element(element: &Value, total: &mut usize) -> Result<(), String> {
    if element["type"] != "button" {
        return Err(format!("an element of type {}", element["type"]));
    }
    held(&element["text"], &["plain_text"], 75, total)?;
    let length = |name: &str| element[name].as_str().unwrap_or_default().chars().count();
    let style = element["style"].as_str().is_none_or(|style| ["primary", "danger"].contains(&style));
    match (1..=255).contains(&length("action_id")) && (1..=2000).contains(&length("value")) && style {
        true => Ok(()),
        false => Err(format!("a button out of its limits: {element}")),
    }
}

fn block(block: &Value, total: &mut usize) -> Result<(), String> {
    let list = |name: &str| block[name].as_array().cloned().unwrap_or_default();
    match block["type"].as_str().unwrap_or_default() {
        "header" => held(&block["text"], &["plain_text"], 150, total),
        "section" => {
            held(&block["text"], &["mrkdwn", "plain_text"], 3000, total)?;
            if block["accessory"].is_null() { Ok(()) } else { element(&block["accessory"], total) }
        }
        "context" => {
            let elements = list("elements");
            if !(1..=10).contains(&elements.len()) {
                return Err(format!("a context of {} elements", elements.len()));
            }
            elements.iter().try_for_each(|element| held(element, &["mrkdwn", "plain_text"], 3000, total))
        }
        "actions" => {
            let elements = list("elements");
            let mut names: Vec<&str> = elements.iter().filter_map(|e| e["action_id"].as_str()).collect();
            names.sort_unstable();
            names.dedup();
            if !(1..=25).contains(&elements.len()) || names.len() != elements.len() {
                return Err(format!("actions of {} elements", elements.len()));
            }
            elements.iter().try_for_each(|each| element(each, total))
        }
        other => Err(format!("a block of type '{other}'")),
    }
}

/// What is wrong with a message.
fn fault(text: &str, blocks: &[Value]) -> Option<String> {
    if text.is_empty() || text.chars().count() > 40_000 || blocks.len() > 50 {
        return Some(format!("{} characters and {} blocks", text.chars().count(), blocks.len()));
    }
    let mut total = 0;
    let wrong = blocks.iter().try_for_each(|each| block(each, &mut total)).err();
    wrong.or_else(|| (total > 13_200).then(|| format!("{total} characters in all")))
}

#[test]
fn the_checker_itself_refuses_what_slack_refuses() {
    let section =
        |length: usize| json!({"type": "section", "text": {"type": "mrkdwn", "text": "x".repeat(length)}});
    assert_eq!(fault("t", &[section(3000)]), None);
    for wrong in [vec![section(3001)], vec![section(0)], vec![section(1); 51], vec![section(2700); 5]] {
        assert!(fault("t", &wrong).is_some());
    }
    assert!(fault("", &[]).is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_a_document_holds_every_message_fits() {
    let hostile = "A sentence. <!channel> & `code` <https://evil.example|x> “ü” ".repeat(60);
    for (name, times) in [("as it is", 0), ("much of everything", 200), ("endless texts", 3)] {
        let desk = Desk::open(json!([]), &[]).await;
        let mut state = document();
        if times > 0 {
            let weighed = state.weighed.as_mut().unwrap();
            let (moment, out) = (weighed.timeline[0].clone(), weighed.ruled_out[0].clone());
            weighed.timeline = vec![moment; times];
            weighed.ruled_out = vec![out; times];
            for finding in state.evidence.iter_mut().flat_map(|evidence| &mut evidence.findings) {
                finding.summary.clone_from(&hostile);
            }
            let finding = state.evidence[0].findings[0].clone();
            state.evidence[0].findings.extend(vec![finding; times]);
            let knowledge = state.knowledge.as_mut().unwrap();
            knowledge.passages[0].excerpt.clone_from(&hostile);
            knowledge.passages[0].title.clone_from(&hostile);
            state.alert.title.clone_from(&hostile);
        }
        let brief = desk.brief(&state).await;
        assert_eq!(brief.gap, None, "{name}");
        let messages = desk.messages();
        assert!(messages.len() >= 2, "{name}: no thread");
        for message in messages {
            assert_eq!(fault(&message.text, &message.blocks), None, "{name}: {:?}", message.blocks);
            let all = serde_json::to_string(&(&message.text, &message.blocks)).unwrap();
            assert!(!all.contains("<!channel>") && !all.contains("<https://evil"), "{name}");
        }
        let files = desk.platform.slack(|slack| slack.files()).unwrap();
        assert_eq!(files.len(), 1, "{name}");
        let thread = brief.ts.clone();
        assert_eq!(files[0].shared, brief.channel.map(|channel| (channel, thread)), "{name}");
        assert!(files[0].bytes.starts_with(b"\x89PNG"), "{name}");
    }
}
