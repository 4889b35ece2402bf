//! GitHub's REST API: branch, comparison, tree and contents. It reads, and needs Contents: read.

use std::collections::BTreeMap;
use std::time::Duration;

use host::http::{self, HttpError};
use host::{Fault, Secret, Settings};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::{Change, Changes, encoded};

/// The longest any request may take.
const PATIENCE: Duration = Duration::from_secs(30);
/// Files that a comparison lists at most; as many mean that there may be more.
const COMPARED: usize = 300;

/// A client that reads.
pub(crate) struct GitHub {
    http: reqwest::Client,
    base_url: String,
    token: Secret,
}

#[derive(Deserialize)]
struct Repository {
    default_branch: String,
}

#[derive(Deserialize)]
struct Branch {
    commit: Commit,
}

#[derive(Deserialize)]
struct Commit {
    sha: String,
}

#[derive(Deserialize)]
struct Comparison {
    status: String,
    #[serde(default)]
    files: Vec<Compared>,
}

#[derive(Deserialize)]
struct Compared {
    filename: String,
    status: String,
    previous_filename: Option<String>,
}

#[derive(Deserialize)]
struct Tree {
    tree: Vec<Entry>,
    #[serde(default)]
    truncated: bool,
}

#[derive(Deserialize)]
struct Entry {
    path: String,
    mode: String,
    sha: String,
    #[serde(rename = "type")]
    kind: String,
}

impl GitHub {
    /// The client, where `GITHUB_TOKEN` is set; at `GITHUB_URL` or github.com.
    pub(crate) fn new(settings: &Settings) -> Result<Option<Self>, Fault> {
        let Some(token) = settings.secret("GITHUB_TOKEN") else { return Ok(None) };
        let base_url = settings.url("GITHUB_URL", "https://api.github.com");
        Ok(Some(Self { http: http::client()?, base_url, token }))
    }

    pub(crate) async fn head(&self, name: &str) -> Result<String, HttpError> {
        let repository: Repository = self.get(name, "").await?;
        let branch = encoded(&repository.default_branch, "/");
        let branch: Branch = self.get(name, &format!("/branches/{branch}")).await?;
        Ok(branch.commit.sha)
    }

    /// `None` where the comparison does not list everything: it looks from the two commits' common ancestor, so that what a
    /// forced push took away is not in it, and it ends after 300 files.
    pub(crate) async fn compare(
        &self,
        name: &str,
        from: &str,
        to: &str,
    ) -> Result<Option<Changes>, HttpError> {
        let comparison: Comparison = self.get(name, &format!("/compare/{from}...{to}")).await?;
        let is_whole =
            matches!(comparison.status.as_str(), "ahead" | "identical") && comparison.files.len() < COMPARED;
        Ok(is_whole.then(|| changes(comparison.files)))
    }

    /// A tree that is too large for one answer is read folder by folder.
    pub(crate) async fn tree(&self, name: &str, commit: &str) -> Result<BTreeMap<String, String>, HttpError> {
        let mut files = BTreeMap::new();
        let mut open = vec![(String::new(), commit.to_owned())];
        while let Some((prefix, sha)) = open.pop() {
            let whole: Tree = self.get(name, &format!("/git/trees/{sha}?recursive=1")).await?;
            let listed = if whole.truncated {
                let folder: Tree = self.get(name, &format!("/git/trees/{sha}")).await?;
                open.extend(
                    folder
                        .tree
                        .iter()
                        .filter(|entry| entry.kind == "tree")
                        .map(|entry| (format!("{prefix}{}/", entry.path), entry.sha.clone())),
                );
                folder
            } else {
                whole
            };
            files.extend(
                listed
                    .tree
                    .into_iter()
                    // Neither links (120000) nor submodules.
                    .filter(|entry| entry.kind == "blob" && entry.mode.starts_with("100"))
                    .map(|entry| (format!("{prefix}{}", entry.path), entry.sha)),
            );
        }
        Ok(files)
    }

    pub(crate) async fn read(
        &self,
        name: &str,
        path: &str,
        commit: &str,
        limit: usize,
    ) -> Result<Vec<u8>, HttpError> {
        let rest = format!("/contents/{}?ref={commit}", encoded(path, "/"));
        http::beginning(self.request(name, &rest).header("Accept", "application/vnd.github.raw+json"), limit)
            .await
    }

    /// Requests that are left in this hour. Asking does not count.
    pub(crate) async fn left(&self) -> Result<u64, HttpError> {
        #[derive(Deserialize)]
        struct Limits {
            rate: Rate,
        }
        #[derive(Deserialize)]
        struct Rate {
            remaining: u64,
        }
        let limits: Limits = http::send(self.asking(&format!("{}/rate_limit", self.base_url))).await?;
        Ok(limits.rate.remaining)
    }

    async fn get<T: DeserializeOwned>(&self, name: &str, rest: &str) -> Result<T, HttpError> {
        http::send(self.request(name, rest).header("Accept", "application/vnd.github+json")).await
    }

    fn request(&self, name: &str, rest: &str) -> reqwest::RequestBuilder {
        self.asking(&format!("{}/repos/{}{rest}", self.base_url, encoded(name, "/")))
    }

    fn asking(&self, url: &str) -> reqwest::RequestBuilder {
        self.http
            .get(url)
            .timeout(PATIENCE)
            .bearer_auth(self.token.expose())
            .header("X-GitHub-Api-Version", "2022-11-28")
    }
}

fn changes(files: Vec<Compared>) -> Changes {
    let mut changes = Changes::new();
    for file in files {
        match file.status.as_str() {
            "removed" => {
                changes.insert(file.filename, Change::Removed);
            }
            "unchanged" => (),
            status => {
                let before = file.previous_filename.filter(|_| status == "renamed");
                // Another file may have taken the old name in the same push.
                if let Some(path) = before {
                    changes.entry(path).or_insert(Change::Removed);
                }
                changes.insert(file.filename, Change::Written);
            }
        }
    }
    changes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rename_removes_the_old_path_unless_another_file_took_it() {
        let files: Vec<Compared> = serde_json::from_value(serde_json::json!([
            {"filename": "a.go", "status": "added"},
            {"filename": "b.go", "status": "renamed", "previous_filename": "a.go"},
            {"filename": "c.go", "status": "renamed", "previous_filename": "old.go"},
            {"filename": "d.go", "status": "copied", "previous_filename": "kept.go"},
            {"filename": "e.go", "status": "removed"},
        ]))
        .unwrap();
        let told: Vec<_> = changes(files).into_iter().collect();
        let expected = [
            ("a.go", Change::Written),
            ("b.go", Change::Written),
            ("c.go", Change::Written),
            ("d.go", Change::Written),
            ("e.go", Change::Removed),
            ("old.go", Change::Removed),
        ];
        assert_eq!(told, expected.map(|(path, change)| (path.to_owned(), change)));
    }
}
