//! Which crate may depend on which, and what may not be in the lock file.

use std::collections::{BTreeMap, BTreeSet};

use cargo_metadata::{DependencyKind, MetadataCommand};

use crate::{lambdas, repository};

/// Our crates, each with ours that it depends on (dev-dependencies aside).
fn ours() -> BTreeMap<String, BTreeSet<String>> {
    let metadata = MetadataCommand::new()
        .manifest_path(repository("Cargo.toml"))
        .no_deps()
        .exec()
        .expect("cargo metadata");
    let names: BTreeSet<String> = metadata.packages.iter().map(|package| package.name.to_string()).collect();
    metadata
        .packages
        .iter()
        .map(|package| {
            let ours = package.dependencies.iter().filter(|d| d.kind != DependencyKind::Development);
            (
                package.name.to_string(),
                ours.map(|d| d.name.clone()).filter(|name| names.contains(name)).collect(),
            )
        })
        .collect()
}

/// Who depends on an outside crate.
fn users_of(prefix: &str) -> BTreeSet<String> {
    let metadata = MetadataCommand::new()
        .manifest_path(repository("Cargo.toml"))
        .no_deps()
        .exec()
        .expect("cargo metadata");
    let uses = |package: &cargo_metadata::Package| {
        package
            .dependencies
            .iter()
            .any(|d| d.kind != DependencyKind::Development && d.name.starts_with(prefix))
    };
    metadata.packages.iter().filter(|package| uses(package)).map(|package| package.name.to_string()).collect()
}

#[test]
fn the_vocabulary_and_the_shell_depend_on_nothing_of_ours() {
    let ours = ours();
    assert!(ours["incident"].is_empty(), "{:?}", ours["incident"]);
    assert!(ours["host"].is_empty(), "{:?}", ours["host"]);
}

#[test]
fn the_pure_libraries_see_the_vocabulary_alone() {
    let ours = ours();
    for library in ["diagnosis", "grounding", "cutting", "platform"] {
        let only: BTreeSet<String> = ["incident".to_owned()].into();
        assert!(ours[library].is_subset(&only), "{library}: {:?}", ours[library]);
    }
}

#[test]
fn no_function_depends_on_another_and_nothing_deployed_on_what_never_is() {
    let (ours, lambdas) = (ours(), lambdas());
    for (name, dependencies) in &ours {
        if ["local", "tests"].contains(&name.as_str()) {
            continue;
        }
        for forbidden in lambdas.iter().map(String::as_str).chain(["platform", "local", "tests"]) {
            assert!(!dependencies.contains(forbidden), "{name} depends on {forbidden}");
        }
    }
}

#[test]
fn an_aws_service_is_linked_only_where_it_is_called() {
    let linked: [(&str, &[&str]); 11] = [
        ("aws-sdk-ec2", &["collect-aws"]),
        ("aws-sdk-rds", &["collect-aws"]),
        ("aws-sdk-cloudwatch", &["collect-aws"]),
        ("aws-sdk-elasticloadbalancingv2", &["collect-aws"]),
        ("aws-sdk-sfn", &["ingress"]),
        ("aws-sdk-sqs", &["ingress"]),
        ("aws-sdk-dynamodb", &["ledger"]),
        ("aws-sdk-s3", &["index", "slack"]),
        ("aws-sdk-secretsmanager", &["host"]),
        ("kube", &["collect-kubernetes"]),
        ("lambda_runtime", &["host"]),
    ];
    for (sdk, crates) in linked {
        let mut users = users_of(sdk);
        if sdk == "lambda_runtime" {
            // A main names the runtime's error type; it does nothing else with it.
            users.retain(|user| !lambdas().contains(user));
        }
        assert_eq!(users, crates.iter().map(|user| (*user).to_owned()).collect(), "{sdk}");
    }
}

#[test]
fn one_tls_stack_and_one_http_stack() {
    let lock = crate::text("Cargo.lock");
    for forbidden in ["aws-lc-sys", "aws-lc-rs", "openssl-sys", "native-tls"] {
        assert!(!lock.contains(&format!("name = \"{forbidden}\"")), "{forbidden} is in Cargo.lock");
    }
    assert!(!lock.contains("name = \"hyper\"\nversion = \"0."), "hyper 0.x is in Cargo.lock");
}

#[test]
fn only_the_shell_turns_features_of_handlers() {
    for name in lambdas() {
        let manifest = crate::text(&format!("functions/{name}/Cargo.toml"));
        assert!(!manifest.contains("[features]"), "functions/{name} has cargo features");
    }
}
