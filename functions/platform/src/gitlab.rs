//! GitLab's REST API v4: projects, branches, comparisons, trees and raw files.

use std::collections::BTreeMap;

use http::Method;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::history::{Difference, History, whole};
use crate::wire::{Answer, Request};

/// The most entries of a page.
const MAX_PAGE: usize = 100;

/// What one token can see.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct World {
    /// The token that requests must carry.
    pub token: String,
    /// What the token may do. Default: `read_api` and `read_repository`.
    pub scopes: Vec<String>,
    /// Projects by their path, groups included.
    pub projects: BTreeMap<String, Project>,
}

impl Default for World {
    fn default() -> Self {
        let scopes = ["read_api", "read_repository"].map(str::to_owned).into();
        Self { token: "glpat-simulated".to_owned(), scopes, projects: BTreeMap::new() }
    }
}

/// A project.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Project {
    /// The default branch. Default `main`.
    pub default_branch: Option<String>,
    /// Its commits.
    pub history: History,
}

/// `compare`, `tree`, `raw`, `branch` or `project`; the path for anything else.
pub fn call(request: &Request) -> String {
    let segments = request.segments();
    let names: Vec<&str> = segments.iter().map(String::as_str).collect();
    match names.as_slice() {
        ["api", "v4", "projects", _] => "project".to_owned(),
        ["api", "v4", "projects", _, "repository", what @ ("compare" | "tree")] => (*what).to_owned(),
        ["api", "v4", "projects", _, "repository", "branches", _] => "branch".to_owned(),
        ["api", "v4", "projects", _, "repository", "files", _, "raw"] => "raw".to_owned(),
        _ => request.path.clone(),
    }
}

impl World {
    /// The settings of a client.
    pub fn environment(&self, url: &str) -> Vec<(&'static str, String)> {
        vec![("GITLAB_URL", url.to_owned()), ("GITLAB_TOKEN", self.token.clone())]
    }

    /// Answers a request as GitLab would. A private project without a token does not exist.
    pub fn answer(&self, request: &Request) -> Answer {
        match request.header("private-token").or_else(|| request.bearer()) {
            Some(token) if token != self.token => {
                return Answer::json(401, &json!({"message": "401 Unauthorized"}));
            }
            Some(_) if request.method == Method::GET => {}
            _ => return refuse("404 Project Not Found"),
        }
        let segments = request.segments();
        let names: Vec<&str> = segments.iter().map(String::as_str).collect();
        if names == ["api", "v4", "personal_access_tokens", "self"] {
            let token =
                json!({"id": 1, "name": "sitrep", "active": true, "revoked": false, "scopes": self.scopes});
            return Answer::json(200, &token);
        }
        let ["api", "v4", "projects", name, rest @ ..] = names.as_slice() else {
            return Answer::json(404, &json!({"error": "404 Not Found"}));
        };
        let Some(project) = self.projects.get(*name) else { return refuse("404 Project Not Found") };
        match rest {
            [] => Answer::json(
                200,
                &json!({"id": 1, "path_with_namespace": name, "default_branch": project.default_branch()}),
            ),
            ["repository", "branches", branch] => project.branch(branch),
            ["repository", "compare"] => project.compare(request),
            ["repository", "tree"] => project.tree(request),
            ["repository", "files", path, "raw"] => project.raw(path, request),
            _ => Answer::json(404, &json!({"error": "404 Not Found"})),
        }
    }
}

impl Project {
    fn default_branch(&self) -> &str {
        self.default_branch.as_deref().unwrap_or("main")
    }

    fn branch(&self, name: &str) -> Answer {
        match self.history.refs.get(name) {
            Some(commit) => Answer::json(
                200,
                &json!({"name": name, "default": name == self.default_branch(), "commit": {"id": whole(commit)}}),
            ),
            None => refuse("404 Branch Not Found"),
        }
    }

    /// From the common ancestor, or, with `straight=true`, from the older commit itself.
    fn compare(&self, request: &Request) -> Answer {
        let (Some(from), Some(to)) = (request.query_value("from"), request.query_value("to")) else {
            return Answer::json(400, &json!({"error": "from is missing, to is missing"}));
        };
        let straight = request.query_value("straight") == Some("true");
        let (Some((_, start)), Some((_, end))) = (self.history.commit(from), self.history.commit(to)) else {
            return refuse("404 Ref Not Found");
        };
        let base = self.history.merge_base(from, to).and_then(|(base, ..)| self.history.commit(base));
        let start = if straight { Some(start) } else { base.map(|(_, snapshot)| snapshot) };
        let diffs: Vec<Value> =
            start.map(|start| start.differences(end)).unwrap_or_default().iter().map(diff).collect();
        Answer::json(
            200,
            &json!({"commit": {"id": whole(to)}, "commits": [], "diffs": diffs, "compare_timeout": false,
                "compare_same_ref": from == to}),
        )
    }

    fn tree(&self, request: &Request) -> Answer {
        let reference = request.query_value("ref").unwrap_or(self.default_branch());
        let Some((_, snapshot)) = self.history.commit(reference) else { return refuse("404 Tree Not Found") };
        let number = |name: &str| request.query_value(name).and_then(|text| text.parse::<usize>().ok());
        let size = number("per_page").unwrap_or(20).clamp(1, MAX_PAGE);
        let skip = (number("page").unwrap_or(1).max(1) - 1) * size;
        let under = request.query_value("path").unwrap_or_default();
        let entries = snapshot.entries(under, request.query_value("recursive") == Some("true"));
        let page: Vec<Value> = entries
            .iter()
            .skip(skip)
            .take(size)
            .map(|entry| {
                let (kind, mode) = if entry.size.is_some() { ("blob", "100644") } else { ("tree", "040000") };
                let name = entry.path.rsplit('/').next().unwrap_or_default();
                json!({"id": entry.sha, "name": name, "type": kind, "path": entry.path, "mode": mode})
            })
            .collect();
        Answer::json(200, &Value::Array(page))
    }

    fn raw(&self, path: &str, request: &Request) -> Answer {
        let reference = request.query_value("ref").unwrap_or(self.default_branch());
        let Some((_, snapshot)) = self.history.commit(reference) else {
            return refuse("404 Commit Not Found");
        };
        match snapshot.files.get(path) {
            Some(text) => Answer::text(200, "text/plain; charset=utf-8", text.clone()),
            None => refuse("404 File Not Found"),
        }
    }
}

fn diff(difference: &Difference) -> Value {
    let (old, new, flags) = match difference {
        Difference::Added(path) => (path, path, (true, false, false)),
        Difference::Modified(path) => (path, path, (false, false, false)),
        Difference::Removed(path) => (path, path, (false, false, true)),
        Difference::Renamed(old, new) => (old, new, (false, true, false)),
    };
    json!({"old_path": old, "new_path": new, "new_file": flags.0, "renamed_file": flags.1, "deleted_file": flags.2,
        "a_mode": "100644", "b_mode": "100644", "diff": ""})
}

fn refuse(message: &str) -> Answer {
    Answer::json(404, &json!({ "message": message }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(target: &str, token: Option<&str>) -> Answer {
        let world: World =
            serde_json::from_value(json!({"token": "t", "projects": {"acme/web/shop": {"history": {
            "refs": {"main": "3333333"}, "commits": {
                "1111111": {"files": {"a.go": "a", "x/b.go": "b"}},
                "2222222": {"parent": "1111111", "files": {"a.go": "a", "x/b.go": "b", "c.go": "c"}},
                "3333333": {"parent": "1111111", "files": {"a.go": "a2", "x/b.go": "b"}}}}}}}))
            .unwrap();
        let request = Request::new(Method::GET, &format!("/api/v4/projects/acme%2Fweb%2Fshop{target}"));
        world.answer(
            &token
                .map_or_else(|| request.clone(), |token| request.clone().with_header("private-token", token)),
        )
    }

    #[test]
    fn a_straight_comparison_shows_what_a_forced_push_took_away_and_the_other_does_not() {
        let paths = |straight: &str| -> Vec<String> {
            let answer = ask(&format!("/repository/compare?from=2222222&to=3333333{straight}"), Some("t"));
            let diffs = answer.value()["diffs"].clone();
            diffs.as_array().unwrap().iter().map(|d| d["new_path"].as_str().unwrap().to_owned()).collect()
        };
        assert_eq!(paths(""), ["a.go"]);
        assert_eq!(paths("&straight=true"), ["a.go", "c.go"]);
    }

    #[test]
    fn trees_come_in_pages_and_files_as_they_are() {
        let tree = |page: u8| {
            ask(&format!("/repository/tree?recursive=true&per_page=2&page={page}"), Some("t")).value()
        };
        assert_eq!(tree(1).as_array().unwrap().len(), 2);
        assert_eq!(tree(2)[0]["path"], "x/b.go");
        assert_eq!(ask("/repository/files/x%2Fb.go/raw?ref=main", Some("t")).body, b"b");
        assert_eq!(ask("/repository/files/c.go/raw?ref=main", Some("t")).status, 404);
        assert_eq!(ask("/repository/tree?ref=9999999", Some("t")).status, 404);
        assert_eq!((ask("", None).status, ask("", Some("x")).status), (404, 401));
    }
}
