//! Performance Insights: which statements, waits, users and hosts the sessions of a database are made of.

use std::collections::BTreeMap;

use aws_sdk_pi::Client;
use aws_sdk_pi::types::{DimensionGroup, MetricKeyDataPoints, MetricQuery, ServiceType};
use aws_sdk_rds::types::DbInstance;
use collecting::{Answer, CallError, Run};
use futures::future::join_all;
use incident::evidence::Observation;
use incident::fact::{DatabaseLoad, LoadShare};
use incident::{Fact, Object, ObjectKind, Timestamp, Window, redact, size};
use jiff::SignedDuration;

use crate::failure::failure;
use crate::instance_class::hardware;
use crate::series_text::number;
use crate::timestamp;

/// Average active sessions: the one metric that is decomposed.
const METRIC: &str = "db.load.avg";
/// The groups asked for, and the dimensions that name a member of one, in the order of preference.
const GROUPS: [(&str, &[&str]); 4] = [
    ("db.sql_tokenized", &["db.sql_tokenized.statement", "db.sql_tokenized.id"]),
    ("db.wait_event", &["db.wait_event.name"]),
    ("db.user", &["db.user.name"]),
    ("db.host", &["db.host.name", "db.host.id"]),
];
/// Members asked of each group; the API gives at most 25.
const MEMBERS: i32 = 10;
/// Members told of each group.
const TOLD: usize = 5;
/// Pages followed.
const MAX_PAGES: usize = 5;
/// What "now" is: the end of the window, long enough to be no accident.
const NOW: SignedDuration = SignedDuration::from_mins(10);
/// Characters of a statement.
const STATEMENT: usize = 200;

/// Reads the load of each instance that has Performance Insights on.
pub async fn read(run: &Run, client: &Client, instances: &[&DbInstance]) -> Vec<Observation> {
    let calls = instances.iter().map(|instance| async move {
        let database = instance.db_instance_identifier()?;
        let resource =
            instance.dbi_resource_id().filter(|_| instance.performance_insights_enabled() == Some(true))?;
        let tells = format!("what the sessions of {database} do");
        let answer = run.call("GetResourceMetrics", &tells, ask(client, resource, run.window())).await?;
        let vcpus = instance.db_instance_class().and_then(hardware).map(|hardware| hardware.vcpus);
        observe(database, answer, vcpus, run.window())
    });
    join_all(calls).await.into_iter().flatten().collect()
}

/// The points of a key, by the group and the member it stands for; the whole load has neither.
pub type Keyed = BTreeMap<Option<(usize, String)>, Vec<(Timestamp, f64)>>;

/// Asks for the load of one instance.
pub async fn ask(client: &Client, resource: &str, window: Window) -> Result<Answer<Keyed>, CallError> {
    let queries = queries().map_err(|why| CallError::Unavailable(format!("could not be asked: {why}")))?;
    let mut keyed = Keyed::new();
    let mut token = None;
    for _ in 0..MAX_PAGES {
        let page = client
            .get_resource_metrics()
            .service_type(ServiceType::Rds)
            .identifier(resource)
            .set_metric_queries(Some(queries.clone()))
            .start_time(timestamp::to_aws(window.from))
            .end_time(timestamp::to_aws(window.to))
            .period_in_seconds(60)
            .set_next_token(token)
            .send()
            .await
            .map_err(|error| failure(error, "pi:GetResourceMetrics"))?;
        page.metric_list().iter().for_each(|series| absorb(&mut keyed, series));
        token = page.next_token().filter(|token| !token.is_empty()).map(str::to_owned);
        if token.is_none() {
            return Ok(if keyed.values().all(Vec::is_empty) {
                Answer::empty(keyed)
            } else {
                Answer::full(keyed)
            });
        }
    }
    Ok(Answer::partial(keyed, "more pages than are followed"))
}

/// The whole load, and its four decompositions, in one request.
fn queries() -> Result<Vec<MetricQuery>, aws_smithy_types::error::operation::BuildError> {
    let mut queries = vec![MetricQuery::builder().metric(METRIC).build()?];
    for (group, _) in GROUPS {
        let group = DimensionGroup::builder().group(group).limit(MEMBERS).build()?;
        queries.push(MetricQuery::builder().metric(METRIC).group_by(group).build()?);
    }
    Ok(queries)
}

fn absorb(keyed: &mut Keyed, series: &MetricKeyDataPoints) {
    let Some(key) = series.key() else { return };
    let key = match key.dimensions().filter(|dimensions| !dimensions.is_empty()) {
        None => None,
        Some(dimensions) => {
            let member = GROUPS.iter().enumerate().find_map(|(group, (_, names))| {
                let named = names.iter().find_map(|name| dimensions.get(*name));
                named.filter(|name| !name.is_empty()).map(|name| (group, name.clone()))
            });
            let Some(member) = member else { return };
            Some(member)
        }
    };
    let points = series.data_points().iter().filter(|point| point.value().is_finite());
    let points = points.filter_map(|point| Some((timestamp::from_aws(point.timestamp())?, point.value())));
    keyed.entry(key).or_default().extend(points);
}

fn observe(database: &str, keyed: Keyed, vcpus: Option<f64>, window: Window) -> Option<Observation> {
    let whole = keyed.get(&None).filter(|points| !points.is_empty())?;
    let newest = whole.iter().map(|(at, _)| *at).max()?;
    let from = newest.checked_sub(NOW).unwrap_or(newest);
    let third = window.from + (window.to.duration_since(window.from) / 3);
    let now = |at: &Timestamp| *at > from;
    let before = |at: &Timestamp| *at < third && !now(at);
    // A member without a point in a minute had no session then: it is measured over the minutes the whole load has.
    let mean = |points: &[(Timestamp, f64)], span: &dyn Fn(&Timestamp) -> bool| {
        let minutes = whole.iter().filter(|(at, _)| span(at)).count();
        let sum: f64 = points.iter().filter(|(at, _)| span(at)).map(|(_, load)| load).sum();
        (minutes > 0).then(|| rounded(sum / minutes as f64))
    };
    let members = |group: usize| -> Vec<LoadShare> {
        let own = keyed.iter().filter_map(|(key, points)| key.as_ref().map(|key| (key, points)));
        let mut shares: Vec<LoadShare> = own
            .filter(|((of, _), _)| *of == group)
            .filter_map(|((_, name), points)| {
                let load = mean(points, &now).filter(|load| *load > 0.0)?;
                let name = size::cut(&redact::redact(&one_line(name)), STATEMENT);
                Some(LoadShare { name, load, before: mean(points, &before) })
            })
            .collect();
        shares.sort_by(|a, b| b.load.total_cmp(&a.load));
        shares.truncate(TOLD);
        shares
    };
    let fact = DatabaseLoad {
        total: mean(whole, &now)?,
        sql: members(0),
        waits: members(1),
        users: members(2),
        hosts: members(3),
        before: mean(whole, &before),
        vcpus,
    };
    let object = Object::new(ObjectKind::DatabaseInstance, database);
    Some(Observation::new(from, object, summary(&fact), Fact::DatabaseLoad(fact)).until(newest))
}

/// `load 7.2 on 8 vCPUs (before 2.1): 6.2 SELECT …, waits 5.9 CPU, user 6.9 api`.
fn summary(load: &DatabaseLoad) -> String {
    let mut line = format!("load {}", number(load.total));
    line += &load.vcpus.map(|vcpus| format!(" on {} vCPUs", number(vcpus))).unwrap_or_default();
    line += &load.before.map(|before| format!(" (before {})", number(before))).unwrap_or_default();
    let first = |shares: &[LoadShare], word: &str, chars: usize| {
        let first = shares.first()?;
        Some(format!("{word}{} {}", number(first.load), size::cut(&first.name, chars)))
    };
    let parts =
        [first(&load.sql, "", 120), first(&load.waits, "waits ", 40), first(&load.users, "user ", 40)];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    if parts.is_empty() { line } else { format!("{line}: {}", parts.join(", ")) }
}

/// Hundredths of a session.
fn rounded(value: f64) -> f64 {
    (value * 100.0).round() / 100.0
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(minute: i64) -> Timestamp {
        "2026-01-01T02:00:00Z".parse::<Timestamp>().unwrap() + SignedDuration::from_mins(minute)
    }

    fn points(before: f64, now: f64) -> Vec<(Timestamp, f64)> {
        (0..60).map(|minute| (at(minute), if minute < 50 { before } else { now })).collect()
    }

    fn member(group: usize, name: &str) -> Option<(usize, String)> {
        Some((group, name.to_owned()))
    }

    #[test]
    fn shares_are_of_the_last_minutes_and_a_minute_without_a_point_is_none_of_it() {
        let window = Window { from: at(0), to: at(60) };
        let half = points(0.0, 4.0).into_iter().filter(|(at, _)| at.as_second() % 120 == 0).collect();
        let keyed = Keyed::from([
            (None, points(1.0, 8.0)),
            (member(0, "SELECT  *\n FROM orders"), points(0.5, 5.0)),
            (member(0, "UPDATE players"), half),
            (member(1, "CPU"), points(1.0, 8.0)),
        ]);
        let told = observe("db-1", keyed, Some(2.0), window).unwrap();
        assert_eq!(told.summary, "load 8 on 2 vCPUs (before 1): 5 SELECT * FROM orders, waits 8 CPU");
        let Fact::DatabaseLoad(load) = told.fact else { panic!("a load") };
        assert_eq!((load.sql[0].load, load.sql[0].before), (5.0, Some(0.5)));
        assert_eq!(load.sql[1].load, 2.0);
        assert_eq!((told.at, told.until), (at(49), Some(at(59))));
    }

    #[test]
    fn without_any_load_there_is_no_finding() {
        let window = Window { from: at(0), to: at(60) };
        assert!(observe("db-1", Keyed::new(), None, window).is_none());
        assert!(observe("db-1", Keyed::from([(None, vec![])]), None, window).is_none());
    }

    #[test]
    fn one_request_asks_for_the_whole_and_its_four_decompositions() {
        assert_eq!(queries().unwrap().len(), 5);
    }
}
