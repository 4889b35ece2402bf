//! The decisive series as a picture for the thread: when it left its level, what was changed around then, and when the alert came.

use incident::diagnosis::{Moment, MomentKind};
use incident::redact::{redact, visible};
use incident::{Fact, Series, State, Timestamp};
use jiff::tz::TimeZone;

use crate::canvas::{Canvas, Letters, Rgb};
use crate::{metric, time};

const WIDTH: f32 = 1200.0;
const LEFT: f32 = 120.0;
const RIGHT: f32 = 40.0;
const TOP: f32 = 84.0;
const PLOT: f32 = 340.0;
/// From the plot's floor to the first line of the legend.
const AXIS: f32 = 48.0;
const LANE: f32 = 30.0;
/// Moments that are marked.
const MARKS: usize = 8;

const INK: Rgb = (29, 28, 29);
const FAINT: Rgb = (134, 134, 134);
const GRID: Rgb = (224, 224, 224);
const SERIES: Rgb = (18, 100, 163);
const ONSET: Rgb = (224, 30, 90);
const CHANGE: Rgb = (111, 66, 193);
const ALERT: Rgb = (222, 130, 10);
const OTHER: Rgb = (90, 120, 90);

/// The picture; `None` where there is no series to draw.
pub fn png(state: &State) -> Option<Vec<u8>> {
    let (title, series) = decisive(state)?;
    let axis = Axis::over(series, state)?;
    let moments = moments(state, &axis);
    let height = TOP + PLOT + AXIS + LANE * moments.len() as f32 + 16.0;
    let mut canvas = Canvas::new(WIDTH as u32, height as u32)?;
    let letters = ((WIDTH - 64.0) / Letters::Large.advance()) as usize;
    canvas.text((32.0, 16.0), &incident::size::cut(&title, letters), Letters::Large, INK);
    draw_levels(&mut canvas, &axis, series);
    draw_ticks(&mut canvas, &axis);
    for moment in &moments {
        let x = axis.x(moment.at);
        let dashes = (moment.kind != MomentKind::Onset).then_some([7.0, 6.0]);
        canvas.line(&[(x, TOP), (x, TOP + PLOT)], 2.5, colour(moment.kind), dashes);
    }
    draw_series(&mut canvas, &axis, series);
    draw_legend(&mut canvas, &axis, &moments, state);
    canvas.png()
}

/// Where times and values stand.
struct Axis {
    from: Timestamp,
    to: Timestamp,
    least: f64,
    most: f64,
}

impl Axis {
    fn over(series: &Series, state: &State) -> Option<Self> {
        let (from, to) = (series.points.first()?.0, series.last_at.max(state.as_of));
        // From zero, unless the whole series is far from it: half the height would be empty.
        let spread = series.max - series.min;
        let far = spread > 0.0 && series.min > 4.0 * spread;
        let least = if far { series.min - spread } else { series.min.min(0.0) };
        let most = series.max + 0.08 * (series.max - least).max(f64::EPSILON);
        (most.is_finite() && least.is_finite() && most > least && to > from).then_some(Self {
            from,
            to,
            least,
            most,
        })
    }

    fn x(&self, at: Timestamp) -> f32 {
        let span = self.to.as_second() - self.from.as_second();
        let share = (at.as_second() - self.from.as_second()) as f64 / span.max(1) as f64;
        LEFT + share as f32 * (WIDTH - LEFT - RIGHT)
    }

    fn y(&self, value: f64) -> f32 {
        TOP + PLOT - ((value - self.least) / (self.most - self.least)) as f32 * PLOT
    }
}

/// The series that the onset was read from, else the first that a sentence of the root cause rests on.
fn decisive(state: &State) -> Option<(String, &Series)> {
    let diagnosis = state.best_diagnosis()?;
    let onset = diagnosis.onset.iter().map(|onset| &onset.evidence);
    let cited = diagnosis.root_cause.iter().flat_map(|claim| &claim.evidence);
    onset.chain(cited).filter_map(|id| state.finding(id)).find_map(|finding| match &finding.fact {
        Fact::Series(series) if series.points.len() > 1 => {
            let (label, unit, _) = metric::describe(&series.metric, &series.unit);
            let now = metric::value(series.last, unit);
            let before = metric::value(series.baseline, unit);
            let text = format!("{}: {label} {now} (before: {before})", finding.object.name);
            Some((visible(&redact(&text)), series))
        }
        _ => None,
    })
}

/// What is marked: the onset, the alert and every change on the axis; of more than fit, those nearest to the onset.
fn moments<'a>(state: &'a State, axis: &Axis) -> Vec<&'a Moment> {
    let all = state.best_diagnosis().into_iter().flat_map(|diagnosis| &diagnosis.timeline);
    let mut shown: Vec<&Moment> = all
        .filter(|moment| (axis.from..=axis.to).contains(&moment.at) && moment.kind != MomentKind::Symptom)
        .collect();
    let rank = |moment: &&Moment| {
        let first = matches!(moment.kind, MomentKind::Onset | MomentKind::Alert);
        (!first, moment.offset_s.map_or(i64::MAX, i64::abs))
    };
    shown.sort_by_key(rank);
    shown.truncate(MARKS);
    shown.sort_by_key(|moment| moment.at);
    shown
}

fn colour(kind: MomentKind) -> Rgb {
    match kind {
        MomentKind::Onset => ONSET,
        MomentKind::Change => CHANGE,
        MomentKind::Alert => ALERT,
        MomentKind::Symptom | MomentKind::Calendar => OTHER,
    }
}

fn draw_levels(canvas: &mut Canvas, axis: &Axis, series: &Series) {
    let (_, unit, _) = metric::describe(&series.metric, &series.unit);
    let mut taken: Vec<f32> = Vec::new();
    for (value, dashes) in [(series.max, None), (series.baseline, Some([3.0, 6.0])), (axis.least, None)] {
        let y = axis.y(value);
        canvas.line(
            &[(LEFT, y), (WIDTH - RIGHT, y)],
            1.5,
            if dashes.is_some() { FAINT } else { GRID },
            dashes,
        );
        // A level whose label would stand on another's has its line alone.
        if taken.iter().all(|other| (other - y).abs() > Letters::Small.height()) {
            let text = metric::value(value, unit);
            let width = text.chars().count() as f32 * Letters::Small.advance();
            canvas.text(((LEFT - 12.0 - width).max(2.0), y - 11.0), &text, Letters::Small, FAINT);
            taken.push(y);
        }
    }
}

fn draw_ticks(canvas: &mut Canvas, axis: &Axis) {
    let span = axis.to.as_second() - axis.from.as_second();
    let steps = [60, 120, 300, 600, 900, 1800, 3600, 7200, 21_600, 43_200];
    let step = steps.into_iter().find(|step| span / step <= 10).unwrap_or(86_400);
    let mut second = axis.from.as_second().div_euclid(step) * step + step;
    let floor = TOP + PLOT;
    while second <= axis.to.as_second() {
        if let Ok(at) = Timestamp::from_second(second) {
            let x = axis.x(at);
            canvas.line(&[(x, floor), (x, floor + 6.0)], 1.5, FAINT, None);
            let text = at.to_zoned(TimeZone::UTC).strftime("%H:%M").to_string();
            let left = x - text.len() as f32 * Letters::Small.advance() / 2.0;
            // The first label stands clear of the unit of time, the last one within the picture.
            if left + 5.0 * Letters::Small.advance() < WIDTH {
                canvas.text((left, floor + 10.0), &text, Letters::Small, FAINT);
            }
        }
        second += step;
    }
    canvas.text((LEFT - 50.0, floor + 10.0), "UTC", Letters::Small, FAINT);
}

fn draw_series(canvas: &mut Canvas, axis: &Axis, series: &Series) {
    let points: Vec<(f32, f32)> =
        series.points.iter().map(|(at, value)| (axis.x(*at), axis.y(*value))).collect();
    if let (Some(first), Some(last)) = (points.first(), points.last()) {
        let floor = TOP + PLOT;
        let mut area = vec![(first.0, floor)];
        area.extend(&points);
        area.push((last.0, floor));
        canvas.area(&area, SERIES, 36);
    }
    canvas.line(&points, 3.5, SERIES, None);
}

/// Each mark's number above the plot, and what it is below it.
fn draw_legend(canvas: &mut Canvas, axis: &Axis, moments: &[&Moment], state: &State) {
    let onset = state.best_diagnosis().and_then(|diagnosis| diagnosis.onset.as_ref());
    let mut last = f32::MIN;
    let mut lift = 0.0;
    for (n, moment) in moments.iter().enumerate() {
        let (number, colour) = ((n + 1).to_string(), colour(moment.kind));
        let x = axis.x(moment.at);
        // Marks that are close stand on two levels, so that both numbers can be read.
        lift = if x - last < 26.0 && lift == 0.0 { 24.0 } else { 0.0 };
        last = x;
        badge(canvas, (x, TOP - 14.0 - lift), &number, colour);
        let y = TOP + PLOT + AXIS + LANE * n as f32;
        badge(canvas, (46.0, y + 11.0), &number, colour);
        let offset = match (moment.offset_s, onset) {
            (Some(0), _) | (_, None) | (None, _) => String::new(),
            (Some(seconds), Some(_)) if seconds < 0 => format!(" ({} before the onset)", time::span(seconds)),
            (Some(seconds), Some(_)) => format!(" ({} after the onset)", time::span(seconds)),
        };
        let text = format!("{} {}{offset}", time::hour_minute(moment.at), moment.text);
        let letters = ((WIDTH - 80.0 - RIGHT) / Letters::Small.advance()) as usize;
        let text = incident::size::cut(&visible(&redact(&text)), letters);
        canvas.text((70.0, y), &text, Letters::Small, INK);
    }
}

fn badge(canvas: &mut Canvas, at: (f32, f32), number: &str, colour: Rgb) {
    canvas.disc(at, 12.0, colour);
    let half = number.len() as f32 * Letters::Small.advance() / 2.0;
    canvas.text((at.0 - half, at.1 - 10.0), number, Letters::Small, (255, 255, 255));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state() -> State {
        let event: serde_json::Value =
            serde_json::from_str(include_str!("../../../events/brief/final.json")).unwrap();
        serde_json::from_value(event["state"].clone()).unwrap()
    }

    #[test]
    fn the_picture_is_a_png_and_shows_the_series_in_its_colour() {
        let bytes = png(&state()).unwrap();
        let pixels = tiny_skia::Pixmap::decode_png(&bytes).unwrap();
        assert_eq!(pixels.width(), 1200);
        let blue = pixels.pixels().iter().filter(|p| (p.red(), p.green(), p.blue()) == SERIES).count();
        assert!(blue > 1_000, "{blue} pixels of the series");
    }

    #[test]
    fn without_a_series_there_is_no_picture_and_a_flat_one_is_drawn() {
        let mut bare = state();
        bare.evidence.clear();
        assert_eq!(png(&bare), None);
        let mut flat = state();
        for finding in flat.evidence.iter_mut().flat_map(|evidence| &mut evidence.findings) {
            if let Fact::Series(series) = &mut finding.fact {
                series.points.iter_mut().for_each(|point| point.1 = 7.0);
                (series.min, series.max, series.baseline, series.last) = (7.0, 7.0, 7.0, 7.0);
            }
        }
        assert!(png(&flat).is_some());
    }
}
