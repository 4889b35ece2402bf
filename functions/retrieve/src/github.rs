//! GitHub compare: commits, files, and the hunks that touch what the incident is about.

use host::http::{self, HttpError};
use host::{Fault, Secret, Settings};
use incident::fact::{CodeChange, Commit, Hunk};
use incident::{redact, size};
use serde::Deserialize;

use crate::change::Comparison;

/// Commits kept, the newest.
const COMMITS: usize = 12;
/// Files named.
const FILES: usize = 30;
/// Files that GitHub lists of a comparison, however many changed.
const LISTED: usize = 300;
/// Hunks kept, the most telling.
const HUNKS: usize = 3;
/// Bytes of a hunk.
const HUNK_BYTES: usize = 1_100;
/// Lines kept before the first telling line of a hunk.
const BEFORE: usize = 6;

/// A client that reads.
pub(crate) struct GitHub {
    http: reqwest::Client,
    base_url: String,
    token: Secret,
}

#[derive(Deserialize)]
struct CompareResponse {
    /// GitHub lists the newest 250.
    #[serde(default)]
    total_commits: usize,
    #[serde(default)]
    commits: Vec<CommitEntry>,
    #[serde(default)]
    files: Vec<File>,
}

#[derive(Deserialize)]
struct CommitEntry {
    sha: String,
    commit: CommitDetail,
}

#[derive(Deserialize)]
struct CommitDetail {
    message: String,
    author: Option<Person>,
}

#[derive(Deserialize)]
struct Person {
    name: Option<String>,
}

#[derive(Deserialize)]
struct File {
    filename: String,
    /// Absent for a binary or very large file.
    patch: Option<String>,
}

impl GitHub {
    /// The client, where `GITHUB_TOKEN` is set; at `GITHUB_URL` or github.com.
    pub(crate) fn new(settings: &Settings) -> Result<Option<Self>, Fault> {
        let Some(token) = settings.secret("GITHUB_TOKEN") else { return Ok(None) };
        let base_url = settings.url("GITHUB_URL", "https://api.github.com");
        Ok(Some(Self { http: http::client()?, base_url, token }))
    }

    /// What changed between two tags; `words` (lower case, weighted) tell which hunks are kept.
    pub(crate) async fn compare(
        &self,
        comparison: &Comparison,
        words: &[(String, u32)],
    ) -> Result<CodeChange, HttpError> {
        let url = format!(
            "{}/repos/{}/compare/{}...{}",
            self.base_url,
            encoded(&comparison.repository),
            encoded(&comparison.base),
            encoded(&comparison.head)
        );
        let request = self
            .http
            .get(url)
            .bearer_auth(self.token.expose())
            .header("Accept", "application/vnd.github+json")
            .header("X-GitHub-Api-Version", "2022-11-28");
        Ok(code_change(comparison, http::send(request).await?, words))
    }
}

/// A path segment, or two, with everything but plain characters escaped: versions come from image tags, which others write.
fn encoded(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' | b'/' => {
                char::from(byte).to_string()
            }
            _ => format!("%{byte:02X}"),
        })
        .collect()
}

fn code_change(comparison: &Comparison, response: CompareResponse, words: &[(String, u32)]) -> CodeChange {
    let mut hunks: Vec<(u32, Hunk)> = response
        .files
        .iter()
        .filter(|file| is_code(&file.filename))
        .flat_map(|file| {
            hunks(file.patch.as_deref().unwrap_or_default())
                .filter_map(|(line, text)| telling(&file.filename, line, text, words))
        })
        .collect();
    hunks.sort_by_key(|(weight, _)| std::cmp::Reverse(*weight));
    let skip = response.commits.len().saturating_sub(COMMITS);
    let commits = response.commits.len().max(response.total_commits);
    let files = response.files.len();
    CodeChange {
        repository: comparison.repository.clone(),
        from: comparison.base.clone(),
        to: comparison.head.clone(),
        commits: response.commits.into_iter().skip(skip).map(commit).collect(),
        more_commits: commits.saturating_sub(COMMITS),
        files: response.files.into_iter().take(FILES).map(|file| file.filename).collect(),
        more_files: files.saturating_sub(FILES),
        is_cut: files >= LISTED,
        hunks: hunks.into_iter().take(HUNKS).map(|(_, hunk)| hunk).collect(),
    }
}

fn commit(entry: CommitEntry) -> Commit {
    let subject = entry.commit.message.lines().next().unwrap_or_default();
    Commit {
        sha: entry.sha.chars().take(7).collect(),
        subject: size::cut(&redact::redact(subject), size::SUMMARY_CHARS / 2),
        author: entry.commit.author.and_then(|author| author.name),
    }
}

/// Tests, locks and prose do not run.
fn is_code(path: &str) -> bool {
    let lower = path.to_lowercase();
    !["_test.", ".test.", ".spec.", ".md", ".lock", "go.sum", "package-lock.json"]
        .iter()
        .any(|word| lower.contains(word))
}

/// The hunks of a patch: the first line in the new file, and the text with its heading.
fn hunks(patch: &str) -> impl Iterator<Item = (u32, &str)> {
    let mut starts: Vec<usize> = patch.match_indices("\n@@ ").map(|(at, _)| at + 1).collect();
    if patch.starts_with("@@ ") {
        starts.insert(0, 0);
    }
    let ends: Vec<usize> = starts.iter().skip(1).copied().chain([patch.len()]).collect();
    starts.into_iter().zip(ends).filter_map(|(start, end)| {
        let text = &patch[start..end];
        // `@@ -244,8 +244,14 @@ func …`
        let new = text.split(" +").nth(1)?.split([',', ' ']).next()?.parse().ok()?;
        Some((new, text))
    })
}

/// The hunk with its weight, when an added or removed line holds one of the words. Kept from a few lines before the first
/// telling line, with the hunk's heading, which names the function.
fn telling(path: &str, first: u32, text: &str, words: &[(String, u32)]) -> Option<(u32, Hunk)> {
    let (heading, body) = text.split_once('\n').unwrap_or((text, ""));
    let lines: Vec<&str> = body.lines().collect();
    let changed = |line: &str| line.starts_with(['+', '-']);
    let held = |line: &str| {
        let line = line.to_lowercase();
        words
            .iter()
            .filter(|(word, _)| changed(&line) && line.contains(word.as_str()))
            .max_by_key(|(_, weight)| *weight)
    };
    let told: Vec<(usize, &(String, u32))> =
        lines.iter().enumerate().filter_map(|(at, line)| Some((at, held(line)?))).collect();
    let strongest = told.iter().max_by_key(|(at, (_, weight))| (*weight, std::cmp::Reverse(*at)))?;
    let mut distinct: Vec<&(String, u32)> = told.iter().map(|(_, word)| *word).collect();
    distinct.sort();
    distinct.dedup();
    let from = strongest.0.saturating_sub(BEFORE).min(told.first()?.0);
    let skipped = lines[..from].iter().filter(|line| !line.starts_with('-')).count();
    let line = first.saturating_add(skipped as u32);
    let heading = heading.rsplit("@@").next().unwrap_or_default().trim();
    let kept = lines[from..].join("\n");
    let text = if heading.is_empty() { kept } else { format!("@@ {heading}\n{kept}") };
    let hunk = Hunk {
        path: path.to_owned(),
        line,
        text: size::cut_bytes(&redact::redact(&text), HUNK_BYTES),
        matched: strongest.1.0.trim().to_owned(),
    };
    Some((distinct.iter().map(|(_, weight)| weight).sum(), hunk))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATCH: &str = "@@ -10,3 +10,4 @@ import (\n \t\"context\"\n+\t\"fmt\"\n )\n@@ -240,6 +241,12 @@ func (s *Service) TopOrders(\n \tctx context.Context,\n-\trows := cached()\n+\tconst query = `\n+\t\tSELECT * FROM order_items\n+\t\tORDER BY total DESC`\n+\tpassword=hunter2secret\n \treturn rows\n";

    fn change(words: &[(&str, u32)]) -> CodeChange {
        let response: CompareResponse = serde_json::from_value(serde_json::json!({
            "status": "ahead",
            "commits": [
                { "sha": "0123456789abcdef", "commit": { "message": "orders: rank\n\nbody", "author": { "name": "Ada" } } }
            ],
            "files": [
                { "filename": "internal/orders/service.go", "status": "modified", "patch": PATCH },
                { "filename": "internal/orders/service_test.go", "patch": PATCH },
                { "filename": "logo.png" },
            ]
        }))
        .unwrap();
        let words: Vec<(String, u32)> = words.iter().map(|(word, n)| ((*word).to_owned(), *n)).collect();
        let comparison = Comparison { repository: "acme/shop".into(), base: "v1".into(), head: "v2".into() };
        code_change(&comparison, response, &words)
    }

    #[test]
    fn the_hunk_about_the_incident_is_kept_with_its_line_and_without_secrets() {
        let change = change(&[("order_items", 3), ("order by", 1)]);
        assert_eq!(change.commits[0].sha, "0123456");
        assert_eq!(change.commits[0].subject, "orders: rank");
        assert_eq!(change.files.len(), 3);
        let [hunk] = change.hunks.as_slice() else { panic!("{:?}", change.hunks) };
        assert_eq!(
            (hunk.path.as_str(), hunk.line, hunk.matched.as_str()),
            ("internal/orders/service.go", 241, "order_items")
        );
        assert!(hunk.text.starts_with("@@ func (s *Service) TopOrders("), "{}", hunk.text);
        assert!(hunk.text.contains("+\t\tSELECT * FROM order_items") && !hunk.text.contains("hunter2secret"));
    }

    #[test]
    fn what_is_not_named_is_counted_and_what_github_does_not_list_is_known_to_be_missing() {
        let commit = |n: usize| serde_json::json!({"sha": format!("{n:07}"), "commit": {"message": "m", "author": null}});
        let file = |n: usize| serde_json::json!({"filename": format!("{n}.go")});
        let response = |files: usize| {
            serde_json::from_value(serde_json::json!({"total_commits": 400,
                "commits": (150..400).map(commit).collect::<Vec<_>>(), "files": (0..files).map(file).collect::<Vec<_>>()}))
            .unwrap()
        };
        let comparison = Comparison { repository: "acme/shop".into(), base: "v1".into(), head: "v2".into() };
        let change = code_change(&comparison, response(300), &[]);
        assert_eq!((change.commit_count(), change.file_count(), change.is_cut), (400, 300, true));
        assert_eq!(change.commits.last().unwrap().sha, "0000399");
        let change = code_change(&comparison, response(299), &[]);
        assert_eq!((change.file_count(), change.is_cut), (299, false));
    }

    #[test]
    fn a_hunk_at_the_end_of_all_numbers_is_read() {
        let patch = format!("@@ -1,9 +{},9 @@\n{}+order_items\n", u32::MAX, " context\n".repeat(9));
        let (first, text) = hunks(&patch).next().unwrap();
        let (_, hunk) = telling("a.go", first, text, &[("order_items".to_owned(), 1)]).unwrap();
        assert_eq!(hunk.line, u32::MAX);
    }

    #[test]
    fn no_word_no_hunk_but_commits_and_files_stay() {
        let change = change(&[("cache_keys", 3)]);
        assert!(change.hunks.is_empty() && change.commits.len() == 1);
    }

    #[test]
    fn a_version_cannot_leave_its_place_in_the_url() {
        assert_eq!(encoded("v1?x=1#a b"), "v1%3Fx%3D1%23a%20b");
    }
}
