//! GitHub: comparing two refs, branches, trees, and the contents of files.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::Method;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::Moment;
use crate::history::{Difference, History, whole};
use crate::wire::{Answer, Request};

/// The most files a comparison names.
const MAX_FILES: usize = 300;
/// The most commits of a comparison without pages, and of a page.
const MAX_COMMITS: usize = 250;
/// The most entries of a tree in one answer.
const MAX_TREE: usize = 100_000;
/// The API versions in force.
const VERSIONS: [&str; 2] = ["2022-11-28", "2026-03-10"];

/// What one token can see.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct World {
    /// The token that requests must carry.
    pub token: String,
    /// Repositories by `owner/name`.
    pub repositories: BTreeMap<String, Repository>,
}

impl Default for World {
    fn default() -> Self {
        Self { token: "github_pat_simulated".to_owned(), repositories: BTreeMap::new() }
    }
}

/// A repository.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Repository {
    /// The default branch. Default `main`.
    pub default_branch: Option<String>,
    /// Tags and branches to the commit they name.
    pub tags: BTreeMap<String, String>,
    /// Comparisons that can be asked for, by any name of their ends.
    pub compares: Vec<Compare>,
    /// Path to text, the same at every ref.
    pub files: BTreeMap<String, String>,
    /// Commits with their files, where each has its own: branches, trees, contents and comparisons are then made from it.
    pub history: History,
    /// Entries that a recursive tree holds at most before it is cut. Default: GitHub's 100,000.
    pub tree_limit: Option<usize>,
}

/// What lies between two refs.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Compare {
    /// The older end: tag, branch or commit.
    pub base: String,
    /// The newer end.
    pub head: String,
    /// Oldest first.
    #[serde(default)]
    pub commits: Vec<Commit>,
    /// Changed files.
    #[serde(default)]
    pub files: Vec<File>,
}

/// A commit.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Commit {
    /// The hash, whole or its beginning: a short one is filled up to 40 digits.
    pub sha: String,
    /// Subject and body.
    pub message: String,
    /// The author's name.
    pub author: String,
    /// The author's address. Default: a GitHub no-reply address.
    #[serde(default)]
    pub email: Option<String>,
    /// The author's account.
    #[serde(default)]
    pub login: Option<String>,
    /// When it was made.
    pub date: Timestamp,
}

/// A changed file.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct File {
    /// Path.
    pub filename: String,
    /// `added`, `modified`, `removed`, `renamed`.
    pub status: Status,
    /// Lines added.
    #[serde(default)]
    pub additions: u64,
    /// Lines removed.
    #[serde(default)]
    pub deletions: u64,
    /// The hunks, without file headers. Absent for binary and very large files.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub patch: Option<String>,
    /// The old path of a renamed file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous_filename: Option<String>,
}

/// What happened to a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "these are GitHub's own names")]
pub enum Status {
    Added,
    Modified,
    Removed,
    Renamed,
    Changed,
    Copied,
    Unchanged,
}

/// `compare`, `contents`, `tree`, `branch` or `repository`; the path for anything else.
pub fn call(request: &Request) -> String {
    let segments = request.segments();
    let names: Vec<&str> = segments.iter().map(String::as_str).collect();
    match names.as_slice() {
        ["repos", _, _, "compare", ..] => "compare".to_owned(),
        ["repos", _, _, "contents", ..] => "contents".to_owned(),
        ["repos", _, _, "git", "trees", _] => "tree".to_owned(),
        ["repos", _, _, "branches", ..] => "branch".to_owned(),
        ["repos", _, _] => "repository".to_owned(),
        _ => request.path.clone(),
    }
}

impl World {
    /// The settings of a client.
    pub fn environment(&self, url: &str) -> Vec<(&'static str, String)> {
        vec![("GITHUB_URL", url.to_owned()), ("GITHUB_TOKEN", self.token.clone())]
    }

    /// Answers a request as GitHub would. A private repository without a token does not exist.
    pub fn answer(&self, request: &Request, moment: Moment) -> Answer {
        if request.header("user-agent").is_none() {
            let text = "Request forbidden by administrative rules. Please make sure your request has a User-Agent header";
            return Answer::text(403, "text/html", text);
        }
        if let Some(version) = request.header("x-github-api-version").filter(|v| !VERSIONS.contains(v)) {
            return refuse(400, &format!("\"{version}\" is not a supported version."));
        }
        match request.header("authorization").map(|value| value.split_once(' ').unwrap_or(("", value)).1) {
            Some(token) if token != self.token => return refuse(401, "Bad credentials"),
            Some(_) if request.method == Method::GET => {}
            _ => return refuse(404, "Not Found"),
        }
        let segments = request.segments();
        let names: Vec<&str> = segments.iter().map(String::as_str).collect();
        if names == ["rate_limit"] {
            let core = json!({"limit": 5000, "remaining": 4990, "reset": moment.as_of.as_second() + 1800, "used": 10});
            return Answer::json(200, &json!({"resources": {"core": core}, "rate": core}));
        }
        let ["repos", owner, name, rest @ ..] = names.as_slice() else { return refuse(404, "Not Found") };
        let full_name = format!("{owner}/{name}");
        let Some(repository) = self.repositories.get(&full_name) else { return refuse(404, "Not Found") };
        match rest {
            [] => repository.describe(&full_name),
            // A branch's name may hold slashes.
            ["compare", basehead @ ..] => repository.compare(&full_name, &basehead.join("/"), request),
            ["git", "trees", sha] => repository.tree(sha, request),
            ["branches", name @ ..] => repository.branch(&name.join("/")),
            ["contents", path @ ..] => repository.contents(&path.join("/"), request),
            _ => refuse(404, "Not Found"),
        }
    }
}

impl Repository {
    fn default_branch(&self) -> &str {
        self.default_branch.as_deref().unwrap_or("main")
    }

    fn describe(&self, full_name: &str) -> Answer {
        Answer::json(
            200,
            &json!({"full_name": full_name, "private": true, "default_branch": self.default_branch(),
                "html_url": format!("https://github.com/{full_name}")}),
        )
    }

    fn compare(&self, full_name: &str, basehead: &str, request: &Request) -> Answer {
        let Some((base, head)) = basehead.split_once("...") else { return refuse(404, "Not Found") };
        if let Some(answer) = self.compare_commits(full_name, base, head) {
            return answer;
        }
        let ends = (self.is_ref(base), self.is_ref(head));
        let known = self.compares.iter().find(|c| self.is_same(&c.base, base) && self.is_same(&c.head, head));
        let reverse =
            self.compares.iter().find(|c| self.is_same(&c.head, base) && self.is_same(&c.base, head));
        let url = format!("https://github.com/{full_name}/compare/{base}...{head}");
        match (known, reverse, ends) {
            (Some(compare), _, _) => {
                Answer::json(200, &compare.body(full_name, &url, &self.commit_of(base), pages(request)))
            }
            (None, Some(ahead), _) => {
                Answer::json(200, &nothing("behind", &url, &self.commit_of(head), ahead.commits.len()))
            }
            (None, None, (true, true)) if self.is_same(base, head) => {
                Answer::json(200, &nothing("identical", &url, &self.commit_of(base), 0))
            }
            (None, None, (true, true)) => {
                refuse(404, &format!("No common ancestor between {base} and {head}."))
            }
            _ => refuse(404, "Not Found"),
        }
    }

    /// From the two commits' common ancestor, as three dots mean; `None` where the history does not know both.
    fn compare_commits(&self, full_name: &str, base: &str, head: &str) -> Option<Answer> {
        self.history.commit(base)?;
        let (_, end) = self.history.commit(head)?;
        let Some((common, behind, ahead)) = self.history.merge_base(base, head) else {
            return Some(refuse(404, &format!("No common ancestor between {base} and {head}.")));
        };
        let (_, start) = self.history.commit(common)?;
        let status = match (ahead, behind) {
            (0, 0) => "identical",
            (_, 0) => "ahead",
            (0, _) => "behind",
            _ => "diverged",
        };
        let files: Vec<Value> = start.differences(end).iter().take(MAX_FILES).map(changed).collect();
        let url = format!("https://github.com/{full_name}/compare/{base}...{head}");
        Some(Answer::json(
            200,
            &json!({"url": url, "html_url": url, "status": status, "ahead_by": ahead, "behind_by": behind,
                "total_commits": ahead, "base_commit": {"sha": whole(base)}, "merge_base_commit": {"sha": whole(common)},
                "commits": [], "files": files}),
        ))
    }

    fn branch(&self, name: &str) -> Answer {
        match self.history.refs.get(name) {
            Some(sha) => {
                Answer::json(200, &json!({"name": name, "commit": {"sha": whole(sha)}, "protected": false}))
            }
            // A repository of which only comparisons are told has its branch all the same.
            None if name == self.default_branch() && self.history.refs.is_empty() => Answer::json(
                200,
                &json!({"name": name, "commit": {"sha": self.commit_of(name)}, "protected": false}),
            ),
            None => refuse(404, "Branch not found"),
        }
    }

    /// The tree of a commit, or of a folder by its own hash. `recursive` counts whatever its value.
    fn tree(&self, sha: &str, request: &Request) -> Answer {
        let commits = || self.history.commits.values();
        let (folder, snapshot) = match self.history.commit(sha) {
            Some((_, snapshot)) => (String::new(), snapshot),
            None => match commits().find_map(|snapshot| Some((snapshot.folder(sha)?, snapshot))) {
                Some(found) => found,
                None => return refuse(404, "Not Found"),
            },
        };
        let recursive = request.query_value("recursive").is_some();
        let entries = snapshot.entries(&folder, recursive);
        let limit = if recursive { self.tree_limit.unwrap_or(MAX_TREE) } else { MAX_TREE };
        let below = if folder.is_empty() { 0 } else { folder.len() + 1 };
        let tree: Vec<Value> = entries
            .iter()
            .take(limit)
            .map(|entry| match entry.size {
                Some(size) => {
                    json!({"path": entry.path[below..], "mode": "100644", "type": "blob", "sha": entry.sha, "size": size})
                }
                None => json!({"path": entry.path[below..], "mode": "040000", "type": "tree", "sha": entry.sha}),
            })
            .collect();
        Answer::json(200, &json!({"sha": whole(sha), "tree": tree, "truncated": entries.len() > limit}))
    }

    fn contents(&self, path: &str, request: &Request) -> Answer {
        let reference = request.query_value("ref");
        let files = match self.history.commit(reference.unwrap_or(self.default_branch())) {
            Some((_, snapshot)) => &snapshot.files,
            None => {
                if let Some(unknown) = reference.filter(|name| !self.is_ref(name)) {
                    return refuse(404, &format!("No commit found for the ref {unknown}"));
                }
                &self.files
            }
        };
        let Some(text) = files.get(path) else { return folder(files, path) };
        if request.header("accept").is_some_and(|accept| accept.contains("raw")) {
            return Answer::text(200, "application/vnd.github.raw+json; charset=utf-8", text.clone());
        }
        // GitHub breaks the text into lines of sixty characters.
        let encoded = STANDARD.encode(text);
        let content: String = encoded.as_bytes().chunks(60).fold(String::new(), |mut content, line| {
            content.push_str(&String::from_utf8_lossy(line));
            content.push('\n');
            content
        });
        let mut body = entry(path, "file", text.len());
        body["encoding"] = json!("base64");
        body["content"] = json!(content);
        Answer::json(200, &body)
    }

    /// The commit a name stands for; the name itself where it is no tag.
    fn commit_of(&self, name: &str) -> String {
        self.tags.get(name).map_or_else(|| name.to_owned(), |sha| whole(sha))
    }

    fn is_same(&self, one: &str, other: &str) -> bool {
        let (one, other) = (self.commit_of(one), self.commit_of(other));
        one == other || (other.len() >= 7 && one.starts_with(&other))
    }

    /// True for the default branch, a tag, an end of a comparison, or a commit of seven digits or more.
    fn is_ref(&self, name: &str) -> bool {
        let is_end =
            |compare: &Compare| self.is_same(&compare.base, name) || self.is_same(&compare.head, name);
        let is_commit = |sha: &str| name.len() >= 7 && whole(sha).starts_with(name);
        name == self.default_branch()
            || self.tags.contains_key(name)
            || self.tags.values().any(|sha| is_commit(sha))
            || self
                .compares
                .iter()
                .any(|c| is_end(c) || c.commits.iter().any(|commit| is_commit(&commit.sha)))
    }
}

impl Compare {
    fn body(&self, full_name: &str, url: &str, base: &str, (page, size): (usize, usize)) -> Value {
        let commits: Vec<Value> =
            self.commits.iter().skip(page * size).take(size).map(|commit| commit.body(full_name)).collect();
        // Files come with the first page alone.
        let files: Vec<Value> =
            if page == 0 { self.files.iter().take(MAX_FILES).map(File::body).collect() } else { Vec::new() };
        json!({"url": url, "html_url": url, "status": "ahead", "ahead_by": self.commits.len(), "behind_by": 0,
            "total_commits": self.commits.len(), "base_commit": {"sha": base}, "merge_base_commit": {"sha": base},
            "commits": commits, "files": files})
    }
}

impl Commit {
    fn body(&self, full_name: &str) -> Value {
        let sha = whole(&self.sha);
        let login = self.login.clone().unwrap_or_else(|| self.author.to_lowercase().replace(' ', "-"));
        let email = self.email.clone().unwrap_or_else(|| format!("{login}@users.noreply.github.com"));
        let person = json!({"name": self.author, "email": email, "date": self.date.to_string()});
        json!({"sha": sha, "html_url": format!("https://github.com/{full_name}/commit/{sha}"),
            "commit": {"message": self.message, "author": person, "committer": person},
            "author": self.login.as_ref().map(|login| json!({"login": login})), "parents": []})
    }
}

impl File {
    fn body(&self) -> Value {
        let mut body = serde_json::to_value(self).unwrap_or_default();
        body["changes"] = json!(self.additions + self.deletions);
        body["sha"] = json!(whole(""));
        body
    }
}

fn changed(difference: &Difference) -> Value {
    let (path, status, before) = match difference {
        Difference::Added(path) => (path, "added", None),
        Difference::Modified(path) => (path, "modified", None),
        Difference::Removed(path) => (path, "removed", None),
        Difference::Renamed(old, new) => (new, "renamed", Some(old)),
    };
    let mut file = json!({"sha": whole(""), "filename": path, "status": status, "additions": 0, "deletions": 0, "changes": 0});
    if let Some(before) = before {
        file["previous_filename"] = json!(before);
    }
    file
}

/// The entries of a folder.
fn folder(files: &BTreeMap<String, String>, path: &str) -> Answer {
    let prefix = if path.is_empty() { String::new() } else { format!("{path}/") };
    let mut entries: BTreeMap<String, Value> = BTreeMap::new();
    for (file, text) in files {
        let Some(rest) = file.strip_prefix(&prefix) else { continue };
        let (child, kind, size) = match rest.split_once('/') {
            Some((folder, _)) => (format!("{prefix}{folder}"), "dir", 0),
            None => (file.clone(), "file", text.len()),
        };
        entries.entry(child.clone()).or_insert_with(|| entry(&child, kind, size));
    }
    if entries.is_empty() {
        return refuse(404, "Not Found");
    }
    Answer::json(200, &entries.into_values().collect())
}

fn nothing(status: &str, url: &str, base: &str, behind: usize) -> Value {
    json!({"url": url, "html_url": url, "status": status, "ahead_by": 0, "behind_by": behind, "total_commits": 0,
        "base_commit": {"sha": base}, "merge_base_commit": {"sha": base}, "commits": [], "files": []})
}

fn entry(path: &str, kind: &str, size: usize) -> Value {
    let name = path.rsplit('/').next().unwrap_or(path);
    json!({"type": kind, "size": size, "name": name, "path": path, "sha": whole("")})
}

/// Page (from zero) and page size.
fn pages(request: &Request) -> (usize, usize) {
    let number = |name: &str| request.query_value(name).and_then(|text| text.parse::<usize>().ok());
    match (number("page"), number("per_page")) {
        (None, None) => (0, MAX_COMMITS),
        (page, size) => (page.unwrap_or(1).max(1) - 1, size.unwrap_or(30).clamp(1, 100)),
    }
}

fn refuse(status: u16, message: &str) -> Answer {
    Answer::json(
        status,
        &json!({"message": message, "documentation_url": "https://docs.github.com/rest", "status": status.to_string()}),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn world() -> World {
        serde_json::from_value(json!({"token": "t", "repositories": {"acme/shop": {
            "tags": {"v1": "1111111", "v2": "2222222", "v0": "0000001"},
            "compares": [{"base": "v1", "head": "v2",
                "commits": [{"sha": "2222222", "message": "cart: sort", "author": "Ann Lee", "date": "2026-01-01T00:00:00Z"}],
                "files": [{"filename": "cart.go", "status": "modified", "additions": 2, "deletions": 1, "patch": "@@"}]}],
            "files": {"src/cart.go": "package cart\n", "src/x/y.go": "package y\n"}}}}))
        .unwrap()
    }

    fn ask(target: &str, token: Option<&str>) -> Answer {
        let mut request = Request::new(Method::GET, target).with_header("user-agent", "test");
        if let Some(token) = token {
            request = request.with_header("authorization", &format!("Bearer {token}"));
        }
        let alert = "2026-01-01T00:00:00Z".parse().unwrap();
        world().answer(&request, Moment { alert, as_of: alert })
    }

    #[test]
    fn a_comparison_is_found_by_tag_and_by_commit() {
        for ends in ["v1...v2", "1111111...v2", "v1...2222222222222222222222222222222222222222"] {
            let body = ask(&format!("/repos/acme/shop/compare/{ends}"), Some("t")).value();
            assert_eq!(body["status"], "ahead", "{ends}");
            assert_eq!(body["commits"][0]["commit"]["author"]["name"], "Ann Lee");
            assert_eq!(body["files"][0]["changes"], 3);
        }
    }

    #[test]
    fn other_pairs_of_refs_are_behind_identical_unrelated_or_unknown() {
        let answer = |ends: &str| ask(&format!("/repos/acme/shop/compare/{ends}"), Some("t"));
        assert_eq!(answer("v2...v1").value()["status"], "behind");
        assert_eq!(answer("v1...v1").value()["status"], "identical");
        assert_eq!(answer("v0...v2").status, 404);
        assert_eq!(answer("v1...v9").value()["message"], "Not Found");
    }

    #[test]
    fn without_a_token_a_private_repository_does_not_exist() {
        assert_eq!(ask("/repos/acme/shop", None).status, 404);
        let wrong = ask("/repos/acme/shop", Some("x"));
        assert_eq!((wrong.status, wrong.value()["message"].clone()), (401, json!("Bad credentials")));
    }

    #[test]
    fn a_history_has_branches_trees_and_contents_of_its_own() {
        let world: World = serde_json::from_value(
            json!({"token": "t", "repositories": {"acme/shop": {"tree_limit": 2, "history": {
            "refs": {"main": "3333333"}, "commits": {
                "1111111": {"files": {"a.go": "a", "x/b.go": "b"}},
                "2222222": {"parent": "1111111", "files": {"a.go": "a", "x/b.go": "b", "c.go": "c"}},
                "3333333": {"parent": "1111111", "files": {"a.go": "a2", "x/b.go": "b"}}}}}}}),
        )
        .unwrap();
        let ask = |rest: &str| {
            let request = Request::new(Method::GET, &format!("/repos/acme/shop{rest}"))
                .with_header("user-agent", "test")
                .with_header("authorization", "Bearer t")
                .with_header("accept", "application/vnd.github.raw+json");
            let alert = "2026-01-01T00:00:00Z".parse().unwrap();
            world.answer(&request, Moment { alert, as_of: alert })
        };
        assert_eq!(ask("/branches/main").value()["commit"]["sha"], whole("3333333"));
        // What the forced push took away is not in the comparison.
        let compared = ask("/compare/2222222...3333333").value();
        assert_eq!(
            (&compared["status"], compared["files"].as_array().unwrap().len()),
            (&json!("diverged"), 1)
        );
        assert_eq!(ask("/compare/1111111...2222222").value()["files"][0]["status"], "added");
        let whole_tree = ask("/git/trees/2222222?recursive=1").value();
        assert_eq!(
            (&whole_tree["truncated"], whole_tree["tree"].as_array().unwrap().len()),
            (&json!(true), 2)
        );
        let root = ask("/git/trees/2222222").value();
        let folder = root["tree"].as_array().unwrap().iter().find(|e| e["type"] == "tree").unwrap();
        let below = ask(&format!("/git/trees/{}", folder["sha"].as_str().unwrap())).value();
        assert_eq!(below["tree"][0]["path"], "b.go");
        assert_eq!(ask("/contents/a.go?ref=main").body, b"a2");
        assert_eq!(ask("/contents/c.go?ref=main").status, 404);
        assert_eq!(ask("/contents/c.go?ref=9999999").status, 404);
    }

    #[test]
    fn contents_are_files_and_folders_of_known_refs() {
        let file = ask("/repos/acme/shop/contents/src/cart.go?ref=v1", Some("t")).value();
        let decoded = STANDARD.decode(file["content"].as_str().unwrap().replace('\n', "")).unwrap();
        assert_eq!(decoded, b"package cart\n");
        let folder = ask("/repos/acme/shop/contents/src", Some("t")).value();
        assert_eq!(folder[1]["type"], "dir");
        assert_eq!(ask("/repos/acme/shop/contents/src/cart.go?ref=v9", Some("t")).status, 404);
        assert_eq!(ask("/repos/acme/shop/contents/nope", Some("t")).status, 404);
    }
}
