//! Synthetic tests of the services concerned: whether a probe from outside fails, since when, and from where.

use std::collections::BTreeMap;

use collecting::{Answer, CallError, Run};
use incident::evidence::Observation;
use incident::fact::SyntheticTest;
use incident::{Fact, Object, ObjectKind, State, Status, Timestamp, Window, redact, size};
use serde::Deserialize;

use crate::about;
use crate::client::{Client, Scope};

/// Tests per page of the list, and pages read.
const PAGE: usize = 100;
const MAX_PAGES: usize = 3;
/// Tests whose results are read.
const MAX_TESTS: usize = 5;
/// Results that one answer holds, as documented.
const RESULTS: usize = 150;
/// Characters of a name and of what is asked for.
const NAME: usize = 80;

#[derive(Deserialize)]
struct ListAnswer {
    tests: Vec<Test>,
}

#[derive(Debug, Clone, Deserialize)]
struct Test {
    public_id: String,
    #[serde(default)]
    name: Option<String>,
    #[serde(default, rename = "type")]
    kind: Option<String>,
    #[serde(default)]
    status: Option<String>,
    #[serde(default)]
    tags: Option<Vec<String>>,
    #[serde(default)]
    config: Option<Config>,
}

#[derive(Debug, Clone, Deserialize)]
struct Config {
    #[serde(default)]
    request: Option<Asked>,
}

#[derive(Debug, Clone, Deserialize)]
struct Asked {
    #[serde(default)]
    method: Option<String>,
    #[serde(default)]
    url: Option<String>,
}

#[derive(Deserialize)]
struct ResultsAnswer {
    results: Vec<TestResult>,
}

#[derive(Debug, Clone, Deserialize)]
struct TestResult {
    /// Epoch milliseconds.
    check_time: f64,
    #[serde(default)]
    probe_dc: Option<String>,
    #[serde(default)]
    result: Option<Outcome>,
}

/// An API test says whether it passed; a browser test how many errors it met and how many of its steps it came through.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Outcome {
    #[serde(default)]
    passed: Option<bool>,
    #[serde(default)]
    step_count_completed: Option<u32>,
    #[serde(default)]
    step_count_total: Option<u32>,
}

/// Reads the tests of the subject's services, and those that ask the subject's zone.
pub async fn collect(run: &Run, client: &Client, state: &State) -> Vec<Observation> {
    if state.subject.services.is_empty() && state.subject.zone.is_none() {
        return Vec::new();
    }
    let tests = run.call("synthetic tests", "which probes watch this from outside", list(client)).await;
    let mut tests: Vec<Test> =
        tests.unwrap_or_default().into_iter().filter(|test| test.concerns(state)).collect();
    if tests.len() > MAX_TESTS {
        let more = tests.len() - MAX_TESTS;
        let sentence = format!("Datadog synthetic tests: the results of {more} more tests were not read.");
        run.gap("synthetic results", Status::Partial, sentence);
        tests.truncate(MAX_TESTS);
    }
    let window = run.window();
    let read = tests.iter().map(|test| async move {
        let tells = "whether the probes from outside fail";
        let results = run.call("synthetic results", tells, results(client, test, window)).await?;
        observe(test, &results)
    });
    let mut found: Vec<Observation> = futures::future::join_all(read).await.into_iter().flatten().collect();
    let passes =
        |found: &Observation| matches!(&found.fact, Fact::SyntheticTest(t) if t.failing_since.is_none());
    found.sort_by_key(passes);
    found
}

async fn list(client: &Client) -> Result<Answer<Vec<Test>>, CallError> {
    let mut tests = Vec::new();
    let size = PAGE.to_string();
    for page in 0..MAX_PAGES {
        let number = page.to_string();
        let query = [("page_size", size.as_str()), ("page_number", number.as_str())];
        let answer: ListAnswer = client.get("/api/v1/synthetics/tests", &query, Scope::Synthetics).await?;
        let full = answer.tests.len() >= PAGE;
        tests.extend(answer.tests);
        if !full {
            return Ok(Answer::list(tests));
        }
    }
    Ok(Answer::partial(tests, format!("there are more than {} tests", PAGE * MAX_PAGES)))
}

async fn results(client: &Client, test: &Test, window: Window) -> Result<Answer<Vec<TestResult>>, CallError> {
    // The id came from Datadog and goes into a path: letters, digits and dashes, or nothing is asked.
    if !test.public_id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-') {
        return Err(CallError::Unavailable("has an id that no path may hold".to_owned()));
    }
    let browser = if test.is_browser() { "browser/" } else { "" };
    let path = format!("/api/v1/synthetics/tests/{browser}{}/results", test.public_id);
    let (from, to) = (window.from.as_millisecond().to_string(), window.to.as_millisecond().to_string());
    let query = [("from_ts", from.as_str()), ("to_ts", to.as_str())];
    let answer: ResultsAnswer = client.get(&path, &query, Scope::Synthetics).await?;
    let full = answer.results.len() >= RESULTS;
    Ok(if full {
        Answer::partial(answer.results, format!("Datadog tells the newest {RESULTS} results of a test"))
    } else {
        Answer::list(answer.results)
    })
}

/// What the results come to. None where no result says how it ended.
fn observe(test: &Test, results: &[TestResult]) -> Option<Observation> {
    let mut ended: Vec<(Timestamp, bool, &str)> = results
        .iter()
        .filter_map(|result| {
            let at = Timestamp::from_millisecond(result.check_time as i64).ok()?;
            let location = result.probe_dc.as_deref().unwrap_or("a location not named");
            Some((at, result.result.as_ref()?.ended_well()?, location))
        })
        .collect();
    ended.sort_by_key(|(at, ..)| *at);
    let (last, ..) = ended.last()?;
    let mut failed_by_location: BTreeMap<String, u32> = BTreeMap::new();
    for (_, _, location) in ended.iter().filter(|(_, passed, _)| !passed) {
        *failed_by_location.entry((*location).to_owned()).or_default() += 1;
    }
    let failing_since = failing_since(&ended);
    let failed = ended.iter().filter(|(_, passed, _)| !passed).count() as u32;
    let fact = SyntheticTest {
        name: size::cut(test.name.as_deref().unwrap_or(&test.public_id), NAME),
        test_type: test.kind.clone().unwrap_or_default(),
        target: test.target(),
        passed: ended.len() as u32 - failed,
        failed,
        failed_by_location,
        failing_since,
    };
    let at = failing_since.unwrap_or(*last);
    let object = Object::new(ObjectKind::SyntheticTest, test.public_id.clone());
    let summary = summary(&fact);
    Some(Observation::new(at, object, summary, Fact::SyntheticTest(fact)).until(*last))
}

/// Since when some location fails without having passed again; the earliest of them.
fn failing_since(ended: &[(Timestamp, bool, &str)]) -> Option<Timestamp> {
    let mut since: BTreeMap<&str, Option<Timestamp>> = BTreeMap::new();
    for (at, passed, location) in ended {
        let known = since.entry(location).or_default();
        *known = if *passed { None } else { known.or(Some(*at)) };
    }
    since.into_values().flatten().min()
}

fn summary(test: &SyntheticTest) -> String {
    let runs = test.passed.saturating_add(test.failed);
    let target = test.target.as_deref().map(|target| format!(" ({target})")).unwrap_or_default();
    let mut text = format!("Synthetic test \"{}\"{target}: {} of {runs} runs failed", test.name, test.failed);
    if let Some(since) = test.failing_since {
        text.push_str(&format!(", failing since {}", since.strftime("%H:%M:%S UTC")));
        let locations: Vec<&str> = test.failed_by_location.keys().map(String::as_str).collect();
        text.push_str(&format!(" from {}", locations.join(", ")));
    }
    text
}

impl Test {
    fn is_browser(&self) -> bool {
        self.kind.as_deref() == Some("browser")
    }

    /// A live test of one of the services, or of the zone by the host that it asks; mobile and network tests have results of
    /// another shape.
    fn concerns(&self, state: &State) -> bool {
        let tags = self.tags.as_deref().unwrap_or_default();
        let live = self.status.as_deref() != Some("paused");
        let kind = matches!(self.kind.as_deref(), Some("api" | "browser"));
        let service = about::value(tags.iter().map(String::as_str), "service");
        let own = service.is_some_and(|service| state.subject.services.iter().any(|s| s == service));
        let zone = state.subject.zone.as_deref().filter(|zone| zone.contains('.'));
        let asks = zone.is_some_and(|zone| {
            self.host().is_some_and(|host| host == zone || host.ends_with(&format!(".{zone}")))
        });
        let env = about::same_env(tags, state.subject.env.as_deref());
        live && kind && env && (own || (service.is_none() && asks))
    }

    fn url(&self) -> Option<&str> {
        self.config.as_ref()?.request.as_ref()?.url.as_deref()
    }

    fn host(&self) -> Option<&str> {
        let rest = self.url()?.split_once("://")?.1;
        rest.split(['/', ':', '?', '#']).next()
    }

    /// What is asked for, without the query, which may hold a key.
    fn target(&self) -> Option<String> {
        let request = self.config.as_ref()?.request.as_ref()?;
        let url = request.url.as_deref()?.split(['?', '#']).next()?;
        let method = request.method.as_deref().unwrap_or("GET");
        Some(size::cut(&redact::redact(&format!("{method} {url}")), NAME))
    }
}

impl Outcome {
    fn ended_well(&self) -> Option<bool> {
        self.passed.or_else(|| Some(self.step_count_completed? >= self.step_count_total?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn test(extra: &str) -> Test {
        serde_json::from_str(&format!(r#"{{"public_id":"abc-def-ghi","name":"Login","type":"api"{extra}}}"#))
            .unwrap()
    }

    fn results(rows: &[(i64, &str, bool)]) -> Vec<TestResult> {
        let one = |(minute, location, passed): &(i64, &str, bool)| {
            let ms = 1_767_232_800_000 + minute * 60_000;
            serde_json::from_str(&format!(
                r#"{{"check_time":{ms}.0,"probe_dc":"{location}","result":{{"passed":{passed}}},"status":0}}"#
            ))
            .unwrap()
        };
        rows.iter().map(one).collect()
    }

    #[test]
    fn a_test_fails_since_its_first_failure_in_a_row() {
        let rows = [(3, "eu", false), (2, "eu", false), (1, "eu", true), (0, "eu", false), (3, "us", true)];
        let found = observe(&test(""), &results(&rows)).unwrap();
        assert_eq!(found.at.to_string(), "2026-01-01T02:02:00Z");
        assert_eq!(
            found.summary,
            "Synthetic test \"Login\": 3 of 5 runs failed, failing since 02:02:00 UTC from eu"
        );
        let passes = observe(&test(""), &results(&[(0, "eu", false), (1, "eu", true)])).unwrap();
        let Fact::SyntheticTest(fact) = passes.fact else { panic!() };
        assert_eq!((fact.failing_since, fact.failed, fact.passed), (None, 1, 1));
    }

    #[test]
    fn a_browser_test_passed_where_it_came_through_all_steps() {
        let ended = |text: &str| serde_json::from_str::<Outcome>(text).unwrap().ended_well();
        assert_eq!(ended(r#"{"errorCount":1,"stepCountCompleted":2,"stepCountTotal":4}"#), Some(false));
        assert_eq!(ended(r#"{"errorCount":1,"stepCountCompleted":4,"stepCountTotal":4}"#), Some(true));
        assert_eq!(ended("{}"), None);
        assert!(observe(&test(""), &[]).is_none());
    }

    #[test]
    fn only_live_tests_of_the_subject_are_read() {
        let state: State = serde_json::from_value(serde_json::json!({"as_of": "2026-01-01T02:00:00Z",
            "alert": {"version": 1, "event_id": "1", "transition": "triggered", "title": "t", "at": "2026-01-01T02:00:00Z"},
            "subject": {"services": ["api"], "env": "prod", "zone": "shop.example"}}))
        .unwrap();
        let url = |url: &str| format!(r#","config":{{"request":{{"method":"GET","url":"{url}"}}}}"#);
        for (extra, expected) in [
            (r#","tags":["service:api","env:prod"]"#.to_owned(), true),
            (r#","tags":["service:api","env:staging"]"#.to_owned(), false),
            (r#","tags":["service:api"],"status":"paused""#.to_owned(), false),
            (r#","tags":["service:web"]"#.to_owned(), false),
            (url("https://www.shop.example/health?key=1"), true),
            (url("https://shop.example.evil/health"), false),
            (String::new(), false),
        ] {
            assert_eq!(test(&extra).concerns(&state), expected, "{extra}");
        }
        assert_eq!(
            test(&url("https://shop.example/h?key=1")).target().unwrap(),
            "GET https://shop.example/h"
        );
    }
}
