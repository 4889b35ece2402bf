//! LIVE STATE of Datadog: figures, traced requests, objectives, probes from outside, other monitors, deploys, logs.

use incident::fact::{
    ApmService, DeployEvent, LogPattern, LogVolume, NowAndBefore, SloStatus, SyntheticTest,
};
use incident::{Evidence, Fact, Finding, ObjectKind, Source, State};

use crate::content::Line;
use crate::live::{LOG_CHARS, Part, bullet, figure, is_cleared, moved};
use crate::{metric, time};

/// Parts of one kind that are shown.
const MOST: usize = 2;
/// Logs that began this many seconds before the onset or later came with it.
const WITH_ONSET_S: i64 = 120;
/// A figure has moved when it left the one before by this share of the larger of the two.
const MOVED: f64 = 0.25;
/// A burn rate that would spend a month's budget within five days is worth a line
/// (<https://sre.google/workbook/alerting-on-slos/> pages from 6 on).
const BURNS: f64 = 6.0;

/// A line of what moved, one of what services and probes say, and the logs.
pub fn lines(state: &State, evidence: &Evidence) -> Vec<Line> {
    // CloudWatch's own figures are fresher than Datadog's copy of them: shown once, from AWS, when both were read.
    let aws = state.evidence.iter().any(|e| e.source == Source::Aws && !e.findings.is_empty());
    let figures =
        evidence.findings.iter().filter(|f| !(aws && f.object.kind == ObjectKind::DatabaseInstance));
    // A traced service has a part of its own, which tells the same with less ink.
    let traced = |f: &Finding| evidence.findings.iter().any(|o| o.object == f.object && apm(o).is_some());
    let figures = moved(figures)
        .into_iter()
        .filter(|(f, series)| !(series.metric.starts_with("trace.") && traced(f)))
        .take(MOST)
        .map(|(f, series)| Part::new(format!("{} {}", f.object.name, figure(series, None)), f));
    let events = evidence.findings.iter().filter(|f| !is_cleared(state, f));
    let events = events.filter_map(|f| Some(Part::new(event(state, f)?, f))).take(MOST);
    let parts: Vec<Part> = figures.chain(services(evidence)).chain(events).collect();
    let first = (!parts.is_empty()).then(|| bullet("Datadog", &parts));
    let outside: Vec<Part> = objectives(evidence).chain(probes(state, evidence)).collect();
    let outside = (!outside.is_empty()).then(|| bullet("Datadog", &outside));
    first.into_iter().chain(outside).chain(logs(state, evidence)).collect()
}

/// Another monitor that fires, or a deploy that Kubernetes does not tell of.
fn event(state: &State, finding: &Finding) -> Option<String> {
    match &finding.fact {
        // The alert's own monitor stands in the headline.
        Fact::Monitor(monitor)
            if monitor.state != "OK" && state.alert.monitor_id.as_ref() != Some(&finding.object.name) =>
        {
            Some(finding.summary.split(", ").next().unwrap_or(&finding.summary).to_owned())
        }
        Fact::DeployEvent(deploy) if !rolled_out(state, deploy) => {
            Some(format!("{} at {}", deploy.title, time::clock(finding.at, state.as_of)))
        }
        _ => None,
    }
}

/// True where Kubernetes tells of the same deploy.
fn rolled_out(state: &State, deploy: &DeployEvent) -> bool {
    state.findings().any(|f| match &f.fact {
        Fact::Rollout(rollout) => {
            Some(&rollout.version) == deploy.version.as_ref()
                && deploy.service.as_ref().is_none_or(|service| *service == f.object.name)
        }
        _ => false,
    })
}

fn apm(finding: &Finding) -> Option<&ApmService> {
    if let Fact::Apm(apm) = &finding.fact { Some(apm) } else { None }
}

/// The services whose requests, errors or latency moved: `cart p95 1.9 s (was 132 ms), 3.1 % errors (was 0.1 %)`.
fn services(evidence: &Evidence) -> impl Iterator<Item = Part> {
    let told = |finding: &Finding| {
        let apm = apm(finding)?;
        let latency = text("p95 ", apm.p95_ms, |ms| metric::value(ms, metric::Unit::Milliseconds));
        let errors =
            text("errors ", apm.error_rate, |rate| metric::value(rate * 100.0, metric::Unit::Percent));
        let requests = text("requests ", apm.requests, metric::number);
        let figures: Vec<String> = [latency, errors, requests].into_iter().flatten().collect();
        let name = &finding.object.name;
        (!figures.is_empty()).then(|| Part::new(format!("{name} {}", figures.join(", ")), finding))
    };
    evidence.findings.iter().filter_map(told).take(MOST)
}

/// `p95 1.9 s (was 132 ms)` of a figure that moved.
fn text(label: &str, figure: NowAndBefore, written: impl Fn(f64) -> String) -> Option<String> {
    let (now, before) = (figure.now?, figure.before?);
    let larger = now.abs().max(before.abs());
    (larger > 0.0 && (now - before).abs() >= MOVED * larger)
        .then(|| format!("{label}{} (was {})", written(now), written(before)))
}

fn objectives(evidence: &Evidence) -> impl Iterator<Item = Part> {
    let told = |finding: &Finding| match &finding.fact {
        Fact::Slo(slo) => Some(Part::new(objective(slo)?, finding)),
        _ => None,
    };
    evidence.findings.iter().filter_map(told).take(MOST)
}

/// An objective that is spent, or that burns fast: over an hour where that was read, else over the shortest window.
fn objective(slo: &SloStatus) -> Option<String> {
    let burn = ["1h", "5m", "6h"].iter().find_map(|window| Some((*window, *slo.burn.get(*window)?)));
    let fast = burn.filter(|(_, rate)| *rate >= BURNS);
    let spent = slo.error_budget_remaining.is_some_and(|left| left <= 0.0);
    let mut parts = Vec::new();
    parts.extend(
        fast.map(|(window, rate)| format!("burns its budget {}× over {window}", metric::number(rate))),
    );
    if spent {
        parts.push(format!("has spent its budget of {}", slo.timeframe));
    } else if let Some(left) = slo.error_budget_remaining.filter(|_| fast.is_some()) {
        parts.push(format!("{} % of it left", metric::number(left)));
    }
    (!parts.is_empty()).then(|| format!("SLO “{}” {}", slo.name, parts.join(", ")))
}

fn probes(state: &State, evidence: &Evidence) -> impl Iterator<Item = Part> {
    let told = move |finding: &Finding| {
        let Fact::SyntheticTest(test) = &finding.fact else { return None };
        let since = test.failing_since?;
        let text = format!(
            "synthetic test “{}” fails since {} ({})",
            test.name,
            time::clock(since, state.as_of),
            runs(test)
        );
        Some(Part::new(text, finding))
    };
    evidence.findings.iter().filter_map(told).take(MOST)
}

/// `5 of 12 runs, from 2 locations`.
fn runs(test: &SyntheticTest) -> String {
    let locations = time::count(test.failed_by_location.len() as i64, "location");
    format!("{} of {} runs, from {locations}", test.failed, test.failed.saturating_add(test.passed))
}

/// How many lines there are, then the patterns: those that came with the onset first, then the gravest and the most frequent.
fn logs(state: &State, evidence: &Evidence) -> Vec<Line> {
    let onset = state.best_diagnosis().and_then(|d| d.onset.as_ref()).map(|onset| onset.at.as_second());
    let came_with_it = |log: &LogPattern| onset.is_some_and(|at| log.first.as_second() >= at - WITH_ONSET_S);
    let mut logs: Vec<(&Finding, &LogPattern)> = evidence
        .findings
        .iter()
        .filter_map(|f| if let Fact::LogPattern(log) = &f.fact { Some((f, log)) } else { None })
        .collect();
    logs.sort_by_key(|(_, log)| {
        let grave = !["info", "ok", "notice", "debug"].contains(&log.status.as_str());
        (!came_with_it(log), !grave, std::cmp::Reverse(log.count))
    });
    let line = |(finding, log): (&Finding, &LogPattern)| {
        let service = log.service.as_deref().map(|s| format!(" of {s}")).unwrap_or_default();
        let text = format!(
            "{}{}× {}{service} since {}: “{}”",
            if log.counted { "" } else { "at least " },
            metric::number(f64::from(log.count)),
            log.status,
            time::clock(log.first, state.as_of),
            incident::size::cut(&log.sample, LOG_CHARS),
        );
        bullet("Logs", &[Part::new(text, finding)])
    };
    volume(evidence).into_iter().chain(logs.into_iter().take(MOST).map(line)).collect()
}

/// The number of lines, where it moved.
fn volume(evidence: &Evidence) -> Option<Line> {
    evidence.findings.iter().find_map(|finding| {
        let Fact::LogVolume(LogVolume { lines, lines_before, .. }) = &finding.fact else { return None };
        let figure = NowAndBefore { now: Some(*lines as f64), before: lines_before.map(|n| n as f64) };
        let said = text("", figure, metric::number)?;
        Some(bullet("Logs", &[Part::new(format!("{said} lines of errors and warnings"), finding)]))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moved(now: f64, before: f64) -> NowAndBefore {
        NowAndBefore { now: Some(now), before: Some(before) }
    }

    #[test]
    fn an_objective_is_told_where_it_burns_fast_or_is_spent() {
        let slo = |burn: &[(&str, f64)], left| SloStatus {
            name: "Checkout answers".into(),
            timeframe: "30d".into(),
            error_budget_remaining: left,
            burn: burn.iter().map(|(window, rate)| ((*window).to_owned(), *rate)).collect(),
            ..SloStatus::default()
        };
        for (burn, left, expected) in [
            (
                &[("1h", 48.0), ("6h", 8.0)][..],
                Some(62.0),
                Some("burns its budget 48× over 1h, 62 % of it left"),
            ),
            (&[("5m", 20.0)], None, Some("burns its budget 20× over 5m")),
            (&[("1h", 0.3)], Some(-4.0), Some("has spent its budget of 30d")),
            (&[("1h", 1.2)], Some(40.0), None),
            (&[], None, None),
        ] {
            let expected = expected.map(|text| format!("SLO “Checkout answers” {text}"));
            assert_eq!(objective(&slo(burn, left)), expected);
        }
    }

    #[test]
    fn a_figure_that_stayed_is_not_told() {
        assert_eq!(text("p95 ", moved(1.9, 0.13), metric::number).unwrap(), "p95 1.9 (was 0.13)");
        assert_eq!(text("p95 ", moved(1.0, 0.9), metric::number), None);
        assert_eq!(text("p95 ", NowAndBefore { now: Some(1.0), before: None }, metric::number), None);
        assert_eq!(text("errors ", moved(0.0, 0.0), metric::number), None);
    }
}
