//! Error and warning lines of what the alert is about, as patterns with a count and one sample each.

use std::collections::HashMap;
use std::time::Duration;

use collecting::{Answer, CallError, Run, pattern};
use incident::evidence::Observation;
use incident::fact::LogPattern;
use incident::{Fact, Object, ObjectKind, State, Status, Subject, Timestamp, Window, redact, size};
use jiff::SignedDuration;
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use crate::about::workload_key;
use crate::client::{Client, Scope};
use crate::search::{any, term};
use crate::volume::{self, Counted};
use crate::{about, window};

/// How far back lines are read.
const WINDOW: SignedDuration = SignedDuration::from_mins(30);
/// Lines read in all, and per request (Datadog's limit is 1,000).
const MAX_LINES: usize = 1000;
const PAGE: usize = 500;
/// When no further page is begun or waited for; below a call's deadline, so that the pages already read count.
const PAGING: Duration = Duration::from_millis(3500);
/// Patterns that Datadog is asked to count, where more lines matched than were read.
const MAX_COUNTED: usize = 3;
/// Patterns kept.
const MAX_PATTERNS: usize = 10;
/// Characters of a pattern and of its sample.
const PATTERN: usize = 160;
const SAMPLE: usize = 240;
/// Letters of a phrase that is worth asking for.
const MIN_PHRASE: usize = 8;
/// Terms of one query.
const MAX_TERMS: usize = 8;

#[derive(Serialize)]
struct SearchRequest<'a> {
    filter: Filter<'a>,
    sort: &'static str,
    page: Page<'a>,
}

#[derive(Serialize)]
struct Filter<'a> {
    query: &'a str,
    from: String,
    to: String,
}

#[derive(Serialize)]
struct Page<'a> {
    limit: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    cursor: Option<&'a str>,
}

#[derive(Deserialize)]
struct SearchAnswer {
    data: Vec<Line>,
    #[serde(default)]
    meta: Option<Meta>,
}

#[derive(Deserialize)]
struct Meta {
    #[serde(default)]
    status: Option<String>,
    #[serde(default)]
    page: Option<After>,
}

#[derive(Deserialize)]
struct After {
    #[serde(default)]
    after: Option<String>,
}

#[derive(Deserialize)]
struct Line {
    attributes: Attributes,
}

#[derive(Deserialize)]
struct Attributes {
    timestamp: Timestamp,
    #[serde(default)]
    service: Option<String>,
    #[serde(default)]
    host: Option<String>,
    #[serde(default)]
    status: Option<String>,
    #[serde(default)]
    message: Option<String>,
    #[serde(default)]
    tags: Option<Vec<String>>,
}

/// Reads the lines of the last half hour.
pub async fn collect(run: &Run, client: &Client, state: &State) -> Vec<Observation> {
    let Some(query) = query(&state.subject) else {
        let sentence =
            "Datadog logs: not searched, because the alert names nothing whose logs could be asked for.";
        run.gap("logs search", Status::Partial, sentence);
        return Vec::new();
    };
    let window = window(state.as_of, WINDOW);
    let (volume, read) = futures::join!(
        volume::collect(run, client, &query, window, whose(&state.subject)),
        run.call("logs search", "what the services logged", read(client, &query, window)),
    );
    let Read { lines, complete } = read.unwrap_or_default();
    let mut groups = group(lines, state.subject.env.as_deref());
    if !complete {
        count(run, client, &query, window, &mut groups).await;
    }
    let patterns = groups.into_iter().map(|(key, group)| observation(key, group, complete));
    patterns.chain(volume).collect()
}

/// The first of what the search is about.
fn whose(subject: &Subject) -> Object {
    let service = subject.services.first().map(|service| Object::new(ObjectKind::Application, service));
    let workload = || subject.workloads.first().or(subject.pods.first()).cloned();
    let named = |kind, names: &[String]| names.first().map(|name| Object::new(kind, name));
    service
        .or_else(workload)
        .or_else(|| named(ObjectKind::DatabaseInstance, &subject.databases))
        .or_else(|| named(ObjectKind::Namespace, &subject.namespaces))
        .or_else(|| named(ObjectKind::Node, &subject.hosts))
        .unwrap_or_else(|| Object::new(ObjectKind::Application, "a service without a name"))
}

/// Has Datadog count the most frequent patterns: of a flood the newest lines alone were read, and they know neither how many there
/// are nor since when.
async fn count(run: &Run, client: &Client, query: &str, window: Window, groups: &mut [(Key, Group)]) {
    let asked = groups.iter().take(MAX_COUNTED).filter_map(|(key, _)| {
        let phrase = phrase(&key.0)?;
        let service = key.2.as_deref().map(|service| format!(" AND {}", term("service", service)));
        Some((
            key.clone(),
            format!("{query}{} AND status:{} AND \"{phrase}\"", service.unwrap_or_default(), key.1),
        ))
    });
    let counts = asked.map(|(key, query)| async move {
        let ask = async { volume::count(client, &query, window).await.map(Answer::full) };
        let counted =
            run.call("logs count of a pattern", "how often and since when it was logged", ask).await;
        Some((key, counted.flatten()?))
    });
    let counts: Vec<(Key, Counted)> = futures::future::join_all(counts).await.into_iter().flatten().collect();
    for (key, counted) in counts {
        if let Some((_, group)) = groups.iter_mut().find(|(other, _)| *other == key) {
            group.counted(counted);
        }
    }
}

/// The longest run of words of a pattern that nothing varies in; none where it is too short to mean something.
fn phrase(pattern: &str) -> Option<String> {
    let runs = pattern.trim_end_matches('…').split('*').map(str::trim);
    let longest = runs.max_by_key(|run| run.chars().count())?;
    let plain: String =
        longest.chars().map(|c| if c.is_alphanumeric() || "-_./:,".contains(c) { c } else { ' ' }).collect();
    let plain = plain.split_whitespace().collect::<Vec<_>>().join(" ");
    (plain.chars().filter(|c| c.is_alphanumeric()).count() >= MIN_PHRASE).then_some(plain)
}

/// The search for the subject: its services, databases, workloads and pods, or else its namespaces. What Kubernetes itself logs about
/// a workload has the workload's tag and another service's.
///
/// A namespace is the last resort because everything else in it would answer too.
fn query(subject: &Subject) -> Option<String> {
    let all = |key: &str, values: &[String]| values.iter().map(|v| term(key, v)).collect::<Vec<_>>();
    let workload = |object: &Object| {
        let named = term(workload_key(object.kind)?, &object.name);
        Some(match &object.namespace {
            Some(namespace) => format!("({named} AND {})", term("kube_namespace", namespace)),
            None => named,
        })
    };
    let mut terms =
        [all("service", &subject.services), all("dbinstanceidentifier", &subject.databases)].concat();
    terms.extend(subject.workloads.iter().chain(&subject.pods).filter_map(workload));
    if terms.is_empty() {
        terms = all("kube_namespace", &subject.namespaces);
    }
    if terms.is_empty() {
        terms = all("host", &subject.hosts);
    }
    terms.truncate(MAX_TERMS);
    Some(format!("{} AND status:(emergency OR alert OR critical OR error OR warn)", any(&terms)?))
}

/// Pages through the newest lines until there are no more, there are enough, or the time is up.
async fn read(client: &Client, query: &str, window: Window) -> Result<Answer<Read>, CallError> {
    let until = Instant::now() + PAGING;
    let mut lines: Vec<Line> = Vec::new();
    let mut cursor: Option<String> = None;
    let missing = loop {
        let request = request(query, window, cursor.as_deref());
        let ask = client.search::<SearchAnswer>("/api/v2/logs/events/search", &request, Scope::Logs);
        let answer = match tokio::time::timeout_at(until, ask).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(error)) if lines.is_empty() => return Err(error),
            Ok(Err(_)) => break Some("a later page could not be read"),
            Err(_) if lines.is_empty() => return Err(CallError::Timeout),
            Err(_) => break Some("a later page did not come in time"),
        };
        let timed_out = answer.timed_out();
        cursor = answer.next_page();
        lines.extend(answer.data);
        match cursor {
            _ if timed_out => break Some("Datadog ran out of time while searching"),
            None => break None,
            Some(_) if lines.len() >= MAX_LINES => {
                break Some("there are more lines than the newest thousand");
            }
            Some(_) => {}
        }
    };
    lines.truncate(MAX_LINES);
    Ok(match missing {
        Some(missing) => Answer::partial(Read { lines, complete: false }, missing),
        None if lines.is_empty() => Answer::empty(Read { lines, complete: true }),
        None => Answer::full(Read { lines, complete: true }),
    })
}

fn request<'a>(query: &'a str, window: Window, cursor: Option<&'a str>) -> SearchRequest<'a> {
    SearchRequest {
        filter: Filter { query, from: window.from.to_string(), to: window.to.to_string() },
        sort: "-timestamp",
        page: Page { limit: PAGE, cursor },
    }
}

impl SearchAnswer {
    /// HTTP 200 with part of the lines.
    fn timed_out(&self) -> bool {
        self.meta.as_ref().and_then(|meta| meta.status.as_deref()) == Some("timeout")
    }

    /// An empty page ends the search, whatever its cursor says.
    fn next_page(&self) -> Option<String> {
        let after = self.meta.as_ref()?.page.as_ref()?.after.clone()?;
        (!self.data.is_empty() && !after.is_empty()).then_some(after)
    }
}

/// The lines that were read, and whether these are all that match.
#[derive(Default)]
struct Read {
    lines: Vec<Line>,
    complete: bool,
}

/// Pattern, status and service.
type Key = (String, String, Option<String>);

/// Lines of one pattern, status and service.
struct Group {
    count: u32,
    first: Timestamp,
    last: Timestamp,
    sample: String,
    object: Object,
    /// Datadog counted them.
    counted: bool,
}

impl Group {
    /// The count of the whole window. Its times are minutes: of the minute that was read in full, what was read is more exact.
    fn counted(&mut self, counted: Counted) {
        if counted.lines < u64::from(self.count) {
            return;
        }
        self.counted = true;
        self.count = u32::try_from(counted.lines).unwrap_or(u32::MAX);
        self.first = self.first.min(counted.first);
        self.last = self.last.max(counted.last);
    }
}

/// The most frequent patterns. Lines that name another environment, and lines without text, say nothing here.
fn group(lines: Vec<Line>, env: Option<&str>) -> Vec<(Key, Group)> {
    let mut groups: HashMap<Key, Group> = HashMap::new();
    for line in lines.into_iter().map(|line| line.attributes) {
        let text = pattern::text(line.message.as_deref().unwrap_or_default());
        if text.is_empty() || !about::same_env(line.tags.as_deref().unwrap_or_default(), env) {
            continue;
        }
        let text = redact::redact(&text);
        let key = (size::cut(&pattern::of(&text), PATTERN), line.status(), line.service.clone());
        let group = groups.entry(key).or_insert_with(|| Group {
            count: 0,
            first: line.timestamp,
            last: line.timestamp,
            sample: size::cut(&text, SAMPLE),
            object: line.object(),
            counted: false,
        });
        group.count += 1;
        group.first = group.first.min(line.timestamp);
        group.last = group.last.max(line.timestamp);
    }
    let mut groups: Vec<_> = groups.into_iter().collect();
    groups.sort_by(|(a_key, a), (b_key, b)| b.count.cmp(&a.count).then_with(|| a_key.cmp(b_key)));
    groups.truncate(MAX_PATTERNS);
    groups
}

fn observation((pattern, status, service): Key, group: Group, complete: bool) -> Observation {
    let Group { count, first, last, sample, object, counted } = group;
    let counted = counted || complete;
    let lines = if count == 1 { "line" } else { "lines" };
    let least = if counted { "" } else { "at least " };
    let summary = format!(
        "{least}{count} {status} {lines} of {} from {} to {}: {pattern}",
        object.name,
        first.strftime("%H:%M:%S"),
        last.strftime("%H:%M:%S UTC"),
    );
    let fact = LogPattern { pattern, status, service, count, counted, first, last, sample };
    Observation::new(first, object, summary, Fact::LogPattern(fact)).until(last)
}

impl Attributes {
    fn status(&self) -> String {
        self.status.as_deref().unwrap_or("unknown").to_lowercase()
    }

    fn object(&self) -> Object {
        let tags = self.tags.iter().flatten().map(String::as_str);
        match (&self.service, &self.host) {
            (Some(service), _) if !service.is_empty() => Object::new(ObjectKind::Application, service),
            (_, host) => about::object(tags)
                .or_else(|| Some(Object::new(ObjectKind::Node, host.as_deref()?)))
                .unwrap_or_else(|| Object::new(ObjectKind::Application, "a service without a name")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str) -> SearchAnswer {
        serde_json::from_str(text).unwrap()
    }

    fn line(second: u8, message: &str, extra: &str) -> String {
        format!(
            r#"{{"id":"x","type":"log","attributes":{{"timestamp":"2026-01-01T02:00:{second:02}.5Z","service":"api",
            "status":"error","message":"{message}","tags":["env:prod"]{extra}}}}}"#
        )
    }

    fn page(lines: &[String]) -> Vec<Line> {
        serde_json::from_str::<SearchAnswer>(&format!(r#"{{"data":[{}]}}"#, lines.join(","))).unwrap().data
    }

    fn observe(lines: Vec<Line>, env: Option<&str>) -> Vec<Observation> {
        group(lines, env).into_iter().map(|(key, group)| observation(key, group, true)).collect()
    }

    fn query_of(subject: &str) -> Option<String> {
        query(&serde_json::from_str(subject).unwrap())
    }

    #[test]
    fn the_query_asks_for_the_subject_and_never_for_everything() {
        let levels = "AND status:(emergency OR alert OR critical OR error OR warn)";
        for (subject, asked) in [
            (r#"{"services":["api"],"databases":["db-1"],"namespaces":["shop"]}"#, {
                "(service:api OR dbinstanceidentifier:db-1)"
            }),
            (
                r#"{"services":["api"],"workloads":[{"kind":"Deployment","namespace":"shop","name":"api"}]}"#,
                "(service:api OR (kube_deployment:api AND kube_namespace:shop))",
            ),
            (r#"{"pods":[{"kind":"Pod","name":"p-1"}],"namespaces":["shop"]}"#, "pod_name:p-1"),
            (r#"{"namespaces":["shop"]}"#, "kube_namespace:shop"),
        ] {
            assert_eq!(query_of(subject).unwrap(), format!("{asked} {levels}"));
        }
        assert_eq!(query_of("{}"), None);
    }

    #[test]
    fn the_body_is_not_wrapped_and_a_cursor_is_sent_only_when_there_is_one() {
        let window = Window {
            from: "2026-01-01T01:30:00Z".parse().unwrap(),
            to: "2026-01-01T02:00:00Z".parse().unwrap(),
        };
        let body = serde_json::to_value(request("service:a", window, None)).unwrap();
        let expected = serde_json::json!({"filter": {"query": "service:a", "from": "2026-01-01T01:30:00Z",
            "to": "2026-01-01T02:00:00Z"}, "sort": "-timestamp", "page": {"limit": 500}});
        assert_eq!(body, expected);
        let next = serde_json::to_value(request("service:a", window, Some("c"))).unwrap();
        assert_eq!(next["page"], serde_json::json!({"limit": 500, "cursor": "c"}));
    }

    #[test]
    fn lines_that_differ_in_numbers_only_are_one_pattern() {
        let read = page(&[
            line(9, "query 17 took 5000 ms", ""),
            line(3, "query 18 took 5100 ms", ""),
            line(5, "boom", ""),
        ]);
        let found = observe(read, Some("prod"));
        assert_eq!(found.len(), 2);
        let Fact::LogPattern(top) = &found[0].fact else { panic!() };
        assert_eq!((top.pattern.as_str(), top.count), ("query * took * ms", 2));
        assert_eq!(top.first.to_string(), "2026-01-01T02:00:03.5Z");
        assert_eq!(found[0].summary, "2 error lines of api from 02:00:03 to 02:00:09 UTC: query * took * ms");
    }

    #[test]
    fn of_a_flood_datadogs_own_count_is_told_and_what_was_read_says_at_least() {
        let flood =
            || group(page(&[line(9, "query 17 took 5000 ms", ""), line(8, "query 18 took 9 ms", "")]), None);
        let (key, mut counted) = flood().pop().unwrap();
        let minute = |minute: u8| format!("2026-01-01T01:{minute}:00Z").parse().unwrap();
        counted.counted(Counted { lines: 50_000, first: minute(41), last: minute(59) });
        let found = observation(key, counted, false);
        assert_eq!(
            found.summary,
            "50000 error lines of api from 01:41:00 to 02:00:09 UTC: query * took * ms"
        );
        let (key, read) = flood().pop().unwrap();
        assert!(observation(key, read, false).summary.starts_with("at least 2 error lines"));
    }

    #[test]
    fn the_words_that_do_not_vary_are_the_phrase_to_count() {
        for (pattern, expected) in [
            ("query * took * ms because of \\ \"x\" lock", Some("ms because of x lock")),
            ("remaining connection slots (SQLSTATE *)", Some("remaining connection slots SQLSTATE")),
            ("* *: no", None),
            ("", None),
        ] {
            assert_eq!(phrase(pattern).as_deref(), expected, "{pattern}");
        }
    }

    #[test]
    fn a_sample_holds_no_secret_and_another_environment_does_not_count() {
        let read = page(&[line(1, "login failed password=correcthorse", "")]);
        let Fact::LogPattern(found) = &observe(read, None)[0].fact else { panic!() };
        assert!(!found.sample.contains("correcthorse") && !found.pattern.contains("correcthorse"));
        assert!(observe(page(&[line(1, "x", "")]), Some("staging")).is_empty());
    }

    #[test]
    fn a_timeout_inside_a_200_and_a_next_page_are_recognised() {
        let answer = lines(
            r#"{"data":[],"meta":{"status":"timeout","page":{"after":"x"},"warnings":[{"code":"c"}]}}"#,
        );
        assert!(answer.timed_out());
        assert_eq!(answer.next_page(), None);
        let more = lines(&format!(r#"{{"data":[{}],"meta":{{"page":{{"after":"c"}}}}}}"#, line(1, "x", "")));
        assert_eq!(more.next_page().as_deref(), Some("c"));
        assert_eq!(lines(r#"{"data":[],"meta":{"elapsed":0,"status":"done"}}"#).next_page(), None);
    }
}
