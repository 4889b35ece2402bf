//! GraphQL documents, made from the nodes that one question needs.
//!
//! A field that the zone's plan does not include fails a whole document, so documents are made from what the zone was probed to have
//! ([`crate::access`]) and kept small: one question each.

use collecting::CallError;
use incident::Window;
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::client::{Client, Scope};
use crate::counts::{by, total};

/// The two datasets of a zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dataset {
    /// `httpRequestsAdaptiveGroups`. Only what eyeballs asked for: the subrequests of tiered cache and Workers would be counted twice.
    Requests,
    /// `firewallEventsAdaptiveGroups`.
    Firewall,
}

/// One node: groups of a dataset.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Node {
    /// The key of the answer.
    pub alias: &'static str,
    dataset: Option<Dataset>,
    limit: u32,
    order: &'static str,
    /// Further conditions: `edgeResponseStatus: 101`.
    filter: &'static str,
    /// Further fields: `avg { sampleInterval }`.
    fields: &'static str,
    dimensions: Vec<&'static str>,
}

impl Node {
    /// The largest groups by these dimensions.
    pub fn largest(alias: &'static str, dataset: Dataset, limit: u32, dimensions: &[&'static str]) -> Self {
        let dataset = Some(dataset);
        Self {
            alias,
            dataset,
            limit,
            order: "count_DESC",
            dimensions: dimensions.to_vec(),
            ..Self::default()
        }
    }

    /// Groups by the minute, oldest first.
    pub fn minutes(alias: &'static str, dataset: Dataset) -> Self {
        let dimensions = vec!["datetimeMinute"];
        let dataset = Some(dataset);
        Self { alias, dataset, limit: 200, order: "datetimeMinute_ASC", dimensions, ..Self::default() }
    }

    /// The same where this holds too.
    pub fn where_(self, filter: &'static str) -> Self {
        Self { filter, ..self }
    }

    /// The same with these fields too.
    pub fn with(self, fields: &'static str) -> Self {
        Self { fields, ..self }
    }

    fn text(&self) -> String {
        let (dataset, source) = match self.dataset {
            Some(Dataset::Firewall) => ("firewallEventsAdaptiveGroups", ""),
            _ => ("httpRequestsAdaptiveGroups", r#", requestSource: "eyeball""#),
        };
        let filter = if self.filter.is_empty() { String::new() } else { format!(", {}", self.filter) };
        format!(
            "{}: {dataset}(limit: {}, orderBy: [{}], filter: {{ datetime_geq: $from, datetime_lt: $to{source}{filter} }}) \
             {{ count {} dimensions {{ {} }} }}",
            self.alias,
            self.limit,
            self.order,
            self.fields,
            self.dimensions.join(" ")
        )
    }
}

/// The document of these nodes about one zone.
pub fn document(nodes: &[Node]) -> String {
    let nodes: Vec<String> = nodes.iter().map(Node::text).collect();
    format!(
        "query ($zone: string, $from: Time, $to: Time) {{ viewer {{ zones(filter: {{ zoneTag: $zone }}) {{ {} }} }} }}",
        nodes.join(" ")
    )
}

/// The groups of every node, by its alias.
pub type Groups = std::collections::BTreeMap<String, Vec<Group>>;

/// Some requests or events that are alike. `count` is scaled for sampling already.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
pub struct Group {
    /// How many.
    pub count: u64,
    /// What they have in common.
    #[serde(default)]
    pub dimensions: Map<String, Value>,
    #[serde(default)]
    avg: Option<Averages>,
    /// Milliseconds, by field; null where nothing was measured.
    #[serde(default)]
    quantiles: Option<Map<String, Value>>,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Averages {
    #[serde(default)]
    sample_interval: Option<f64>,
}

impl Group {
    /// A dimension as text; none where Cloudflare does not know it.
    pub fn text(&self, dimension: &str) -> Option<String> {
        match self.dimensions.get(dimension)? {
            Value::String(text) if !text.is_empty() => Some(text.clone()),
            Value::Number(number) => Some(number.to_string()),
            _ => None,
        }
    }

    /// A quantile.
    pub fn quantile(&self, name: &str) -> Option<f64> {
        self.quantiles.as_ref()?.get(name)?.as_f64()
    }
}

/// Asks the nodes about a window. An answer that lacks one of them is no answer.
pub async fn ask(client: &Client, nodes: &[Node], window: Window) -> Result<Groups, CallError> {
    let answer: Groups = client.ask(&document(nodes), window, Scope::ZoneAnalytics).await?;
    match nodes.iter().find(|node| !answer.contains_key(node.alias)) {
        Some(node) => Err(CallError::Unavailable(format!("answered without the part {:?}", node.alias))),
        None => Ok(answer),
    }
}

/// The groups of one node; none where it was not asked for.
pub fn of<'a>(groups: &'a Groups, alias: &str) -> &'a [Group] {
    groups.get(alias).map(Vec::as_slice).unwrap_or_default()
}

/// Counts by one dimension, the largest.
pub fn counts(groups: &[Group], dimension: &str) -> std::collections::BTreeMap<String, u64> {
    by(groups.iter().filter_map(|group| Some((group.text(dimension)?, group.count))))
}

/// All of them.
pub fn sum(groups: &[Group]) -> u64 {
    total(groups.iter().map(|group| group.count))
}

/// How many requests one sampled request stands for, where more than one: the average weighted by count.
pub fn sample_interval(groups: &[Group]) -> Option<f64> {
    let known =
        groups.iter().filter_map(|group| Some((group.avg.as_ref()?.sample_interval?, group.count as f64)));
    let (sum, weight) =
        known.fold((0.0, 0.0), |(sum, weight), (interval, count)| (sum + interval * count, weight + count));
    let average = (sum / weight * 10.0).round() / 10.0;
    (weight > 0.0 && average > 1.0).then_some(average)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_is_written_with_its_window_and_conditions() {
        let node = Node::largest("upgrades", Dataset::Requests, 50, &["clientRequestHTTPHost"])
            .where_("edgeResponseStatus: 101")
            .with("avg { sampleInterval }");
        assert_eq!(
            node.text(),
            "upgrades: httpRequestsAdaptiveGroups(limit: 50, orderBy: [count_DESC], filter: { datetime_geq: $from, \
             datetime_lt: $to, requestSource: \"eyeball\", edgeResponseStatus: 101 }) { count avg { sampleInterval } \
             dimensions { clientRequestHTTPHost } }"
        );
        assert!(
            document(&[node]).starts_with("query ($zone: string, $from: Time, $to: Time) { viewer { zones(")
        );
    }

    #[test]
    fn what_is_not_known_is_no_key_and_numbers_are_text() {
        let groups: Vec<Group> = serde_json::from_str(
            r#"[{"count":5,"avg":{"sampleInterval":10},"dimensions":{"edgeResponseStatus":200,"ref":""}},
            {"count":15,"avg":{"sampleInterval":2},"dimensions":{"edgeResponseStatus":503,"ref":null}}]"#,
        )
        .unwrap();
        assert_eq!(
            counts(&groups, "edgeResponseStatus"),
            [("200".to_owned(), 5), ("503".to_owned(), 15)].into()
        );
        assert!(counts(&groups, "ref").is_empty());
        assert_eq!(sample_interval(&groups), Some(4.0));
        assert_eq!(sample_interval(&[]), None);
    }
}
