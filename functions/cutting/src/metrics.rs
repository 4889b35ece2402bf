//! The catalog as the metrics schema: one chunk per metric and per service.

use std::fmt::Write as _;
use std::ops::Range;

use incident::Catalog;
use incident::catalog::{Metric, Service};

use crate::piece::{self, About, Piece};
use crate::{Cut, Document};

/// Cuts a catalog file. The words of a chunk are sentences made from the entry, its lines those of the entry in the file.
pub(crate) fn cut(document: &Document) -> Cut {
    let catalog = match Catalog::from_yaml(&document.text) {
        Ok(catalog) => catalog,
        Err(error) => {
            let mut cut = piece::as_text(document);
            cut.problems.push(format!("{}: it is not a catalog: {error}", document.path));
            return cut;
        }
    };
    let metrics = catalog.metrics.iter().map(|(name, metric)| (name, "metrics", metric_words(name, metric)));
    let services = catalog.services.iter().map(|(name, one)| (name, "services", service_words(name, one)));
    let mut pieces: Vec<Piece> = metrics
        .chain(services)
        .map(|(name, part, words)| Piece {
            range: entry(&document.text, part, name),
            section: Some(format!("{part} > {name}")),
            symbol: Some(name.clone()),
            title: Some(format!("{} {name}", if part == "metrics" { "Metric" } else { "Service" })),
            words: Some(words),
            ..Piece::default()
        })
        .collect();
    pieces.sort_by_key(|piece| piece.range.start);
    Cut { chunks: piece::chunks(document, &About::of(document), pieces), problems: Vec::new() }
}

fn metric_words(name: &str, metric: &Metric) -> String {
    let mut words = format!("Metric {name}: {}", metric.meaning.trim());
    if !metric.unit.is_empty() {
        let _ = write!(words, "\nUnit: {}", metric.unit);
    }
    if let Some(resource) = &metric.resource {
        let _ = write!(words, "\nResource: {resource}");
    }
    let _ = match (metric.normal_min, metric.normal_max) {
        (Some(low), Some(high)) => write!(words, "\nNormal: {low} to {high}"),
        (Some(low), None) => write!(words, "\nNormal: at least {low}"),
        (None, Some(high)) => write!(words, "\nNormal: at most {high}"),
        (None, None) => Ok(()),
    };
    words
}

fn service_words(name: &str, service: &Service) -> String {
    let mut words = format!("Service {name}: {}", service.description.trim());
    let runs = service.workload_object().map(|workload| workload.to_string());
    let lists = [
        ("Owner", service.owner.clone()),
        ("Runs as", runs),
        ("Databases", joined(&service.databases)),
        ("Target groups", joined(&service.target_groups)),
        ("Zone", service.zone.clone()),
        ("Depends on", joined(&service.depends_on)),
        ("Repository", service.repository.clone()),
    ];
    for (what, value) in lists {
        if let Some(value) = value {
            let _ = write!(words, "\n{what}: {value}");
        }
    }
    words
}

fn joined(list: &[String]) -> Option<String> {
    (!list.is_empty()).then(|| list.join(", "))
}

/// Where the entry `name` of the top-level key `part` stands in the YAML, the whole text where it cannot be told.
fn entry(text: &str, part: &str, name: &str) -> Range<usize> {
    let mut within = false;
    let mut start: Option<(usize, usize)> = None;
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        let indent = line.len() - line.trim_start().len();
        let words = line.trim();
        let content = !words.is_empty() && !words.starts_with('#');
        if let Some((begun, depth)) = start
            && content
            && indent <= depth
        {
            return begun..at;
        }
        if content && indent == 0 {
            within = words.trim_end_matches(':') == part;
        }
        let key =
            words.split(": ").next().unwrap_or_default().trim_end_matches(':').trim_matches(['"', '\'']);
        if within && indent > 0 && start.is_none() && key == name {
            start = Some((at, indent));
        }
        at += line.len();
    }
    start.map_or(0..text.len(), |(begun, _)| begun..text.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use incident::Corpus;

    #[test]
    fn each_metric_and_service_is_a_document_with_its_lines() {
        let text = "services:\n  api:\n    description: Answers.\n    databases: [main]\nmetrics:\n  db.cpu:\n    meaning: How busy the database is.\n    unit: percent\n    normal_max: 60\n  db.conn: { meaning: Open connections. }\n";
        let cut = cut(&Document::new(Corpus::Metrics, "catalog.yaml", text));
        let told: Vec<_> =
            cut.chunks.iter().map(|c| (c.symbol.as_deref().unwrap(), c.start_line, c.end_line)).collect();
        assert_eq!(told, [("api", 2, 4), ("db.cpu", 6, 9), ("db.conn", 10, 10)]);
        assert!(cut.chunks[1].text.contains("Normal: at most 60"));
    }
}
