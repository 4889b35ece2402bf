//! One name per function, everywhere.

use std::collections::BTreeSet;

use regex::Regex;

use crate::{lambdas, names_in, repository, text};

fn set(names: impl IntoIterator<Item = String>) -> BTreeSet<String> {
    names.into_iter().collect()
}

fn found(pattern: &str, text: &str) -> BTreeSet<String> {
    Regex::new(pattern).unwrap().captures_iter(text).map(|found| found[1].to_owned()).collect()
}

#[test]
fn folder_crate_binary_and_name_constant_agree() {
    for name in lambdas() {
        let manifest = text(&format!("functions/{name}/Cargo.toml"));
        assert_eq!(
            found(r#"(?m)^name = "([a-z-]+)""#, &manifest),
            set([name.clone()]),
            "package and binary of functions/{name}"
        );
        let declared: BTreeSet<String> = names_in(&format!("functions/{name}/src"))
            .iter()
            .filter(|file| file.ends_with(".rs"))
            .flat_map(|file| {
                found(
                    r#"const NAME: &'static str = "([a-z-]+)""#,
                    &text(&format!("functions/{name}/src/{file}")),
                )
            })
            .collect();
        assert_eq!(declared, set([name.clone()]), "Function::NAME of functions/{name}");
    }
}

#[test]
fn terraform_manifest_lists_every_function_and_no_other() {
    let functions = super::permissions::manifest().functions;
    assert_eq!(set(functions.into_keys()), set(lambdas()));
}

#[test]
fn every_function_has_sample_events_and_every_one_parses() {
    let folders: BTreeSet<String> =
        names_in("events").into_iter().filter(|name| name != "workflow").collect();
    assert_eq!(folders, set(lambdas()));
    for folder in names_in("events") {
        let files = names_in(&format!("events/{folder}"));
        assert!(!files.is_empty(), "events/{folder} holds no event");
        for file in files {
            let path = format!("events/{folder}/{file}");
            let parsed = serde_json::from_str::<serde_json::Value>(&text(&path));
            assert!(parsed.is_ok(), "{path}: {parsed:?}");
        }
    }
}

#[test]
fn state_machines_call_functions_that_exist() {
    let mut called = BTreeSet::new();
    for file in names_in("statemachine").iter().filter(|file| file.ends_with(".asl.json")) {
        called.extend(found(r#""Resource": "\$\{([a-z-]+)\}""#, &text(&format!("statemachine/{file}"))));
    }
    let functions = set(lambdas());
    assert!(called.is_subset(&functions), "unknown: {:?}", called.difference(&functions).collect::<Vec<_>>());
    // These start a machine: everything else is called by one.
    let alone = set(["webhook", "index-webhook", "slack"].map(str::to_owned));
    assert_eq!(&functions - &called, alone);
}

#[test]
fn the_top_level_is_the_one_on_the_design_card() {
    let expected = [
        "ARCHITECTURE.md",
        "Cargo.lock",
        "Cargo.toml",
        "LICENSE",
        "README.md",
        "clippy.toml",
        "docs",
        "events",
        "functions",
        "infra",
        "rustfmt.toml",
        "statemachine",
        "tests",
    ];
    let there: Vec<String> = names_in(".").into_iter().filter(|name| name != "target").collect();
    assert_eq!(there, expected);
    assert!(repository(".env.example").is_file() && repository(".ci/run").is_file());
}
