//! The order in which findings are told, and how many points each series may keep.
//!
//! Evidence holds [`size::EVIDENCE`] bytes and is cut from its end: what moved comes first, what stayed quiet last.

use incident::evidence::Observation;
use incident::{Fact, ObjectKind, size};

use crate::alarms::Ringing;
use crate::instances::Checks;
use crate::metric_data::Measured;
use crate::parameters::Parameters;
use crate::series_text::{MOVED, movement, summary};

/// Series that always keep every point, most moved first: the ones a brief draws.
const DRAWN: usize = 3;
/// Points of a series that did not move: enough to see that it did not.
const QUIET_POINTS: usize = 4;
/// Points that the series between may keep, tried in turn until everything fits.
const POINTS: &[usize] = &[60, 30, 20, 12, 8, 6];
/// What calls, gaps and the frame of the evidence take.
const FRAME: usize = 4 * 1024;
/// What a finding takes besides its summary and its fact: id, times, object, keys.
const FINDING: usize = 200;
/// Alarms told that do not watch anything of the subject: they may be the wider trouble, or nothing.
const OTHER_ALARMS: usize = 5;

/// What the alert is about.
#[derive(Clone, Copy, Default)]
pub struct Focus<'a> {
    /// The last word of the metric it watches: Datadog names CloudWatch's metrics `aws.rds.cpuutilization`.
    pub metric: Option<&'a str>,
    /// The subject's own databases; others that were read are their relatives.
    pub databases: &'a [String],
}

impl Focus<'_> {
    /// Series that the alert watches come before all others and keep every point: the onset is read from them.
    fn is_alerting(&self, measured: &Measured) -> bool {
        self.metric.is_some_and(|name| name.eq_ignore_ascii_case(measured.metric.name))
            && self.databases.contains(&measured.object.name)
    }

    /// Whether a series that did not move is told all the same: none of the background, and of a relative its lag alone.
    fn wants_quiet(&self, measured: &Measured) -> bool {
        let is_relative = measured.object.kind == ObjectKind::DatabaseInstance
            && !self.databases.contains(&measured.object.name);
        !measured.metric.background && (!is_relative || measured.metric.name.ends_with("ReplicaLag"))
    }
}

/// Everything that was read.
#[derive(Default)]
pub struct Reading {
    /// Instances of the subject first, then their relatives.
    pub instances: Vec<Observation>,
    /// Clusters, proxies and planned maintenance of the subject's databases.
    pub clusters: Vec<Observation>,
    /// See [`Reading::clusters`].
    pub proxies: Vec<Observation>,
    /// See [`Reading::clusters`].
    pub maintenance: Vec<Observation>,
    /// What the sessions of the databases do.
    pub loads: Vec<Observation>,
    /// Database events, newest first.
    pub events: Vec<Observation>,
    /// Parameters of the subject's instances.
    pub parameters: Vec<Parameters>,
    /// All metrics that had a point.
    pub measured: Vec<Measured>,
    /// Target groups' health.
    pub targets: Vec<Observation>,
    /// Instance checks.
    pub checks: Checks,
    /// Alarms in ALARM.
    pub alarms: Vec<Ringing>,
}

impl Reading {
    /// The observations, most telling first.
    pub fn into_observations(self, focus: Focus<'_>) -> Vec<Observation> {
        let subjects: Vec<String> = self.measured.iter().map(|m| m.object.name.clone()).collect();
        let (moved, quiet) = series(self.measured, &self.parameters, focus);
        let (ours, others): (Vec<Ringing>, Vec<Ringing>) = self
            .alarms
            .into_iter()
            .partition(|alarm| alarm.watches.iter().any(|name| subjects.contains(name)));
        let alarms = |ringing: Vec<Ringing>| ringing.into_iter().map(|alarm| alarm.observation);
        let mut told = moved;
        told.extend(self.loads);
        told.extend(self.instances);
        told.extend(self.clusters);
        told.extend(self.proxies);
        told.extend(self.parameters.into_iter().flat_map(|read| read.observations));
        told.extend(self.targets);
        told.extend(alarms(ours));
        told.extend(self.checks.troubled);
        told.extend(self.events);
        told.extend(self.maintenance);
        told.extend(alarms(others).take(OTHER_ALARMS));
        told.extend(self.checks.well);
        told.extend(quiet);
        thin_to_fit(told)
    }
}

/// The series as observations: those that moved, furthest first, and those that did not.
fn series(
    measured: Vec<Measured>,
    parameters: &[Parameters],
    focus: Focus<'_>,
) -> (Vec<Observation>, Vec<Observation>) {
    let weight =
        |m: Measured| if focus.is_alerting(&m) { (f64::INFINITY, m) } else { (movement(&m.series), m) };
    let mut ranked: Vec<(f64, Measured)> = measured.into_iter().map(weight).collect();
    ranked.sort_by(|a, b| b.0.total_cmp(&a.0));
    ranked.retain(|(movement, measured)| *movement >= MOVED || focus.wants_quiet(measured));
    let first_quiet = ranked.partition_point(|(movement, _)| *movement >= MOVED);
    let quiet = ranked.split_off(first_quiet);
    let observed = |measured: Measured| {
        let limit = parameters
            .iter()
            .find(|read| read.database == measured.object.name)
            .and_then(|read| read.max_connections);
        let line = summary(measured.metric, &measured.series, limit);
        let from = measured.series.points.first().map_or(measured.series.last_at, |(at, _)| *at);
        let until = measured.series.last_at;
        Observation::new(from, measured.object, line, Fact::Series(measured.series)).until(until)
    };
    let moved = ranked.into_iter().map(|(_, measured)| observed(measured)).collect();
    let quiet = quiet
        .into_iter()
        .map(|(_, measured)| observed(Measured { series: measured.series.thin(QUIET_POINTS), ..measured }))
        .collect();
    (moved, quiet)
}

/// Thins all series but the first few, as little as fits. Should even that not do, the evidence cuts from the end and says so.
fn thin_to_fit(told: Vec<Observation>) -> Vec<Observation> {
    let budget = size::EVIDENCE - FRAME;
    let mut thinned = told;
    for points in POINTS {
        thinned = thin_after(thinned, DRAWN, *points);
        if thinned.iter().map(|o| FINDING + o.summary.len() + size::of(&o.fact)).sum::<usize>() <= budget {
            break;
        }
    }
    thinned
}

fn thin_after(told: Vec<Observation>, drawn: usize, points: usize) -> Vec<Observation> {
    told.into_iter()
        .enumerate()
        .map(|(index, mut observation)| {
            observation.fact = match observation.fact {
                Fact::Series(series) if index >= drawn => Fact::Series(series.thin(points)),
                fact => fact,
            };
            observation
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metric::{DATABASE, Metric};
    use incident::{Evidence, Object, Series, Source, Status, Window};
    use jiff::{SignedDuration, Timestamp};

    fn start() -> Timestamp {
        "2026-01-01T02:00:00Z".parse().unwrap()
    }

    fn measured(database: &str, metric: &'static Metric, last: f64) -> Measured {
        let points = (0..60i64).map(|i| {
            let value = if i < 50 { 41.234_567_89 + 0.01 * (i % 3) as f64 } else { last };
            (start() + SignedDuration::from_mins(i), value)
        });
        let series = Series::from_points(metric.full_name(), metric.stat, metric.unit, 60, points).unwrap();
        Measured { object: Object::new(ObjectKind::DatabaseInstance, database), metric, series }
    }

    fn focus<'a>(metric: Option<&'a str>, databases: &'a [String]) -> Focus<'a> {
        Focus { metric, databases }
    }

    fn name(observation: &Observation) -> String {
        match &observation.fact {
            Fact::Series(series) => series.metric.clone(),
            other => format!("{other:?}"),
        }
    }

    #[test]
    fn what_moved_most_comes_first_and_quiet_background_is_not_told() {
        let metric = |wanted: &str| DATABASE.iter().find(|m| m.name == wanted).unwrap();
        let reading = Reading {
            measured: vec![
                measured("db-1", metric("SwapUsage"), 41.24),
                measured("db-1", metric("ReadIOPS"), 41.24),
                measured("db-2", metric("ReadIOPS"), 41.24),
                measured("db-1", metric("CPUUtilization"), 95.123),
                measured("db-1", metric("DatabaseConnections"), 487.0),
            ],
            ..Reading::default()
        };
        let told: Vec<String> =
            reading.into_observations(focus(None, &["db-1".to_owned()])).iter().map(name).collect();
        assert_eq!(told, ["AWS/RDS DatabaseConnections", "AWS/RDS CPUUtilization", "AWS/RDS ReadIOPS"]);
    }

    #[test]
    fn what_the_alert_is_about_comes_before_what_moved_more() {
        let metric = |wanted: &str| DATABASE.iter().find(|m| m.name == wanted).unwrap();
        let reading = Reading {
            measured: vec![
                measured("db-1", metric("DatabaseConnections"), 4_870.0),
                measured("db-1", metric("CPUUtilization"), 95.123),
            ],
            ..Reading::default()
        };
        let told = reading.into_observations(focus(Some("cpuutilization"), &["db-1".to_owned()]));
        assert_eq!(name(&told[0]), "AWS/RDS CPUUtilization");
    }

    #[test]
    fn a_full_house_is_thinned_until_all_that_moved_fits() {
        let reading = Reading {
            measured: DATABASE
                .iter()
                .map(|metric| measured("db-1", metric, 95.123_456_789))
                .take(16)
                .collect(),
            ..Reading::default()
        };
        let told = reading.into_observations(Focus::default());
        let window = Window { from: start(), to: start() };
        let evidence = Evidence::new(Source::Aws, window, 1, vec![], told, vec![]);
        assert_eq!(evidence.findings.len(), 16);
        assert_eq!(evidence.status, Status::Ok);
        let Fact::Series(first) = &evidence.findings[0].fact else { panic!("a series") };
        assert_eq!(first.points.len(), 60);
    }
}
