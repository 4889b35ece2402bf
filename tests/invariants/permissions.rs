//! What the roles may do, as `infra/manifest.yaml` says. What Terraform makes of it is tested in `infra/tests`.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use crate::text;

/// `infra/manifest.yaml`, where the fields are explained.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Manifest {
    pub(super) functions: BTreeMap<String, Entry>,
    roles: BTreeMap<String, Role>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Entry {
    #[serde(rename = "memory_mb")]
    _memory_mb: u32,
    timeout_s: u64,
    #[serde(default, rename = "concurrency")]
    _concurrency: Option<u32>,
    #[serde(default)]
    routes: Vec<String>,
    #[serde(default, rename = "drains")]
    _drains: Option<String>,
    #[serde(default)]
    settings: Vec<String>,
    #[serde(default)]
    secrets: Vec<String>,
    #[serde(default)]
    environment: BTreeMap<String, String>,
    #[serde(default)]
    may: BTreeMap<String, Grant>,
    #[serde(default)]
    needs: BTreeMap<String, String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Role {
    #[serde(rename = "service")]
    _service: String,
    may: BTreeMap<String, Grant>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Grant {
    #[serde(rename = "do")]
    actions: Vec<String>,
    to: Vec<String>,
    why: String,
}

/// What `infra/reads.yaml` says that a vendor's reads need, by vendor, in the list's order.
fn scopes() -> BTreeMap<String, Vec<String>> {
    #[derive(Deserialize)]
    struct Read {
        vendor: String,
        scope: String,
    }
    let reads: Vec<Read> = serde_norway::from_str(&text("infra/reads.yaml")).unwrap();
    let mut scopes: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for Read { vendor, scope } in reads {
        let held = scopes.entry(vendor).or_default();
        // Zone: Analytics: Read is one permission; logs_read_data, logs_read_index_data are two.
        for scope in scope.split(", ").map(str::to_owned) {
            if !held.contains(&scope) {
                held.push(scope);
            }
        }
    }
    scopes
}

pub(super) fn manifest() -> Manifest {
    serde_norway::from_str(&text("infra/manifest.yaml"))
        .unwrap_or_else(|error| panic!("infra/manifest.yaml: {error}"))
}

fn actions(grants: &BTreeMap<String, Grant>) -> BTreeSet<String> {
    grants.values().flat_map(|grant| grant.actions.iter().cloned()).collect()
}

#[test]
fn the_collectors_hold_what_the_list_of_reads_says_and_nothing_else() {
    let manifest = manifest();
    for (name, entry) in manifest.functions.iter().filter(|(name, _)| name.starts_with("collect-")) {
        let listed: BTreeSet<String> = match name.as_str() {
            "collect-aws" => scopes()["aws"].iter().cloned().collect(),
            _ => BTreeSet::new(),
        };
        assert_eq!(actions(&entry.may), listed, "{name}");
        for action in &listed {
            let (_, operation) = action.split_once(':').unwrap();
            let reads = ["Get", "Describe", "List"].iter().any(|verb| operation.starts_with(verb));
            assert!(reads, "{name}: {action}");
        }
    }
}

#[test]
fn every_permission_has_a_reason_and_every_need_a_secret() {
    let manifest = manifest();
    let grants = manifest.functions.values().map(|entry| &entry.may);
    for grant in grants.chain(manifest.roles.values().map(|role| &role.may)).flat_map(BTreeMap::values) {
        assert!(!grant.why.is_empty() && !grant.to.is_empty(), "{grant:?}");
        assert!(!grant.actions.iter().any(|action| action.contains('*')), "{grant:?}");
    }
    for (name, entry) in &manifest.functions {
        for secret in entry.needs.keys() {
            assert!(
                entry.secrets.contains(secret),
                "{name} needs something of {secret}, which it does not see"
            );
        }
    }
}

#[test]
fn every_variable_is_explained_where_settings_are() {
    let explained = text(".env.example");
    for (name, entry) in manifest().functions {
        for variable in entry.settings.iter().chain(&entry.secrets).chain(entry.environment.keys()) {
            assert!(
                explained.contains(&format!("\n{variable}=")),
                "{name}: {variable} is not in .env.example"
            );
        }
    }
}

/// A machine gives up on a function, and not Lambda before it: what a machine waits for must be allowed to happen.
#[test]
fn a_function_may_take_as_long_as_somebody_waits_for_it() {
    let functions = manifest().functions;
    for (state, task) in super::machine::tasks() {
        let called = task["Resource"].as_str().and_then(|name| name.strip_prefix("${")?.strip_suffix('}'));
        // Not an index batch: nobody waits for it, and its machine waits a little longer, to be told of its end.
        let Some(name) = called.filter(|name| *name != "index") else { continue };
        let waits = task["TimeoutSeconds"].as_u64().unwrap();
        let takes = functions[name].timeout_s;
        assert!(takes > waits, "{state} waits {waits} s for {name}, which Lambda ends after {takes} s");
    }
    for (name, entry) in functions.iter().filter(|(_, entry)| !entry.routes.is_empty()) {
        // GitHub and GitLab wait ten seconds, Datadog fifteen.
        let longest = if name == "webhook" { 14 } else { 9 };
        assert!(entry.timeout_s < longest, "{name} answers after its caller has gone");
    }
}

/// Roles and policies are made in one place, from the manifest.
#[test]
fn no_other_file_gives_a_permission() {
    for file in crate::names_in("infra").iter().filter(|file| file.ends_with(".tf")) {
        let content = text(&format!("infra/{file}"));
        for kind in ["aws_iam_role\"", "aws_iam_role_policy\""] {
            let made = content.matches(&format!("resource \"{kind}")).count();
            assert_eq!(made, usize::from(file == "permissions.tf"), "{kind} in infra/{file}");
        }
        for other in ["aws_iam_policy", "_policy_attachment", "inline_policy", "managed_policy_arns"] {
            assert!(!content.contains(other), "{other} in infra/{file}");
        }
    }
}

/// The tables of the manifest in `docs/permissions.md`; with `SITREP_WRITE_DOCS` set they are written instead of compared.
#[test]
fn the_permissions_in_the_docs_are_those_of_the_manifest() {
    let (start, end) = ("<!-- from infra/manifest.yaml -->\n", "<!-- end -->\n");
    let docs = text("docs/permissions.md");
    let (before, rest) = docs.split_once(start).expect("the docs mark where the table begins");
    let (_, after) = rest.split_once(end).expect("the docs mark where the table ends");
    let expected = format!("{before}{start}{}{end}{after}", table(&manifest()));
    if host::Settings::from_process().get("SITREP_WRITE_DOCS").is_some() {
        std::fs::write(crate::repository("docs/permissions.md"), expected).unwrap();
        return;
    }
    assert!(
        docs == expected,
        "run `SITREP_WRITE_DOCS=1 cargo test -p tests permissions -- --test-threads 1`"
    );
}

#[test]
fn what_is_ready_to_paste_is_what_is_needed() {
    let docs = text("docs/permissions.md");
    let slack = &manifest().functions["brief"].needs["SLACK_BOT_TOKEN"];
    let slack: Vec<String> = slack.split(", ").map(str::to_owned).collect();
    for scope in scopes()["datadog"].iter().chain(&slack) {
        assert!(docs.contains(&format!("\"{scope}\"")), "docs/permissions.md has no {scope} to paste");
    }
}

fn table(manifest: &Manifest) -> String {
    let mut lines = vec!["| who | may | to | why |".to_owned(), "|---|---|---|---|".to_owned()];
    let grants = manifest.functions.iter().map(|(name, entry)| (name, &entry.may));
    for (name, may) in grants.chain(manifest.roles.iter().map(|(name, role)| (name, &role.may))) {
        lines.extend(may.values().map(|Grant { actions, to, why }| {
            format!("| {name} | `{}` | {} | {why} |", actions.join("` `"), to.join(", "))
        }));
    }
    lines.extend(
        ["", "| secret | read by | must hold, and nothing more |", "|---|---|---|"].map(str::to_owned),
    );
    let secrets: BTreeSet<&String> = manifest.functions.values().flat_map(|entry| &entry.secrets).collect();
    for secret in secrets {
        let readers = manifest.functions.iter().filter(|(_, entry)| entry.secrets.contains(secret));
        let holds: BTreeSet<String> = readers.clone().filter_map(|(_, entry)| need(entry, secret)).collect();
        let readers: Vec<&str> = readers.map(|(name, _)| name.as_str()).collect();
        let holds: Vec<String> = holds.into_iter().collect();
        lines.push(format!("| {secret} | {} | {} |", readers.join(", "), holds.join("; ")));
    }
    lines.join("\n") + "\n"
}

/// What a secret must hold for a function: by the manifest, else by the list of reads.
fn need(entry: &Entry, secret: &str) -> Option<String> {
    let vendor = match secret {
        "DD_APP_KEY" => "datadog",
        "CLOUDFLARE_API_TOKEN" => "cloudflare",
        "GITHUB_TOKEN" => "github",
        _ => return entry.needs.get(secret).cloned(),
    };
    entry.needs.get(secret).cloned().or_else(|| scopes().remove(vendor).map(|scopes| scopes.join(", ")))
}
