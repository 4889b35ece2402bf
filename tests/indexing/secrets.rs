//! Secrets in every corpus and every way of writing: none of them is stored.

use std::collections::BTreeMap;

use incident::Corpus;
use platform::Vendor;
use serde_json::json;

use super::Desk;

/// Shapes of secrets, and the part of each that must not be found. Put together here, so that no scanner takes this file for a leak.
fn secrets() -> Vec<(String, String)> {
    let of = |before: &str, secret: &[&str]| (format!("{before}{}", secret.concat()), secret.concat());
    let mut secrets = vec![
        of("", &["AKIA", "IOSFODNN7EXAMPLQ"]),
        of("", &["ghp_", "0123456789abcdefghijABCDEFGHIJ012345"]),
        of("", &["glpat-", "0123456789abcdefghij"]),
        of("", &["xoxb-", "123456789012-abcdefghijkl"]),
        of("", &["sk-ant-", "REDACTED0123456789abcdef"]),
        of("", &["pcsk_", "0123456789abcdefghijklmn"]),
        of("db_password = ", &["correct", "horsebattery"]),
        of("api_key: ", &["0123456789", "abcdefabcdef"]),
        of("Authorization: Bearer ", &["abcdefghijkl", "mnopqrstuv"]),
    ];
    let password = ["hunter2", "secret9"].concat();
    secrets.push((format!("postgres://app:{password}@db.internal:5432/shop"), password));
    let key = ["MIIEpAIBAAKCAQEA", "7QbL0"].concat();
    let pem = |word: &str| format!("-----{word} RSA PRIVATE KEY-----");
    secrets.push((format!("{}\n{key}\n{key}\n{}", pem("BEGIN"), pem("END")), key));
    secrets
}

async fn check(desk: &Desk, origin: &str, corpora: &[Corpus]) {
    let held = desk.held(origin).await;
    for corpus in corpora {
        assert!(held.iter().any(|id| id.starts_with(corpus.name())), "nothing of {corpus:?} is held");
    }
    let home = desk.settings().home().unwrap();
    let mut bytes = Vec::new();
    for entry in std::fs::read_dir(home).unwrap().map(Result::unwrap).filter(|entry| entry.path().is_file()) {
        bytes.extend(std::fs::read(entry.path()).unwrap());
    }
    let stored = String::from_utf8_lossy(&bytes).to_lowercase();
    assert!(stored.contains("planted"), "the words around the secrets are stored");
    for (_, secret) in secrets() {
        assert!(!stored.contains(&secret.to_lowercase()), "{secret} is stored");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_secret_of_a_repository_is_stored() {
    let mut files = BTreeMap::new();
    for (n, (text, _)) in secrets().into_iter().enumerate() {
        files.insert(
            format!("wiki/{n}.md"),
            format!("# Planted {n}\nUse it so:\n\n```\n{text}\n```\n\n- or {text} in a list\n"),
        );
        files.insert(
            format!("incidents/{n}.md"),
            format!("# Planted {n}\n\n## Root cause\n\nSomebody wrote {text} here.\n"),
        );
        files.insert(
            format!("src/{n}.go"),
            format!("package planted\n\n// It was\n/*\n{text}\n*/\nfunc Planted{n}() string {{\n\treturn `{text}`\n}}\n"),
        );
        files.insert(
            format!("infra/{n}.tf"),
            format!("resource \"aws_instance\" \"planted{n}\" {{\n  user_data = <<-EOT\n    {text}\n  EOT\n  # {text}\n}}\n"),
        );
        files.insert(
            format!("web/{n}.ts"),
            format!("export const planted{n} = () => {{\n  return `\n{text}\n`;\n}};\n"),
        );
    }
    let commits = json!({"1111111": {"files": files}});
    let world = json!({"repositories": {"acme/shop": {"history": {"refs": {"main": "1111111"}, "commits": commits}}}});
    let desk = Desk::open(Vendor::Github, world).await;
    desk.run("first", json!({ "source": "github:acme/shop" })).await;
    let corpora = [Corpus::Runbooks, Corpus::Incidents, Corpus::SourceCode, Corpus::Terraform];
    check(&desk, "github:acme/shop", &corpora).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_secret_of_a_wiki_is_stored() {
    let mut pages = Vec::new();
    for (n, (text, _)) in secrets().into_iter().enumerate() {
        let escaped = text.replace('&', "&amp;").replace('<', "&lt;");
        let body = format!(
            "<h1>Planted {n}</h1><p>Use {escaped} here.</p><table><tbody><tr><td>{escaped}</td></tr></tbody></table>\
             <ac:structured-macro ac:name=\"code\"><ac:parameter ac:name=\"language\">bash</ac:parameter>\
             <ac:plain-text-body><![CDATA[export X\n{text}\n]]></ac:plain-text-body></ac:structured-macro>"
        );
        for (offset, title) in [(100, "Planted"), (200, "Post-mortem planted")] {
            pages.push(
                json!({"id": (offset + n).to_string(), "space": "OPS", "title": format!("{title} {n}"),
                "modified": "@-1h", "body": body}),
            );
        }
    }
    let desk = Desk::open(Vendor::Confluence, json!({"spaces": {"OPS": {"id": "1"}}, "pages": pages})).await;
    desk.run("first", json!({ "source": "confluence" })).await;
    check(&desk, "confluence", &[Corpus::Runbooks, Corpus::Incidents]).await;
}
