//! How a change could have brought the symptom: read from the source change or the pod template, never guessed. Only a
//! [`CodeChange`] or a template diff in evidence allows to say that something was read.

use std::sync::LazyLock;

use incident::fact::{CodeChange, FieldChange, Hunk};
use incident::{Cause, Fact, Finding};
use regex::Regex;

use crate::change::{Change, Deed};
use crate::scene::Scene;
use crate::suspect::Suspect;
use crate::words::sentence;

#[expect(clippy::expect_used, reason = "a constant pattern, compiled by every test")]
static QUERY: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?i)\b(select\s.+\bfrom\b|insert\s+into|update\s+\w+\s+set|delete\s+from|order\s+by|group\s+by|inner\s+join|left\s+join|\.query(row|context)?\(|\.exec(context)?\(|\.find(all|many)\()")
        .expect("a valid pattern")
});

/// The lines a hunk adds.
pub(crate) fn added(hunk: &Hunk) -> impl Iterator<Item = &str> {
    hunk.text.lines().filter_map(|line| line.strip_prefix('+'))
}

#[expect(clippy::expect_used, reason = "a constant pattern, compiled by every test")]
static TABLE: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"(?i)\b(from|into|update|join)\s+[a-z_\x22`]").expect("a valid pattern"));

/// Where a hunk adds a query, as a line number of the new file: the line that names the table, else the query's first.
pub(crate) fn query_line(hunk: &Hunk) -> Option<u32> {
    let mut number = hunk.line;
    let (mut query, mut table) = (None, None);
    for line in hunk.text.lines() {
        if let Some(text) = line.strip_prefix('+').filter(|text| !is_comment(text)) {
            query = query.or_else(|| QUERY.is_match(text).then_some(number));
            table = table.or_else(|| TABLE.is_match(text).then_some(number));
        }
        if !line.starts_with('-') && !line.starts_with("@@") {
            number = number.saturating_add(1);
        }
    }
    query.map(|first| table.unwrap_or(first))
}

fn is_comment(text: &str) -> bool {
    ["//", "#", "--", "*", "/*"].iter().any(|mark| text.trim_start().starts_with(mark))
}

/// Features of a source change that was read.
pub(crate) fn code(suspect: Suspect, finding: &Finding, code: &CodeChange, symptoms: &[&Suspect]) -> Suspect {
    let id = finding.id.as_str();
    let read = format!("the change {}...{} of {} was read", code.from, code.to, code.repository);
    let suspect = suspect.with("diff_read", 0.1, read, &[id]);
    let database = symptoms.iter().any(|s| is_database(s.cause));
    let Some((hunk, line)) = code.hunks.iter().find_map(|hunk| query_line(hunk).map(|line| (hunk, line)))
    else {
        return suspect;
    };
    if !database {
        return suspect;
    }
    let place = format!("{}:{line}", hunk.path);
    let suspect = suspect.with(
        "source_shows_mechanism",
        0.7,
        format!("the change adds a database query at {place}"),
        &[id],
    );
    suspect.claim(format!("{} adds a database query at {place}{}.", code.to, commit(code, hunk)), &[id])
}

/// The commit that speaks of the hunk's file; the only one, where there is one. A compare does not say which commit wrote a line.
fn commit(code: &CodeChange, hunk: &Hunk) -> String {
    let path = hunk.path.to_lowercase();
    let speaks_of = |subject: &str| {
        subject
            .to_lowercase()
            .split(|c: char| !c.is_ascii_alphanumeric())
            .any(|word| word.len() >= 5 && path.contains(word))
    };
    let named = match code.commits.as_slice() {
        [only] => Some(only),
        several => several.iter().rev().find(|c| speaks_of(&c.subject)),
    };
    named.map_or_else(String::new, |c| {
        let author = c.author.as_deref().map(|a| format!(" by {a}")).unwrap_or_default();
        format!(" (commit {}{author}: {})", c.sha, c.subject)
    })
}

/// Features of a pod template diff that was read. Where the version stayed the same, the difference is all that was rolled out.
pub(crate) fn template(
    scene: &Scene<'_>,
    suspect: Suspect,
    change: &Change<'_>,
    symptoms: &[Cause],
) -> Suspect {
    let Deed::Rollout(rollout) = change.deed else { return suspect };
    let diff = scene.findings.iter().find_map(|(f, _)| match &f.fact {
        Fact::TemplateDiff(diff) if f.object == change.object && diff.is_of(rollout) => Some((*f, diff)),
        _ => None,
    });
    let Some((finding, diff)) = diff else { return suspect };
    let what = match rollout.revision {
        Some(revision) if rollout.same_version() => format!("revision {revision}"),
        _ => "the rollout".to_owned(),
    };
    let fitting = diff.changes.iter().find(|field| symptoms.iter().any(|cause| fits(field, *cause)));
    let fields: Vec<String> = match fitting {
        Some(field) => vec![field.to_string()],
        None if rollout.same_version() => diff.changes.iter().take(2).map(ToString::to_string).collect(),
        None => Vec::new(),
    };
    if fields.is_empty() {
        return suspect;
    }
    let text = format!("{what} changed {}", fields.join(" and "));
    let claim = format!("{}.", sentence(&text));
    let weighed = fitting.is_some();
    suspect
        .with_if(weighed, "template_shows_mechanism", 0.7, &text, &[&finding.id])
        .claim(claim, &[&finding.id])
}

/// Whether a changed field of the template bears on a symptom.
fn fits(field: &FieldChange, symptom: Cause) -> bool {
    let path = field.path.to_lowercase();
    match symptom {
        Cause::DatabaseConnections => ["pool", "max_conn", "maxconn"].iter().any(|word| path.contains(word)),
        Cause::OutOfMemory => path.contains("limits.memory"),
        Cause::ProbeFailure => path.contains("probe"),
        Cause::LatencyRise => path.contains("limits.cpu"),
        _ => false,
    }
}

fn is_database(cause: Cause) -> bool {
    matches!(
        cause,
        Cause::DatabaseCpu
            | Cause::DatabaseConnections
            | Cause::DatabaseIo
            | Cause::DatabaseLocks
            | Cause::DatabaseMemory
    )
}

/// True when the text holds a database query.
pub(crate) fn is_query(text: &str) -> bool {
    text.lines().any(|line| QUERY.is_match(line))
}
