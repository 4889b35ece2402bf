//! Deploys told to Datadog as events: those of the services concerned, and the others of the same environment, so that an
//! unrelated one can be examined and cleared.

use std::collections::HashSet;

use collecting::{Answer, CallError, Run};
use incident::evidence::Observation;
use incident::fact::DeployEvent;
use incident::{Fact, Object, ObjectKind, State, Status, Timestamp, Window, redact, size};
use jiff::SignedDuration;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::client::{Client, Scope};
use crate::search::{any, term};
use crate::{about, dora, window};

/// How far back deploys are looked for: a leak or a cache that empties shows an hour or two later.
const WINDOW: SignedDuration = SignedDuration::from_hours(3);
/// Events read per search.
const PAGE: usize = 100;
/// Deploys kept of the services concerned, and of the others.
const MAX_OWN: usize = 10;
const MAX_OTHERS: usize = 10;
/// Characters of a title.
const TITLE: usize = 160;

/// What a deploy looks like in the events stream: Datadog's own change events, events of a deploy tool, whatever a pipeline
/// tagged with the version it put out, and the custom event that only says so. Monitors and the cluster's own events say it too
/// and carry version tags, but report a state rather than what somebody did.
const DEPLOY: &str = "(@evt.category:change OR source:deploy OR source:deployment OR source:argocd OR version:* OR deploy OR \
    deployed OR deployment) AND -source:alert AND -source:kubernetes";

#[derive(Serialize)]
struct SearchRequest<'a> {
    filter: Filter<'a>,
    sort: &'static str,
    page: Page,
}

#[derive(Serialize)]
struct Filter<'a> {
    query: &'a str,
    from: String,
    to: String,
}

#[derive(Serialize)]
struct Page {
    limit: usize,
}

#[derive(Deserialize)]
struct SearchAnswer {
    data: Vec<Event>,
}

#[derive(Debug, Deserialize)]
struct Event {
    #[serde(default)]
    id: Option<String>,
    attributes: Outer,
}

#[derive(Debug, Deserialize)]
struct Outer {
    timestamp: Timestamp,
    #[serde(default)]
    message: Option<String>,
    #[serde(default)]
    tags: Option<Vec<String>>,
    #[serde(default)]
    attributes: Option<Inner>,
}

#[derive(Debug, Default, Deserialize)]
struct Inner {
    #[serde(default)]
    title: Option<String>,
    #[serde(default)]
    service: Option<String>,
    /// Present on a monitor's own events.
    #[serde(default)]
    monitor_id: Option<Value>,
    #[serde(default)]
    changed_resource: Option<Resource>,
    #[serde(default)]
    prev_value: Option<Value>,
    #[serde(default)]
    author: Option<Author>,
    #[serde(default)]
    evt: Option<EventType>,
}

#[derive(Debug, Deserialize)]
struct Author {
    #[serde(default)]
    name: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Resource {
    #[serde(default)]
    name: Option<String>,
}

#[derive(Debug, Deserialize)]
struct EventType {
    #[serde(default)]
    category: Option<String>,
}

/// Reads the deploys of the last three hours: of the subject's services, then of everything else in its environment.
pub async fn collect(run: &Run, client: &Client, state: &State) -> (Vec<Observation>, Vec<Observation>) {
    let (services, env) = (&state.subject.services, state.subject.env.as_deref());
    let window = window(state.as_of, WINDOW);
    let own_terms: Vec<String> = services.iter().map(|service| term("service", service)).collect();
    let scope = any(&own_terms).or_else(|| env.map(|env| term("env", env)));
    let (own, others, reported) = futures::join!(
        search(run, client, "events search", "what was deployed", any(&own_terms), window),
        search(
            run,
            client,
            "events search of the environment",
            "what else was deployed",
            env.map(|env| term("env", env)),
            window
        ),
        async {
            let scope = scope?;
            run.call("DORA deployments", "what pipelines reported", dora::ask(client, &scope, window)).await
        },
    );
    if own_terms.is_empty() && env.is_none() {
        let sentence = "Datadog events: not searched, because the alert names no service and no environment.";
        run.gap("events search", Status::Partial, sentence);
    }
    let (own, others) = split(own, others, services, env);
    let reported = reported.unwrap_or_default();
    let is_news = |found: &Observation| match &found.fact {
        Fact::DeployEvent(event) => !reported.iter().any(|deployment| deployment.is_told_by(event)),
        _ => true,
    };
    let [mut own, mut others] =
        [own, others].map(|events| observe(&events).into_iter().filter(is_news).collect::<Vec<_>>());
    for deployment in reported {
        let concerned = services.iter().any(|service| service == deployment.service());
        let list = if concerned { &mut own } else { &mut others };
        list.push(deployment.observation());
    }
    for (list, most) in [(&mut own, MAX_OWN), (&mut others, MAX_OTHERS)] {
        list.sort_by_key(|found| std::cmp::Reverse(found.at));
        list.truncate(most);
    }
    (own, others)
}

/// One search; nothing is asked without a scope, because that would be every deploy of the organisation.
async fn search(
    run: &Run,
    client: &Client,
    name: &str,
    tells: &str,
    scope: Option<String>,
    window: Window,
) -> Vec<Event> {
    let Some(scope) = scope else { return Vec::new() };
    let query = format!("{DEPLOY} AND {scope}");
    run.call(name, tells, ask(client, &query, window)).await.unwrap_or_default()
}

async fn ask(client: &Client, query: &str, window: Window) -> Result<Answer<Vec<Event>>, CallError> {
    let body = request(query, window);
    let answer: SearchAnswer = client.search("/api/v2/events/search", &body, Scope::Events).await?;
    let full = answer.data.len() >= PAGE;
    let deploys: Vec<Event> = answer.data.into_iter().filter(Event::is_deploy).collect();
    Ok(if full {
        Answer::partial(deploys, format!("there are more than the newest {PAGE} events"))
    } else {
        Answer::list(deploys)
    })
}

fn request(query: &str, window: Window) -> SearchRequest<'_> {
    SearchRequest {
        filter: Filter { query, from: window.from.to_string(), to: window.to.to_string() },
        sort: "-timestamp",
        page: Page { limit: PAGE },
    }
}

/// The deploys of the services concerned, and the rest, each event once and both newest first.
///
/// The environment's search finds the services' deploys too, and finds them alone when the other search failed.
fn split(
    own: Vec<Event>,
    others: Vec<Event>,
    services: &[String],
    env: Option<&str>,
) -> (Vec<Event>, Vec<Event>) {
    let mut seen = HashSet::new();
    let events = own.into_iter().chain(others);
    let (mut own, mut others): (Vec<_>, Vec<_>) = events
        .filter(|event| about::same_env(event.tags(), env))
        .filter(|event| seen.insert(event.key()))
        .partition(|event| event.service().is_some_and(|service| services.iter().any(|s| s == service)));
    for events in [&mut own, &mut others] {
        events.sort_by_key(|event| std::cmp::Reverse(event.attributes.timestamp));
    }
    (own, others)
}

fn observe(events: &[Event]) -> Vec<Observation> {
    events
        .iter()
        .map(|event| {
            let fact = DeployEvent {
                title: size::cut(&redact::redact(&event.title()), TITLE),
                service: event.service().map(str::to_owned),
                version: event.tag("version").map(str::to_owned),
                previous_version: event.previous_version(),
                env: event.tag("env").map(str::to_owned),
                author: event.author(),
                ..DeployEvent::default()
            };
            let about = event.service().unwrap_or("a service not named");
            let at = event.attributes.timestamp;
            let version = fact.version.as_deref().map_or_else(String::new, |version| format!(" {version}"));
            let (said, time) = (&fact.title, at.strftime("%H:%M:%S UTC"));
            let summary = format!("{about}{version}: \"{said}\", told to Datadog at {time}");
            let object = Object::new(ObjectKind::Application, about);
            Observation::new(at, object, summary, Fact::DeployEvent(fact))
        })
        .collect()
}

impl Event {
    /// The free words of the query find them anywhere in a text; here they must be in the title.
    fn is_deploy(&self) -> bool {
        let inner = self.inner();
        let monitor = inner.and_then(|inner| inner.monitor_id.as_ref()).is_some_and(|id| !id.is_null());
        let category = inner.and_then(|inner| inner.evt.as_ref()?.category.as_deref());
        let tool =
            self.tag("source").is_some_and(|source| source.starts_with("deploy") || source == "argocd");
        let says_so = self.title().to_lowercase().contains("deploy");
        !monitor && (category == Some("change") || tool || self.tag("version").is_some() || says_so)
    }

    fn inner(&self) -> Option<&Inner> {
        self.attributes.attributes.as_ref()
    }

    fn tags(&self) -> &[String] {
        self.attributes.tags.as_deref().unwrap_or_default()
    }

    fn tag(&self, key: &str) -> Option<&str> {
        about::value(self.tags().iter().map(String::as_str), key)
    }

    fn service(&self) -> Option<&str> {
        let inner = self.inner();
        let named = inner.and_then(|inner| inner.service.as_deref()).filter(|service| !service.is_empty());
        named
            .or_else(|| self.tag("service"))
            .or_else(|| inner.and_then(|inner| inner.changed_resource.as_ref()?.name.as_deref()))
    }

    /// What a change event says was there before: `{"version": "v1"}` or the version itself.
    fn previous_version(&self) -> Option<String> {
        let value = self.inner()?.prev_value.as_ref()?;
        let text = value.as_str().or_else(|| value.get("version")?.as_str())?;
        Some(size::cut(text, TITLE / 2))
    }

    fn author(&self) -> Option<String> {
        let name = self.inner()?.author.as_ref()?.name.as_deref()?;
        Some(size::cut(name, TITLE / 2))
    }

    fn title(&self) -> String {
        let title = self.inner().and_then(|inner| inner.title.as_deref());
        title.or(self.attributes.message.as_deref()).unwrap_or("no title").trim().to_owned()
    }

    fn key(&self) -> String {
        self.id.clone().unwrap_or_else(|| format!("{} {}", self.attributes.timestamp, self.title()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(id: &str, minute: u8, tags: &str, inner: &str) -> Event {
        serde_json::from_str(&format!(
            r#"{{"type":"event","id":"{id}","attributes":{{"timestamp":"2026-01-01T02:{minute:02}:00.000Z",
            "message":"long text","tags":{tags},"attributes":{inner}}}}}"#
        ))
        .unwrap()
    }

    #[test]
    fn the_question_is_scoped_and_not_wrapped() {
        let window = window("2026-01-01T03:00:00Z".parse().unwrap(), WINDOW);
        let query = format!("{DEPLOY} AND {}", any(&[term("service", "a"), term("service", "b")]).unwrap());
        let body = serde_json::to_value(request(&query, window)).unwrap();
        let expected = serde_json::json!({"filter": {"query": "(@evt.category:change OR source:deploy OR \
            source:deployment OR source:argocd OR version:* OR deploy OR deployed OR deployment) AND -source:alert \
            AND -source:kubernetes AND (service:a OR service:b)", "from": "2026-01-01T00:00:00Z",
            "to": "2026-01-01T03:00:00Z"}, "sort": "-timestamp", "page": {"limit": 100}});
        assert_eq!(body, expected);
    }

    #[test]
    fn a_deploy_tells_its_service_version_and_title() {
        let told = event(
            "1",
            11,
            r#"["service:api","version:v2.0.0"]"#,
            r#"{"title":"Deployed api","timestamp":1767233460000,"evt":{"name":"n","type":"deploy","source_id":36}}"#,
        );
        let found = &observe(&[told])[0];
        let expected = DeployEvent {
            title: "Deployed api".to_owned(),
            service: Some("api".to_owned()),
            version: Some("v2.0.0".to_owned()),
            ..DeployEvent::default()
        };
        assert_eq!(found.fact, Fact::DeployEvent(expected));
        assert_eq!(found.summary, "api v2.0.0: \"Deployed api\", told to Datadog at 02:11:00 UTC");
        let changed = event("2", 1, "null", r#"{"changed_resource":{"name":"flags","type":"feature_flag"}}"#);
        assert_eq!((changed.service(), changed.title().as_str()), (Some("flags"), "long text"));
    }

    #[test]
    fn a_monitors_event_with_a_version_tag_is_no_deploy_and_neither_is_a_word_in_a_text() {
        let tags = r#"["service:api","version:v2"]"#;
        assert!(!event("1", 1, tags, r#"{"monitor_id":7,"title":"[Triggered] x"}"#).is_deploy());
        assert!(!event("1", 1, r#"["service:api"]"#, r#"{"title":"Backup finished"}"#).is_deploy());
        assert!(event("1", 1, tags, r#"{"monitor_id":null}"#).is_deploy());
        assert!(event("1", 1, "null", r#"{"title":"x","evt":{"category":"change"}}"#).is_deploy());
        assert!(event("1", 1, "[]", r#"{"title":"Deployed api"}"#).is_deploy());
    }

    #[test]
    fn own_deploys_are_told_apart_once_and_another_environment_is_left_out() {
        let api = |id, minute| event(id, minute, r#"["service:api","env:prod"]"#, "null");
        let staging = event("9", 9, r#"["service:api","env:staging"]"#, "null");
        let chat = event("7", 5, r#"["service:chat","env:prod"]"#, "null");
        let (own, others) = split(
            vec![api("1", 1), staging],
            vec![api("1", 1), chat, api("2", 4)],
            &["api".into()],
            Some("prod"),
        );
        let ids = |events: &[Event]| events.iter().map(Event::key).collect::<Vec<_>>();
        assert_eq!((ids(&own), ids(&others)), (vec!["2".to_owned(), "1".to_owned()], vec!["7".to_owned()]));
    }
}
