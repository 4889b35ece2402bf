//! GitLab's REST API v4: branch, comparison, tree and raw files. It reads, and needs `read_repository` and `read_api`.

use std::collections::BTreeMap;
use std::time::Duration;

use host::http::{self, HttpError};
use host::{Fault, Secret, Settings};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::{Change, Changes, encoded};

/// The longest any request may take.
const PATIENCE: Duration = Duration::from_secs(30);
/// Entries of a page of a listing (GitLab's limit).
const PAGE: usize = 100;
/// Files of a comparison beyond which GitLab may have left some out.
const COMPARED: usize = 1_000;

/// A client that reads.
pub(crate) struct GitLab {
    http: reqwest::Client,
    base_url: String,
    token: Secret,
}

#[derive(Deserialize)]
struct Project {
    default_branch: Option<String>,
}

#[derive(Deserialize)]
struct Branch {
    commit: Commit,
}

#[derive(Deserialize)]
struct Commit {
    id: String,
}

#[derive(Deserialize)]
struct Comparison {
    #[serde(default)]
    diffs: Vec<Diff>,
    #[serde(default)]
    compare_timeout: bool,
}

#[derive(Deserialize)]
struct Diff {
    old_path: String,
    new_path: String,
    #[serde(default)]
    renamed_file: bool,
    #[serde(default)]
    deleted_file: bool,
}

#[derive(Deserialize)]
struct Entry {
    id: String,
    path: String,
    mode: String,
    #[serde(rename = "type")]
    kind: String,
}

impl GitLab {
    /// The client, where `GITLAB_TOKEN` is set; at `GITLAB_URL` or gitlab.com.
    pub(crate) fn new(settings: &Settings) -> Result<Option<Self>, Fault> {
        let Some(token) = settings.secret("GITLAB_TOKEN") else { return Ok(None) };
        let base_url = settings.url("GITLAB_URL", "https://gitlab.com");
        Ok(Some(Self { http: http::client()?, base_url, token }))
    }

    pub(crate) async fn head(&self, name: &str) -> Result<String, HttpError> {
        let project: Project = self.get(name, "").await?;
        let branch = project.default_branch.unwrap_or_default();
        let branch: Branch =
            self.get(name, &format!("/repository/branches/{}", encoded(&branch, ""))).await?;
        Ok(branch.commit.id)
    }

    /// The two commits held against each other (`straight`), not against their common ancestor: what a forced push took away is
    /// listed. `None` where GitLab did not finish, or may have cut the list.
    pub(crate) async fn compare(
        &self,
        name: &str,
        from: &str,
        to: &str,
    ) -> Result<Option<Changes>, HttpError> {
        let rest = format!("/repository/compare?from={from}&to={to}&straight=true");
        let comparison: Comparison = self.get(name, &rest).await?;
        let is_whole = !comparison.compare_timeout && comparison.diffs.len() < COMPARED;
        Ok(is_whole.then(|| changes(comparison.diffs)))
    }

    pub(crate) async fn tree(&self, name: &str, commit: &str) -> Result<BTreeMap<String, String>, HttpError> {
        let mut files = BTreeMap::new();
        for page in 1.. {
            let rest = format!("/repository/tree?recursive=true&ref={commit}&per_page={PAGE}&page={page}");
            let entries: Vec<Entry> = self.get(name, &rest).await?;
            let is_last = entries.len() < PAGE;
            files.extend(
                entries
                    .into_iter()
                    .filter(|entry| entry.kind == "blob" && entry.mode.starts_with("100"))
                    .map(|entry| (entry.path, entry.id)),
            );
            if is_last {
                break;
            }
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
        let rest = format!("/repository/files/{}/raw?ref={commit}", encoded(path, ""));
        http::beginning(self.request(name, &rest), limit).await
    }

    /// What the token itself may do.
    pub(crate) async fn scopes(&self) -> Result<Vec<String>, HttpError> {
        #[derive(Deserialize)]
        struct Token {
            scopes: Vec<String>,
        }
        let token: Token = http::send(self.asking("/personal_access_tokens/self")).await?;
        Ok(token.scopes)
    }

    async fn get<T: DeserializeOwned>(&self, name: &str, rest: &str) -> Result<T, HttpError> {
        http::send(self.request(name, rest)).await
    }

    fn request(&self, name: &str, rest: &str) -> reqwest::RequestBuilder {
        self.asking(&format!("/projects/{}{rest}", encoded(name, "")))
    }

    fn asking(&self, path: &str) -> reqwest::RequestBuilder {
        self.http
            .get(format!("{}/api/v4{path}", self.base_url))
            .timeout(PATIENCE)
            .header("PRIVATE-TOKEN", self.token.expose())
    }
}

fn changes(diffs: Vec<Diff>) -> Changes {
    let mut changes = Changes::new();
    for diff in diffs {
        if diff.deleted_file {
            changes.entry(diff.new_path).or_insert(Change::Removed);
            continue;
        }
        if diff.renamed_file {
            changes.entry(diff.old_path).or_insert(Change::Removed);
        }
        changes.insert(diff.new_path, Change::Written);
    }
    changes
}
