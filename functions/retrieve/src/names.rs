//! The identifiers of an incident: names that a runbook, a post-mortem, a Terraform block or a function would repeat letter by
//! letter.

use std::sync::LazyLock;

use incident::{Fact, State};
use regex::Regex;

/// Identifiers that a round of questions asks for at most.
const MOST: usize = 14;
/// Those taken from one log pattern or statement.
const PER_TEXT: usize = 4;

static TABLE: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r#"(?i)\b(?:from|join|update|into|table)\s+"?([a-z_][a-z0-9_.]{2,62})"?"#).ok()
});
static STATEMENT: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"(?i)\b(?:select|insert\s+into|delete\s+from|update\s+\S+\s+set)\b").ok());
static FUNCTION: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"\b(?:func\s+(?:\([^)]*\)\s*)?|function\s+|const\s+)([A-Za-z_]\w{2,})\s*(?:\[|\(|=\s*(?:async\s*)?\()").ok()
});

/// The names of the incident, the most telling first: what the alert is about, tables and identifiers in failing logs and heavy
/// statements, changed settings, and the parameters read.
pub(crate) fn of(state: &State) -> Vec<String> {
    let mut names = Names::default();
    let subject = &state.subject;
    names.all(subject.databases.iter().cloned());
    names.all(subject.workloads.iter().map(|workload| workload.name.clone()));
    if let Some(diagnosis) = &state.diagnosis {
        names.all(diagnosis.leading().map(|hypothesis| hypothesis.culprit.name.clone()));
    }
    for finding in state.findings() {
        match &finding.fact {
            Fact::LogPattern(log) if log.status != "info" => {
                names.all(tables(&log.sample));
                names.all(identifiers(&log.pattern));
            }
            Fact::DatabaseLoad(load) => {
                names.all(load.sql.iter().take(3).flat_map(|share| tables(&share.name)));
            }
            Fact::TemplateDiff(diff) => {
                let key = |path: &str| path.rsplit('.').next().unwrap_or(path).to_owned();
                names.all(diff.changes.iter().take(PER_TEXT).map(|change| key(&change.path)));
            }
            _ => {}
        }
    }
    for finding in state.findings() {
        if let Fact::DatabaseParameter(parameter) = &finding.fact {
            names.all([parameter.group.clone(), parameter.name.clone()]);
        }
    }
    names.list
}

/// Tables that a piece of SQL reads or writes; in text that is no statement only what looks like a table's name.
pub(crate) fn tables(text: &str) -> Vec<String> {
    let statement = STATEMENT.as_ref().is_some_and(|pattern| pattern.is_match(text));
    let found = TABLE.iter().flat_map(|pattern| pattern.captures_iter(text));
    let mut tables: Vec<String> = found
        .filter_map(|found| found.get(1).map(|name| name.as_str().trim_end_matches('.').to_owned()))
        .filter(|name| name.contains('_') || (statement && !is_keyword(name)))
        .collect();
    tables.dedup();
    tables.truncate(PER_TEXT);
    tables
}

/// Functions declared in source text, or named by a hunk's heading.
pub(crate) fn functions(text: &str) -> Vec<String> {
    let found = FUNCTION.iter().flat_map(|pattern| pattern.captures_iter(text));
    found.filter_map(|found| found.get(1).map(|name| name.as_str().to_owned())).collect()
}

fn identifiers(pattern: &str) -> Vec<String> {
    knowledge::words::identifiers(pattern)
        .into_iter()
        .filter(|name| name.contains(['_', '.']) && !name.contains(['*', ':']) && name.len() <= 60)
        .filter(|name| !name.ends_with("_id") && !name.ends_with("_ms") && name.contains(char::is_alphabetic))
        .take(PER_TEXT)
        .collect()
}

fn is_keyword(word: &str) -> bool {
    ["the", "select", "set", "values", "where", "only", "lateral", "unnest"]
        .contains(&word.to_lowercase().as_str())
}

#[derive(Default)]
struct Names {
    list: Vec<String>,
}

impl Names {
    fn all(&mut self, names: impl IntoIterator<Item = String>) {
        for name in names {
            if self.list.len() < MOST && name.len() > 2 && !self.list.contains(&name) {
                self.list.push(name);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_read_from_statements_and_guessed_from_prose() {
        assert_eq!(tables("SELECT * FROM orders JOIN order_items oi ON true"), ["orders", "order_items"]);
        assert_eq!(tables("could not get a connection from the pool"), Vec::<String>::new());
        assert_eq!(tables("deadlock on update order_items"), ["order_items"]);
    }

    #[test]
    fn functions_are_read_from_go_and_typescript() {
        let text = "func (s *Service) TopOrders(ctx) {\n+func helper[T any](t T) {\nexport const useRows = () => 1;\nfunction draw(a) {";
        assert_eq!(functions(text), ["TopOrders", "helper", "useRows", "draw"]);
    }
}
