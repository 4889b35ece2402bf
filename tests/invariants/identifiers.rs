//! No rule, prompt or source file knows a test scenario.

use std::collections::BTreeSet;
use std::path::Path;

use regex::Regex;

use crate::{names_in, repository, text};

/// Names that the scenarios give their objects: long enough, and compound, so that no English word is among them.
fn identifiers() -> BTreeSet<String> {
    let named = Regex::new(
        r#"(?m)(?:name|DBInstanceIdentifier|DBParameterGroupName|service|kube_deployment|repository|cycle_key|monitor_id|sha)"?: *"?([A-Za-z0-9][\w./-]{5,})"#,
    )
    .unwrap();
    let mut found = BTreeSet::new();
    for scenario in names_in("tests/scenarios") {
        for file in names_in(&format!("tests/scenarios/{scenario}")) {
            let content = std::fs::read_to_string(repository(&format!("tests/scenarios/{scenario}/{file}")));
            found.extend(named.captures_iter(&content.unwrap_or_default()).map(|c| c[1].to_owned()));
        }
    }
    // Words of the vendors' own vocabulary that a scenario has to use.
    let vendors = Regex::new(r"^(AWS/.*|aws\..*|trace\..*|kube-.*|kubernetes.*|[a-z]+|[A-Z][A-Za-z]+|system\..*|edge\..*|aws-node|postgres.*|.*\.cpuutilization|max_connections|work_mem|shared_buffers)$").unwrap();
    found.retain(|name| !vendors.is_match(name) && name.contains(['-', '_', '/', '.']));
    found
}

fn sources(folder: &Path, found: &mut Vec<(String, String)>) {
    for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let path = entry.path();
        if path.is_dir() {
            if path.file_name().is_some_and(|name| name != "tests") {
                sources(&path, found);
            }
        } else if path
            .extension()
            .is_some_and(|e| ["rs", "md", "graphql", "html", "json"].iter().any(|x| e == *x))
            && path.file_stem().is_some_and(|stem| stem != "tests")
        {
            let content = std::fs::read_to_string(&path).unwrap();
            let product = content.split("#[cfg(test)]").next().unwrap_or_default().to_owned();
            found.push((path.display().to_string(), product));
        }
    }
}

#[test]
fn no_product_source_names_an_object_of_a_scenario() {
    let identifiers = identifiers();
    assert!(identifiers.len() > 20, "the collector of identifiers finds too little: {identifiers:?}");
    let mut files = Vec::new();
    sources(&repository("functions"), &mut files);
    files.push(("statemachine/incident.asl.json".into(), text("statemachine/incident.asl.json")));
    let found: Vec<String> = files
        .iter()
        .flat_map(|(path, content)| {
            identifiers
                .iter()
                .filter(|name| content.contains(name.as_str()))
                .map(move |name| format!("{path}: {name}"))
        })
        .collect();
    assert!(found.is_empty(), "sources that name an object of a scenario:\n{}", found.join("\n"));
}
