//! The timeline as inline SVG: the decisive series, the onset, the alert, and every change on one time axis.

use std::fmt::Write as _;

use incident::diagnosis::{Moment, MomentKind};
use incident::{Fact, Series, State, Timestamp, size};

use super::escape;

const WIDTH: f64 = 960.0;
const LEFT: f64 = 56.0;
const RIGHT: f64 = 16.0;
const TOP: f64 = 24.0;
const PLOT: f64 = 180.0;
/// Where the plot ends and the time labels begin.
const FLOOR: f64 = TOP + PLOT;
/// Height of one labelled moment below the plot.
const LANE: f64 = 18.0;
/// A label's width per character at its font size, generously.
const CHARACTER: f64 = 7.0;
/// Characters kept of a label.
const LABEL: usize = 90;

/// The SVG, or an explanation where there is no series to draw.
pub fn timeline(state: &State) -> String {
    let Some((label, series)) = decisive(state) else {
        return "<p>No series was read that could be drawn.</p>".to_owned();
    };
    let (Some(first), Some(last)) = (series.points.first(), series.points.last()) else {
        return String::new();
    };
    let axis = Axis { from: first.0, to: last.0.max(state.as_of) };
    let moments = state.best_diagnosis().into_iter().flat_map(|diagnosis| &diagnosis.timeline);
    let shown: Vec<&Moment> = moments.filter(|moment| axis.shows(moment.at)).collect();
    let height = FLOOR + 34.0 + LANE * shown.len() as f64;
    let mut svg = format!(
        r#"<svg viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{} over time">"#,
        escape(&label)
    );
    // Lines first: every text stands on top of them.
    for (lane, moment) in shown.iter().enumerate() {
        draw_mark(&mut svg, moment, &axis, lane);
    }
    draw_series(&mut svg, series, &axis, &label);
    draw_ticks(&mut svg, &axis);
    for (lane, moment) in shown.iter().enumerate() {
        draw_label(&mut svg, moment, &axis, lane);
    }
    svg.push_str("</svg>");
    svg
}

struct Axis {
    from: Timestamp,
    to: Timestamp,
}

impl Axis {
    fn shows(&self, at: Timestamp) -> bool {
        (self.from..=self.to).contains(&at)
    }

    fn x(&self, at: Timestamp) -> f64 {
        let span = (self.to.as_second() - self.from.as_second()).max(1) as f64;
        LEFT + (at.as_second() - self.from.as_second()) as f64 / span * (WIDTH - LEFT - RIGHT)
    }
}

/// The series the onset was read from, else the first one.
fn decisive(state: &State) -> Option<(String, &Series)> {
    let onset = state
        .best_diagnosis()
        .and_then(|d| d.onset.as_ref())
        .and_then(|onset| state.finding(&onset.evidence));
    onset.into_iter().chain(state.findings()).find_map(|finding| match &finding.fact {
        Fact::Series(series) => Some((format!("{} of {}", series.metric, finding.object.name), series)),
        _ => None,
    })
}

fn draw_series(svg: &mut String, series: &Series, axis: &Axis, label: &str) {
    let top = if series.max > 0.0 { series.max * 1.1 } else { 1.0 };
    let y = |value: f64| FLOOR - (value.max(0.0) / top) * PLOT;
    let points: Vec<String> =
        series.points.iter().map(|(at, value)| format!("{:.1},{:.1}", axis.x(*at), y(*value))).collect();
    let (right, baseline, points) = (WIDTH - RIGHT, y(series.baseline), points.join(" "));
    // Writing to a string cannot fail.
    let _ = write!(
        svg,
        r#"<line class="floor" x1="{LEFT}" x2="{right:.1}" y1="{FLOOR}" y2="{FLOOR}"/><line class="base" x1="{LEFT}" x2="{right:.1}" y1="{baseline:.1}" y2="{baseline:.1}"/><polyline class="series" points="{points}"/>"#
    );
    for value in levels(series, top) {
        let text = short(value);
        let _ = write!(
            svg,
            r#"<text class="tick" x="{}" y="{:.1}" text-anchor="end">{text}</text>"#,
            LEFT - 6.0,
            y(value) + 4.0
        );
    }
    let unit = if series.unit.is_empty() { String::new() } else { format!(" ({})", escape(&series.unit)) };
    let _ = write!(svg, r#"<text class="label" x="{LEFT}" y="14">{}{unit}</text>"#, escape(label));
}

/// The values that are labelled: nothing, the baseline and the peak, where they do not fall on one another.
fn levels(series: &Series, top: f64) -> Vec<f64> {
    let apart = |a: f64, b: f64| (a - b).abs() / top * PLOT > 12.0;
    let mut levels = vec![0.0];
    for value in [series.max, series.baseline] {
        if levels.iter().all(|level| apart(*level, value)) {
            levels.push(value);
        }
    }
    levels
}

/// At most six characters: `0.84`, `41`, `491k`, `2.9G`.
fn short(value: f64) -> String {
    let (mut value, mut suffix) = (value, "");
    for larger in ["k", "M", "G", "T"] {
        if value.abs() >= 10_000.0 || (!suffix.is_empty() && value.abs() >= 1000.0) {
            (value, suffix) = (value / 1000.0, larger);
        }
    }
    let places = if value == 0.0 || value.abs() >= 10.0 {
        0
    } else if value.abs() >= 1.0 {
        1
    } else {
        2
    };
    format!("{value:.places$}{suffix}")
}

fn draw_ticks(svg: &mut String, axis: &Axis) {
    let span = axis.to.as_second() - axis.from.as_second();
    let step =
        [60, 300, 600, 900, 1800, 3600, 21_600].into_iter().find(|step| span / step <= 12).unwrap_or(86_400);
    let mut second = axis.from.as_second().div_euclid(step) * step + step;
    while second <= axis.to.as_second() {
        if let Ok(at) = Timestamp::from_second(second) {
            let (x, y, time) = (axis.x(at), FLOOR + 16.0, at.strftime("%H:%M"));
            let _ =
                write!(svg, r#"<text class="tick" x="{x:.1}" y="{y:.1}" text-anchor="middle">{time}</text>"#);
        }
        second += step;
    }
}

/// Where a moment's mark stands.
fn mark(moment: &Moment, axis: &Axis, lane: usize) -> (f64, f64) {
    (axis.x(moment.at), FLOOR + 36.0 + LANE * lane as f64)
}

fn draw_mark(svg: &mut String, moment: &Moment, axis: &Axis, lane: usize) {
    let (x, y) = mark(moment, axis, lane);
    let class = match moment.kind {
        MomentKind::Change => "change",
        MomentKind::Onset => "onset",
        MomentKind::Alert => "alert",
        MomentKind::Symptom => "symptom",
        MomentKind::Calendar => "calendar",
    };
    // The line is bold in the plot and only leads the eye below it.
    let _ = write!(
        svg,
        r#"<g class="{class}"><line x1="{x:.1}" x2="{x:.1}" y1="{TOP}" y2="{FLOOR}"/><line class="lead" x1="{x:.1}" x2="{x:.1}" y1="{FLOOR}" y2="{y:.1}"/><circle cx="{x:.1}" cy="{y:.1}" r="3.5"/></g>"#
    );
}

/// Moments are in the order of time, so the space left of a mark holds no later mark's line: a label stands there if it fits.
fn draw_label(svg: &mut String, moment: &Moment, axis: &Axis, lane: usize) {
    let (x, y) = mark(moment, axis, lane);
    let text = format!("{} {}", moment.at.strftime("%H:%M"), size::cut(&moment.text, LABEL));
    let fits = text.chars().count() as f64 * CHARACTER < x;
    let (anchor, shift) = if fits { ("end", -9.0) } else { ("start", 9.0) };
    let _ = write!(
        svg,
        r#"<text class="label" x="{:.1}" y="{:.1}" text-anchor="{anchor}">{}</text>"#,
        x + shift,
        y + 4.0,
        escape(&text)
    );
}

#[cfg(test)]
mod tests {
    use super::short;

    #[test]
    fn the_axis_has_room_for_every_number() {
        let shown = [0.0, 0.0277, 2.13, 41.1, 4870.0, 491_040.0, 2_936_000_000.0].map(short);
        assert_eq!(shown, ["0", "0.03", "2.1", "41", "4870", "491k", "2.9G"]);
    }
}
