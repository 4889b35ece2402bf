//! Deep links: the execution, the console pages of what the root cause is about, and the pages it rests on. Only addresses that code
//! made, or that are plain https URLs of knowledge sources, become links.

use std::collections::BTreeSet;

use incident::{Object, ObjectKind, State};
use serde_json::{Value, json};

use crate::blocks::escape;

/// Links shown.
const MOST: usize = 6;

/// A line of links; `None` where there is nothing to link to.
pub fn block(execution: Option<&str>, state: &State) -> Option<Value> {
    let region =
        execution.and_then(region_of).or(state.subject.region.as_deref().filter(|name| is_plain(name)));
    let mut links = Vec::new();
    links.extend(execution.and_then(console).map(|url| link(&url, "Execution")));
    let mut seen = BTreeSet::new();
    for object in objects(state) {
        let page = region.and_then(|region| page(object, region)).filter(|_| seen.insert(object.to_string()));
        links.extend(page.map(|url| link(&url, &object.to_string())));
    }
    let passages = state.best_diagnosis().into_iter().flat_map(|diagnosis| &diagnosis.matches);
    for passage in passages.filter_map(|matched| state.passage(&matched.passage)) {
        if is_page(&passage.source) && seen.insert(passage.source.clone()) {
            links.push(link(&passage.source, &passage.title));
        }
    }
    links.truncate(MOST);
    let text = links.join(" · ");
    (!links.is_empty())
        .then(|| json!({"type": "context", "elements": [{"type": "mrkdwn", "text": text, "verbatim": true}]}))
}

fn link(url: &str, text: &str) -> String {
    format!("<{}|{}>", escape(url), escape(&incident::size::cut(text, 60)).replace('|', "¦"))
}

/// What the root cause rests on, the culprit first.
fn objects(state: &State) -> impl Iterator<Item = &Object> {
    let diagnosis = || state.best_diagnosis().into_iter();
    let culprits = diagnosis().flat_map(|diagnosis| diagnosis.leading()).map(|leading| &leading.culprit);
    let claims = diagnosis().flat_map(|diagnosis| &diagnosis.root_cause).flat_map(|claim| &claim.evidence);
    culprits.chain(claims.filter_map(|id| state.finding(id)).map(|finding| &finding.object))
}

/// `arn:aws:states:<region>:<account>:execution:…`. The account of zeros is a machine without AWS.
fn region_of(execution: &str) -> Option<&str> {
    let mut parts = execution.split(':').skip(3);
    let (region, account) = (parts.next()?, parts.next()?);
    (is_plain(region) && account != "000000000000").then_some(region)
}

fn console(execution: &str) -> Option<String> {
    let region = region_of(execution)?;
    let plain = execution.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, ':' | '-' | '_'));
    plain.then(|| {
        format!("https://{region}.console.aws.amazon.com/states/home?region={region}#/v2/executions/details/{execution}")
    })
}

/// The console's page of an object that AWS runs.
fn page(object: &Object, region: &str) -> Option<String> {
    if !is_plain(&object.name) {
        return None;
    }
    let base = format!("https://{region}.console.aws.amazon.com");
    let name = &object.name;
    Some(match object.kind {
        ObjectKind::DatabaseInstance => {
            format!("{base}/rds/home?region={region}#database:id={name};is-cluster=false")
        }
        ObjectKind::DatabaseCluster => {
            format!("{base}/rds/home?region={region}#database:id={name};is-cluster=true")
        }
        _ => return None,
    })
}

fn is_plain(name: &str) -> bool {
    !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'))
}

fn is_page(source: &str) -> bool {
    source.starts_with("https://")
        && source.len() <= 500
        && source.chars().all(|c| c.is_ascii_graphic() && !matches!(c, '<' | '>' | '|' | '"' | '`'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_an_execution_of_an_account_is_linked() {
        let arn = "arn:aws:states:eu-west-1:123456789012:execution:sitrep-incident:triggered-0a";
        let url = console(arn).unwrap();
        assert!(url.starts_with("https://eu-west-1.console.aws.amazon.com/states/"), "{url}");
        for other in [
            "arn:aws:states:us-east-1:000000000000:execution:incident:x",
            "arn:aws:states:evil.example/:1:execution:x",
            "arn:aws:states:eu-west-1:1:execution:x|y>",
            "",
        ] {
            assert_eq!(console(other), None, "{other}");
        }
    }
}
