//! What a ledger says of a stretch of time, as figures. Pure: records in, figures out; nothing is estimated, and what nobody noted
//! is counted as such and not as zero.

use std::collections::BTreeMap;

use incident::{Level, Timestamp};
use jiff::SignedDuration;
use ledger::{FeedbackKind, Record};
use serde::Serialize;

/// The figures.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Figures {
    /// From when.
    pub from: Timestamp,
    /// Until when.
    pub until: Timestamp,
    /// Deliveries, duplicates and repetitions included.
    pub deliveries: u64,
    /// Alert cycles.
    pub cycles: usize,
    /// Cycles that led an incident.
    pub incidents: usize,
    /// Cycles that were part of another's incident.
    pub folded: usize,
    /// Incidents that wait, or run, or of which nobody noted the end of the investigation.
    pub without_brief: usize,
    /// Incidents whose brief did not get into the channel.
    pub not_posted: usize,
    /// Incidents that have not recovered.
    pub open: usize,
    /// From the alert to the brief.
    pub to_brief: Spread,
    /// From the alert to the recovery.
    pub to_resolve: Spread,
    /// The same, of incidents whose brief was HIGH.
    pub with_high: Spread,
    /// The same, of incidents whose brief was not.
    pub without_high: Spread,
    /// Briefs by level: HIGH, MEDIUM, LOW.
    pub levels: [usize; 3],
    /// Briefs that a person called right.
    pub correct: usize,
    /// Briefs that a person called wrong.
    pub wrong: usize,
    /// Incidents that a person took over, or that the monitor had to repeat.
    pub escalations: usize,
    /// Tokens of all model calls.
    pub tokens: u64,
    /// US dollars by list price.
    pub dollars: f64,
    /// Before and after, where a baseline was stated.
    pub comparison: Option<Comparison>,
    /// Leading causes, the most frequent first.
    pub causes: Vec<(String, usize)>,
    /// Per day: date, and incidents by level, those without a brief last.
    pub days: Vec<(String, [usize; 4])>,
}

/// How durations are spread. Seconds.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Spread {
    /// How many there are.
    pub count: usize,
    /// The middle one; the mean of the two in the middle.
    pub median: Option<f64>,
    /// The mean.
    pub mean: Option<f64>,
    /// Nine of ten are no longer.
    pub p90: Option<f64>,
    /// All of them, shortest first.
    #[serde(skip)]
    pub all: Vec<f64>,
}

/// A stated figure against the measured one.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Comparison {
    /// Minutes to resolve before, as the user states them.
    pub before_min: f64,
    /// Minutes to resolve now: the mean of the measured ones.
    pub after_min: f64,
    /// The change as a share of before: -0.82 is 82 % less.
    pub change: f64,
}

impl Spread {
    fn of(durations: impl Iterator<Item = SignedDuration>) -> Self {
        let mut all: Vec<f64> = durations.map(|duration| duration.as_secs_f64()).collect();
        all.sort_by(f64::total_cmp);
        let count = all.len();
        if count == 0 {
            return Self::default();
        }
        let median = f64::midpoint(all[(count - 1) / 2], all[count / 2]);
        let mean = all.iter().sum::<f64>() / count as f64;
        // The nearest rank: a duration that there was.
        let p90 = all[(9 * count).div_ceil(10) - 1];
        Self { count, median: Some(median), mean: Some(mean), p90: Some(p90), all }
    }
}

/// The figures of the records that were opened in a stretch of time.
pub fn figures(records: &[Record], from: Timestamp, until: Timestamp, baseline_min: Option<f64>) -> Figures {
    let within = |record: &&Record| record.opened.is_some_and(|opened| (from..until).contains(&opened));
    let records: Vec<&Record> = records.iter().filter(within).collect();
    let incidents: Vec<&Record> = records.iter().copied().filter(|record| record.folded.is_none()).collect();
    let posted = || incidents.iter().filter_map(|record| record.briefed.as_ref());
    let briefs = || posted().filter(|brief| brief.says_something());
    let high = |record: &&&Record| level(record) == Some(Level::High);
    let resolve = |record: &&Record| record.lasted();
    let to_resolve = Spread::of(incidents.iter().filter_map(resolve));
    let count = |test: &dyn Fn(&Record) -> bool| incidents.iter().filter(|record| test(record)).count();
    Figures {
        from,
        until,
        deliveries: records.iter().map(|record| record.deliveries).sum(),
        cycles: records.len(),
        incidents: incidents.len(),
        folded: records.len() - incidents.len(),
        without_brief: count(&|record| record.briefed.as_ref().is_none_or(|brief| !brief.says_something())),
        not_posted: posted().filter(|brief| !brief.posted).count(),
        open: count(&|record| record.closed().is_none()),
        to_brief: Spread::of(incidents.iter().filter_map(|record| {
            let brief = record.briefed.as_ref().filter(|brief| brief.says_something())?;
            Some(brief.at?.duration_since(record.opened?))
        })),
        comparison: baseline_min.filter(|before| *before > 0.0).zip(to_resolve.mean).map(
            |(before, after)| {
                let after = after / 60.0;
                Comparison { before_min: before, after_min: after, change: after / before - 1.0 }
            },
        ),
        to_resolve,
        with_high: Spread::of(incidents.iter().filter(high).filter_map(resolve)),
        without_high: Spread::of(incidents.iter().filter(|record| !high(record)).filter_map(resolve)),
        levels: [Level::High, Level::Medium, Level::Low]
            .map(|wanted| briefs().filter(|brief| brief.level == wanted).count()),
        correct: count(&|record| record.has(FeedbackKind::Correct)),
        wrong: count(&|record| record.has(FeedbackKind::Wrong)),
        escalations: count(&Record::escalated),
        tokens: posted().map(|brief| brief.usage.tokens()).sum(),
        // The sum of no numbers is -0.
        dollars: posted().fold(0.0, |dollars, brief| dollars + brief.dollars),
        causes: causes(&incidents),
        days: days(&incidents, from, until),
    }
}

fn level(record: &Record) -> Option<Level> {
    record.briefed.as_ref().filter(|brief| brief.says_something()).map(|brief| brief.level)
}

fn causes(incidents: &[&Record]) -> Vec<(String, usize)> {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for cause in incidents.iter().filter_map(|record| record.briefed.as_ref()?.cause.clone()) {
        *counts.entry(cause).or_default() += 1;
    }
    let mut counts: Vec<(String, usize)> = counts.into_iter().collect();
    counts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    counts
}

/// Every day of the stretch, also those on which nothing happened.
fn days(incidents: &[&Record], from: Timestamp, until: Timestamp) -> Vec<(String, [usize; 4])> {
    let date = |at: Timestamp| at.strftime("%Y-%m-%d").to_string();
    let mut days: BTreeMap<String, [usize; 4]> = BTreeMap::new();
    let mut day = from;
    while day < until {
        days.entry(date(day)).or_default();
        let Ok(next) = day.checked_add(SignedDuration::from_hours(24)) else { break };
        day = next;
    }
    for record in incidents {
        let column = match level(record) {
            Some(Level::High) => 0,
            Some(Level::Medium) => 1,
            Some(Level::Low) => 2,
            None => 3,
        };
        if let Some(opened) = record.opened {
            days.entry(date(opened)).or_default()[column] += 1;
        }
    }
    days.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use incident::analysis::Usage;
    use ledger::{Briefed, Feedback, Fold};

    use super::*;

    fn start() -> Timestamp {
        "2026-09-01T00:00:00Z".parse().unwrap()
    }

    fn after(from: Timestamp, seconds: i64) -> Timestamp {
        from.checked_add(SignedDuration::from_secs(seconds)).unwrap()
    }

    /// A month of thirty days. Day `d` (1 to 30) has one incident at 06:00. It is HIGH on odd days and LOW on even ones, its brief
    /// stands after `10 + d` seconds, it recovers after `d` minutes where it is HIGH and `2 d` minutes where it is not, it used 100
    /// tokens in and 10 out for a cent, and every third one was folded into by two more alerts.
    fn month() -> Vec<Record> {
        let mut records = Vec::new();
        for d in 1..=30_i64 {
            let opened = after(start(), (d - 1) * 86_400 + 6 * 3_600);
            let high = d % 2 == 1;
            let usage = Usage { input_tokens: 100, output_tokens: 10, ..Usage::default() };
            records.push(Record {
                cycle: format!("1/{d}"),
                opened: Some(opened),
                execution: Some(format!("e{d}")),
                deliveries: 2,
                recovered: Some(after(opened, 60 * if high { d } else { 2 * d })),
                briefed: Some(Briefed {
                    at: Some(after(opened, 10 + d)),
                    posted: true,
                    level: if high { Level::High } else { Level::Low },
                    cause: Some(if high { "regression by deploy" } else { "unknown" }.to_owned()),
                    usage,
                    dollars: 0.01,
                    ..Briefed::default()
                }),
                ..Record::default()
            });
            for n in 0..if d % 3 == 0 { 2 } else { 0 } {
                records.push(Record {
                    cycle: format!("1/{d}-{n}"),
                    opened: Some(after(opened, 60)),
                    deliveries: 1,
                    folded: Some(Fold { into: format!("1/{d}"), reason: "both".to_owned() }),
                    ..Record::default()
                });
            }
        }
        let feedback = |kind| Feedback { kind, user: "U1".to_owned(), at: start(), cause: None };
        records[0].feedback = vec![feedback(FeedbackKind::Correct), feedback(FeedbackKind::TookOver)];
        records[1].feedback = vec![feedback(FeedbackKind::Wrong)];
        records[2].renotified = 3;
        records
    }

    #[test]
    fn a_month_agrees_with_what_was_counted_by_hand() {
        let until = after(start(), 30 * 86_400);
        let figures = figures(&month(), start(), until, Some(45.0));
        // 30 incidents; d = 3, 6, …, 30 brought two folded cycles each; 30 · 2 + 20 · 1 deliveries.
        assert_eq!((figures.incidents, figures.folded, figures.cycles, figures.deliveries), (30, 20, 50, 80));
        assert_eq!((figures.levels, figures.open, figures.not_posted), ([15, 0, 15], 0, 0));
        // 11 to 40 seconds: the middle two are 25 and 26, the mean (11 + 40) / 2, the 27th is 37.
        let brief = &figures.to_brief;
        assert_eq!((brief.median, brief.mean, brief.p90), (Some(25.5), Some(25.5), Some(37.0)));
        // HIGH: 1, 3, …, 29 minutes, so 15 on average and in the middle; the 14th of 15 is 27.
        let high = &figures.with_high;
        assert_eq!(
            (high.count, high.median, high.mean, high.p90),
            (15, Some(900.0), Some(900.0), Some(1620.0))
        );
        // The others: 4, 8, …, 60 minutes: 32 on average and in the middle; the 14th is 56.
        let others = &figures.without_high;
        assert_eq!((others.median, others.mean, others.p90), (Some(1920.0), Some(1920.0), Some(3360.0)));
        // Together (15 · 15 + 15 · 32) / 30 = 23.5 minutes, against 45: 47.8 % less.
        assert_eq!(figures.to_resolve.mean, Some(1410.0));
        let comparison = figures.comparison.unwrap();
        assert_eq!((comparison.before_min, comparison.after_min), (45.0, 23.5));
        assert!((comparison.change + 0.4778).abs() < 0.0001, "{}", comparison.change);
        assert_eq!((figures.correct, figures.wrong, figures.escalations), (1, 1, 2));
        assert_eq!(figures.tokens, 3_300);
        assert!((figures.dollars - 0.30).abs() < 1e-9);
        assert_eq!(figures.causes, [("regression by deploy".to_owned(), 15), ("unknown".to_owned(), 15)]);
        assert_eq!((figures.days.len(), &figures.days[0]), (30, &("2026-09-01".to_owned(), [1, 0, 0, 0])));
    }

    #[test]
    fn what_is_outside_the_stretch_is_not_counted_and_nothing_is_no_figure() {
        let from = after(start(), 10 * 86_400);
        let figures = figures(&month(), from, after(from, 86_400), None);
        assert_eq!((figures.incidents, figures.comparison), (1, None));
        let none = super::figures(&[], from, after(from, 86_400), Some(45.0));
        assert_eq!((none.to_resolve.mean, none.comparison), (None, None));
        assert!(none.dollars.is_sign_positive());
    }
}
