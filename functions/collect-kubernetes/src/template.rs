//! Two pod templates compared, and what a template's images say.
//!
//! A template is flattened into dotted paths, where the members of a named list carry their names:
//! `containers.api.env.POOL_MAX`. Values that may be secrets are masked before anything else sees them.

use std::collections::BTreeMap;

use incident::fact::{FieldChange, ImageChange};
use incident::redact::{MASK, redact};
use incident::size;
use serde_json::{Map, Value};

/// Written by `kubectl rollout restart`, and nothing else changes then.
const RESTARTED_AT: &str = "annotations.kubectl.kubernetes.io/restartedAt";
/// Differs between any two ReplicaSets.
const HASH: &str = "labels.pod-template-hash";
/// Parts of a name whose value nobody should read in a channel, however they are joined: `PGPASSWORD`, `authToken`.
const SENSITIVE_PARTS: [&str; 7] =
    ["password", "passwd", "passphrase", "secret", "token", "credential", "apikey"];
/// The same as whole words only, because harmless names hold them too: `BYPASS_CACHE`, `AUTHOR`, `PATH`.
const SENSITIVE_WORDS: [&str; 6] = ["pass", "pwd", "key", "dsn", "auth", "pat"];
/// Characters of a value.
const VALUE: usize = 120;

/// What changed between two templates.
pub(crate) struct Comparison {
    /// Changed fields, images first.
    pub changes: Vec<FieldChange>,
    /// Nothing but the restart annotation changed.
    pub restart_only: bool,
}

/// Compares two templates field by field.
pub(crate) fn compare(before: &Value, after: &Value) -> Comparison {
    let (mut before, mut after) = (fields(before), fields(after));
    let restarted = before.remove(RESTARTED_AT) != after.remove(RESTARTED_AT);
    let mut changes: Vec<FieldChange> = before
        .keys()
        .chain(after.keys().filter(|path| !before.contains_key(*path)))
        .filter(|path| before.get(*path) != after.get(*path))
        .map(|path| FieldChange {
            path: path.clone(),
            from: shown(path, before.get(path)),
            to: shown(path, after.get(path)),
        })
        .collect();
    changes.sort_by_key(|change| (rank(&change.path), change.path.clone()));
    Comparison { restart_only: restarted && changes.is_empty(), changes }
}

/// The containers whose image changed, init containers included.
pub(crate) fn image_changes(before: &Value, after: &Value) -> Vec<ImageChange> {
    let (before, after) = (images(before), images(after));
    let image = |images: &[(String, String)], name: &str| {
        images.iter().find(|(known, _)| known == name).map(|(_, image)| image.clone()).unwrap_or_default()
    };
    let gone = before.iter().filter(|(name, _)| !after.iter().any(|(known, _)| known == name));
    after
        .iter()
        .chain(gone)
        .map(|(name, _)| ImageChange {
            container: name.clone(),
            from: image(&before, name),
            to: image(&after, name),
        })
        .filter(|change| change.from != change.to)
        .collect()
}

/// The version a template runs: the tag of the container named like its workload, else of the first one.
pub(crate) fn version(template: &Value, workload: &str) -> Option<String> {
    let images = containers(template, "containers");
    let (_, image) = images.iter().find(|(name, _)| name == workload).or_else(|| images.first())?;
    Some(tag(image))
}

/// The tag of an image reference; the beginning of its digest when it has no tag; `latest` when it has neither, as the
/// container runtime reads it.
pub(crate) fn tag(image: &str) -> String {
    let (name, digest) = image.split_once('@').map_or((image, None), |(name, digest)| (name, Some(digest)));
    let last = name.rsplit('/').next().unwrap_or(name);
    match (last.split_once(':'), digest) {
        (Some((_, tag)), _) => tag.to_owned(),
        (None, Some(digest)) => digest.chars().take(19).collect(),
        (None, None) => "latest".to_owned(),
    }
}

fn images(template: &Value) -> Vec<(String, String)> {
    [containers(template, "containers"), containers(template, "initContainers")].concat()
}

fn containers(template: &Value, list: &str) -> Vec<(String, String)> {
    let list = template["spec"][list].as_array();
    list.into_iter()
        .flatten()
        .map(|container| (text(&container["name"]), text(&container["image"])))
        .collect()
}

fn fields(template: &Value) -> BTreeMap<String, String> {
    let mut fields = BTreeMap::new();
    flatten("", &template["metadata"]["labels"], "labels", &mut fields);
    flatten("", &template["metadata"]["annotations"], "annotations", &mut fields);
    for (key, value) in template["spec"].as_object().into_iter().flatten() {
        flatten("", value, key, &mut fields);
    }
    fields.remove(HASH);
    fields
}

fn flatten(parent: &str, value: &Value, key: &str, fields: &mut BTreeMap<String, String>) {
    let path = if parent.is_empty() { key.to_owned() } else { format!("{parent}.{key}") };
    match value {
        Value::Null => {}
        Value::Object(map) => map.iter().for_each(|(key, value)| flatten(&path, value, key, fields)),
        Value::Array(list) if key == "env" => {
            for variable in list {
                let name = variable["name"].as_str().unwrap_or_default();
                match variable["valueFrom"].as_object() {
                    Some(from) => fields.insert(format!("{path}.{name}.valueFrom"), reference(from)),
                    None => fields.insert(format!("{path}.{name}"), text(&variable["value"])),
                };
            }
        }
        Value::Array(list) if list.iter().any(Value::is_object) => {
            for (index, member) in list.iter().enumerate() {
                let name = member["name"].as_str().map_or_else(|| index.to_string(), str::to_owned);
                flatten(&path, member, &name, fields);
            }
        }
        Value::Array(list) => {
            fields.insert(path, arguments(list));
        }
        Value::String(text) => {
            fields.insert(path, text.clone());
        }
        scalar => {
            fields.insert(path, scalar.to_string());
        }
    }
}

/// Where a variable comes from: `secretKeyRef db/password` is a reference, never the secret.
fn reference(from: &Map<String, Value>) -> String {
    let words = from.iter().map(|(kind, at)| {
        let name = ["name", "fieldPath", "resource"].iter().find_map(|key| at[*key].as_str()).unwrap_or("?");
        match at["key"].as_str() {
            Some(key) => format!("{kind} {name}/{key}"),
            None => format!("{kind} {name}"),
        }
    });
    words.collect::<Vec<_>>().join(", ")
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// A command line with the values of sensitive flags masked, in both spellings: `--token=x` and `--token x`.
fn arguments(list: &[Value]) -> String {
    let mut words: Vec<String> = Vec::new();
    let mut mask_next = false;
    for word in list {
        let word = word.as_str().map_or_else(|| word.to_string(), str::to_owned);
        let flag = word.starts_with('-');
        words.push(match word.split_once('=') {
            _ if mask_next && !flag => MASK.to_owned(),
            Some((name, _)) if is_sensitive(name) => format!("{name}={MASK}"),
            _ => word.clone(),
        });
        mask_next = flag && !word.contains('=') && is_sensitive(&word);
    }
    words.join(" ")
}

fn shown(path: &str, value: Option<&String>) -> String {
    let Some(value) = value else { return String::new() };
    let name = path.rsplit('.').next().unwrap_or(path);
    let free_text = path.contains(".env.") || path.starts_with("annotations.");
    if free_text && is_sensitive(name) && !value.is_empty() {
        return MASK.to_owned();
    }
    size::cut(&redact(value), VALUE)
}

fn is_sensitive(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    SENSITIVE_PARTS.iter().any(|part| name.contains(part))
        || name.split(|c: char| !c.is_ascii_alphanumeric()).any(|word| SENSITIVE_WORDS.contains(&word))
}

/// Images first, then what most often breaks a release.
fn rank(path: &str) -> usize {
    let order = [".image", ".env.", ".resources.", ".command", ".args", "Probe."];
    order.iter().position(|part| path.contains(part)).unwrap_or(order.len())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn template(image: &str, env: &Value, annotations: &Value) -> Value {
        json!({"metadata": {"labels": {"app": "checkout", "pod-template-hash": image.len().to_string()},
                "annotations": annotations},
            "spec": {"containers": [
                {"name": "proxy", "image": "envoy:1.30"},
                {"name": "checkout", "image": image, "env": env, "resources": {"limits": {"memory": "512Mi"}}}]}})
    }

    #[test]
    fn a_tag_is_found_beside_ports_and_digests() {
        for (image, expected) in [
            ("registry:5000/team/api:v1.2", "v1.2"),
            ("registry:5000/team/api", "latest"),
            ("api:v1@sha256:0123456789abcdef", "v1"),
            ("api@sha256:0123456789abcdef", "sha256:0123456789ab"),
        ] {
            assert_eq!(tag(image), expected);
        }
    }

    #[test]
    fn the_version_is_that_of_the_container_named_like_the_workload() {
        let template = template("shop/checkout:v2", &json!([]), &json!({}));
        assert_eq!(version(&template, "checkout").unwrap(), "v2");
        assert_eq!(version(&template, "other").unwrap(), "1.30");
        assert_eq!(version(&json!({}), "checkout"), None);
    }

    #[test]
    fn a_changed_image_and_variable_are_two_changes_and_the_hash_is_none() {
        let before = template("checkout:v1", &json!([{"name": "POOL_MAX", "value": "20"}]), &json!({}));
        let after = template("checkout:v10", &json!([{"name": "POOL_MAX", "value": "80"}]), &json!({}));
        let changes = compare(&before, &after).changes;
        let lines: Vec<String> =
            changes.iter().map(|c| format!("{}: {} -> {}", c.path, c.from, c.to)).collect();
        assert_eq!(
            lines,
            [
                "containers.checkout.image: checkout:v1 -> checkout:v10",
                "containers.checkout.env.POOL_MAX: 20 -> 80"
            ]
        );
        assert_eq!(image_changes(&before, &after).len(), 1);
    }

    #[test]
    fn only_the_restart_annotation_is_a_restart_and_with_an_image_it_is_not() {
        let restarted = json!({"kubectl.kubernetes.io/restartedAt": "2026-01-01T00:00:00Z"});
        let before = template("checkout:v1", &json!([]), &json!({}));
        let restart = compare(&before, &template("checkout:v1", &json!([]), &restarted));
        assert!(restart.restart_only && restart.changes.is_empty());
        assert!(!compare(&before, &template("checkout:v2", &json!([]), &restarted)).restart_only);
        assert!(!compare(&before, &before).restart_only);
    }

    #[test]
    fn no_secret_is_shown_but_that_it_changed_is() {
        let reference = json!({"secretKeyRef": {"name": "db", "key": "password"}});
        let before = template(
            "a:1",
            &json!([{"name": "DB_PASSWORD", "value": "hunter2"}, {"name": "URL", "value": "x"}]),
            &json!({}),
        );
        let after = template(
            "a:1",
            &json!([{"name": "DB_PASSWORD", "valueFrom": reference},
                    {"name": "URL", "value": "postgres://app:hunter2@db/x"}]),
            &json!({}),
        );
        let changes = compare(&before, &after).changes;
        assert_eq!((changes[0].from.as_str(), changes[0].to.as_str()), (MASK, ""));
        assert_eq!(changes[1].path, "containers.checkout.env.DB_PASSWORD.valueFrom");
        assert_eq!(changes[1].to, "secretKeyRef db/password");
        assert_eq!(changes[2].to, format!("postgres://app:{MASK}@db/x"));
    }

    #[test]
    fn a_sensitive_name_is_known_however_its_words_are_joined() {
        for name in [
            "PGPASSWORD",
            "dbPassword",
            "authToken",
            "APITOKEN",
            "AWS_SECRETS",
            "SIGNING_KEY",
            "PAT",
            "db-pwd",
        ] {
            assert!(is_sensitive(name), "{name}");
        }
        for name in ["BYPASS_CACHE", "AUTHOR", "PATH", "KEYSPACE", "POOL_MAX"] {
            assert!(!is_sensitive(name), "{name}");
        }
    }

    #[test]
    fn a_sensitive_flag_hides_its_value_in_both_spellings() {
        let words = ["serve", "--token=abc", "--password", "hunter2", "--port", "80"].map(Value::from);
        assert_eq!(arguments(&words), format!("serve --token={MASK} --password {MASK} --port 80"));
    }

    #[test]
    fn a_probe_is_compared_field_by_field() {
        let probe = |seconds: u32| json!({"spec": {"containers": [{"name": "a", "readinessProbe": {"timeoutSeconds": seconds}}]}});
        let changes = compare(&probe(1), &probe(5)).changes;
        assert_eq!(changes[0].path, "containers.a.readinessProbe.timeoutSeconds");
    }
}
