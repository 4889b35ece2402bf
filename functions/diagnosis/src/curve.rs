//! A series with its meaning and its change point, in the meaning's unit.

use incident::{Fact, Finding, Series, Source};

use crate::onset::{self, Shift};
use crate::signals::{self, Meaning};

/// How late, in seconds, Datadog's copy of a cloud metric may be: it crawls RDS every three minutes.
const COPY_LAG_S: u32 = 180;

/// A series with its meaning.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Curve<'a> {
    pub(crate) finding: &'a Finding,
    pub(crate) series: &'a Series,
    pub(crate) source: Source,
    pub(crate) meaning: &'static Meaning,
    pub(crate) shift: Option<Shift>,
}

impl<'a> Curve<'a> {
    /// The curve of a finding, where it is a series with a known meaning.
    pub(crate) fn of(finding: &'a Finding, source: Source) -> Option<Self> {
        let Fact::Series(series) = &finding.fact else { return None };
        let meaning = signals::meaning(&series.metric)?;
        Some(Self { finding, series, source, meaning, shift: onset::shift(&series.points) })
    }

    /// The newest level in the meaning's unit: the median of the last three points.
    pub(crate) fn now(&self) -> f64 {
        let points = &self.series.points;
        let tail: Vec<f64> = points[points.len().saturating_sub(3)..].iter().map(|p| p.1).collect();
        let level = if tail.is_empty() { self.series.last } else { crate::statistics::median(&tail) };
        level * self.meaning.scale(self.series)
    }

    /// The level before: that of the shift, else the series' own baseline.
    pub(crate) fn before(&self) -> f64 {
        self.shift.map_or(self.series.baseline, |s| s.before) * self.meaning.scale(self.series)
    }

    /// The newest value read: what every chart and line shows as its state now. Judgements rest on [`Curve::now`], which one
    /// odd point cannot sway.
    pub(crate) fn newest(&self) -> f64 {
        self.series.last * self.meaning.scale(self.series)
    }

    /// The level before, in one of the figures the series itself states: its baseline, or its first point where the window
    /// begins too late for one. Two lines about one series must not name two levels.
    pub(crate) fn stated_before(&self) -> f64 {
        let level = self.shift.map_or(self.series.baseline, |s| s.before);
        let first = self.series.points.first().map_or(self.series.baseline, |p| p.1);
        let nearer = (first - level).abs() < (self.series.baseline - level).abs() / 2.0;
        let stated = if nearer { first } else { self.series.baseline };
        stated * self.meaning.scale(self.series)
    }

    /// `CPU of db-1 rose from 41 % to 95 %`; what did not move is where it is.
    pub(crate) fn told(&self) -> String {
        let (before, now) = (self.stated_before(), self.newest());
        let (noun, name) = (self.meaning.noun, &self.finding.object.name);
        let say = |value: f64| self.meaning.say(value);
        match self.worsened() {
            Some(shift) if shift.over || say(before) == say(now) => {
                format!("{noun} of {name} reached {} and is back at {}", say(self.worst()), say(now))
            }
            Some(_) => {
                let verb = if now > before { "rose" } else { "fell" };
                format!("{noun} of {name} {verb} from {} to {}", say(before), say(now))
            }
            None => format!("{noun} of {name} is at {}", say(now)),
        }
    }

    /// The worst value read.
    pub(crate) fn worst(&self) -> f64 {
        let extreme = match self.meaning.bad {
            signals::Bad::High => self.series.max,
            signals::Bad::Low => self.series.min,
        };
        extreme * self.meaning.scale(self.series)
    }

    /// The shift, where it goes the way that hurts.
    pub(crate) fn worsened(&self) -> Option<Shift> {
        self.shift.filter(|s| s.rose() == (self.meaning.bad == signals::Bad::High))
    }

    /// The id of its finding.
    pub(crate) fn id(&self) -> &str {
        &self.finding.id
    }

    /// How far off the time of its shift may be, seconds either way.
    pub(crate) fn uncertainty_s(&self) -> u32 {
        let period = self.series.period_s.max(1);
        let lag = if self.is_copy() { COPY_LAG_S } else { 0 };
        let open = self.shift.filter(|s| s.open).map_or(0, |_| self.length_s());
        period.max(lag).max(open)
    }

    /// How many seconds after its newest point a series still speaks for: its period, and its lag where it is a copy.
    pub(crate) fn reach_s(&self) -> u32 {
        self.series.period_s.max(if self.is_copy() { COPY_LAG_S } else { 0 })
    }

    fn length_s(&self) -> u32 {
        let first = self.series.points.first().map_or(self.series.last_at, |p| p.0);
        u32::try_from(self.series.last_at.as_second() - first.as_second()).unwrap_or(0)
    }

    /// True for what Datadog copied from CloudWatch.
    pub(crate) fn is_copy(&self) -> bool {
        self.source == Source::Datadog && self.series.metric.starts_with("aws.")
    }
}
