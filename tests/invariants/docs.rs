//! Examples in the docs are examples that work.

use std::collections::BTreeMap;

use platform::Scenario;
use serde_json::json;

use crate::text;

/// The first YAML block under each heading that names a file: `## `aws.yaml``.
fn examples() -> BTreeMap<String, String> {
    text("docs/scenarios.md")
        .split("\n## `")
        .skip(1)
        .filter_map(|section| {
            let (name, rest) = section.split_once('`')?;
            let block = rest.split_once("```yaml\n")?.1.split_once("\n```")?.0;
            (name != "scenario.yaml").then(|| (name.to_owned(), block.to_owned()))
        })
        .collect()
}

#[test]
fn every_vendor_file_shown_in_the_docs_is_accepted() {
    let examples = examples();
    for name in ["datadog.yaml", "kubernetes.yaml", "aws.yaml", "cloudflare.yaml", "github.yaml"] {
        let example = examples.get(name).unwrap_or_else(|| panic!("no example of {name}"));
        let files = BTreeMap::from([
            ("scenario.yaml".to_owned(), json!({ "title": "an example" })),
            (
                "alert.json".to_owned(),
                serde_json::from_str(&text("tests/scenarios/demo/alert.json")).unwrap(),
            ),
            (
                name.to_owned(),
                serde_norway::from_str(example).unwrap_or_else(|error| panic!("{name}: {error}")),
            ),
        ]);
        Scenario::from_files(files).unwrap_or_else(|error| panic!("{error}"));
    }
}
