//! The timeline as inline SVG: the decisive series, the onset, the alert, and every change on one time axis.

use std::fmt::Write as _;

use incident::diagnosis::{Moment, MomentKind};
use incident::{Fact, Series, State, Timestamp};

const WIDTH: f64 = 960.0;
const LEFT: f64 = 56.0;
const RIGHT: f64 = 16.0;
const TOP: f64 = 16.0;
const PLOT: f64 = 180.0;
/// Height of one labelled moment below the plot.
const LANE: f64 = 18.0;

/// The SVG, or an explanation where there is no series to draw.
pub fn timeline(state: &State) -> String {
    let Some((label, series)) = decisive(state) else {
        return "<p>No series was read that could be drawn.</p>".to_owned();
    };
    let moments: Vec<&Moment> = state.best_diagnosis().map(|d| d.timeline.iter().collect()).unwrap_or_default();
    let (Some(first), Some(last)) = (series.points.first(), series.points.last()) else { return String::new() };
    let axis = Axis { from: first.0, to: last.0.max(state.as_of) };
    let shown: Vec<&Moment> = moments.into_iter().filter(|m| m.at >= axis.from && m.at <= axis.to).collect();
    let height = TOP + PLOT + 26.0 + LANE * shown.len() as f64 + 8.0;
    let mut svg = format!(
        r#"<svg viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{} over time">"#,
        escape(&label)
    );
    draw_series(&mut svg, series, &axis, &label);
    draw_ticks(&mut svg, &axis);
    for (lane, moment) in shown.iter().enumerate() {
        draw_moment(&mut svg, moment, &axis, lane);
    }
    svg.push_str("</svg>");
    svg
}

struct Axis {
    from: Timestamp,
    to: Timestamp,
}

impl Axis {
    fn x(&self, at: Timestamp) -> f64 {
        let span = (self.to.as_second() - self.from.as_second()).max(1) as f64;
        LEFT + (at.as_second() - self.from.as_second()) as f64 / span * (WIDTH - LEFT - RIGHT)
    }
}

/// The series the onset was read from, else the first one.
fn decisive(state: &State) -> Option<(String, &Series)> {
    let onset = state.best_diagnosis().and_then(|d| d.onset.as_ref()).and_then(|onset| state.finding(&onset.evidence));
    onset.into_iter().chain(state.findings()).find_map(|finding| match &finding.fact {
        Fact::Series(series) => Some((format!("{} of {}", series.metric, finding.object.name), series)),
        _ => None,
    })
}

fn draw_series(svg: &mut String, series: &Series, axis: &Axis, label: &str) {
    let top = if series.max > 0.0 { series.max * 1.1 } else { 1.0 };
    let y = |value: f64| TOP + PLOT - (value.max(0.0) / top) * PLOT;
    let points: Vec<String> =
        series.points.iter().map(|(at, value)| format!("{:.1},{:.1}", axis.x(*at), y(*value))).collect();
    // Writing to a string cannot fail.
    let _ = write!(
        svg,
        r#"<line class="base" x1="{LEFT}" x2="{:.1}" y1="{:.1}" y2="{:.1}"/><polyline class="series" points="{}"/>"#,
        WIDTH - RIGHT,
        y(series.baseline),
        y(series.baseline),
        points.join(" ")
    );
    for value in [0.0, series.baseline, series.max] {
        let _ = write!(svg, r#"<text class="tick" x="{}" y="{:.1}" text-anchor="end">{value:.0}</text>"#, LEFT - 6.0, y(value) + 4.0);
    }
    let _ = write!(svg, r#"<text class="name" x="{}" y="12">{} ({})</text>"#, LEFT + 4.0, escape(label), escape(&series.unit));
}

fn draw_ticks(svg: &mut String, axis: &Axis) {
    let span = axis.to.as_second() - axis.from.as_second();
    let step = [60, 300, 600, 900, 1800, 3600, 21_600].into_iter().find(|step| span / step <= 12).unwrap_or(86_400);
    let mut second = axis.from.as_second().div_euclid(step) * step + step;
    while second <= axis.to.as_second() {
        if let Ok(at) = Timestamp::from_second(second) {
            let _ = write!(
                svg,
                r#"<text class="tick" x="{:.1}" y="{:.1}" text-anchor="middle">{}</text>"#,
                axis.x(at),
                TOP + PLOT + 16.0,
                at.strftime("%H:%M")
            );
        }
        second += step;
    }
}

fn draw_moment(svg: &mut String, moment: &Moment, axis: &Axis, lane: usize) {
    let x = axis.x(moment.at);
    let y = TOP + PLOT + 34.0 + LANE * lane as f64;
    let class = match moment.kind {
        MomentKind::Change => "change",
        MomentKind::Onset => "onset",
        MomentKind::Alert => "alert",
        MomentKind::Symptom => "symptom",
        MomentKind::Calendar => "calendar",
    };
    // A label that would run out of the picture on the right stands on the left of its mark.
    let (anchor, shift) = if x > WIDTH / 2.0 { ("end", -7.0) } else { ("start", 7.0) };
    let text: String = moment.text.chars().take(80).collect();
    let _ = write!(
        svg,
        r#"<line class="{class}" x1="{x:.1}" x2="{x:.1}" y1="{TOP}" y2="{:.1}"/><circle class="{class}" cx="{x:.1}" cy="{:.1}" r="3"/><text class="label" x="{:.1}" y="{:.1}" text-anchor="{anchor}">{} {}</text>"#,
        y - 4.0,
        y - 4.0,
        x + shift,
        y,
        moment.at.strftime("%H:%M"),
        escape(&text)
    );
}

/// Text inside SVG: everything here comes from outside.
fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
