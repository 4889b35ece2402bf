//! The report's plots as inline SVG: incidents by day, durations one by one, before and after.

use std::fmt::Write as _;

use crate::commands::report::duration;
use crate::report::{Comparison, Figures, Spread};

const WIDTH: f64 = 960.0;
const LEFT: f64 = 70.0;
const RIGHT: f64 = 20.0;

fn open(height: f64, label: &str) -> String {
    format!(r#"<svg viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{label}">"#)
}

fn text(svg: &mut String, (x, y): (f64, f64), anchor: &str, class: &str, text: &str) {
    // Writing to a string cannot fail.
    let _ =
        write!(svg, r#"<text class="{class}" x="{x:.1}" y="{y:.1}" text-anchor="{anchor}">{text}</text>"#);
}

/// Incidents per day, stacked by the brief's level.
pub fn days(figures: &Figures) -> String {
    const TOP: f64 = 16.0;
    const PLOT: f64 = 150.0;
    let most = figures.days.iter().map(|(_, levels)| levels.iter().sum::<usize>()).max().unwrap_or(0).max(1);
    let mut svg = open(TOP + PLOT + 34.0, "incidents per day");
    let step = (WIDTH - LEFT - RIGHT) / figures.days.len().max(1) as f64;
    let every = figures.days.len().div_ceil(10).max(1);
    for (n, (date, levels)) in figures.days.iter().enumerate() {
        let x = LEFT + step * n as f64;
        let mut y = TOP + PLOT;
        for (count, class) in levels.iter().zip(["high", "medium", "low", "none"]) {
            let height = *count as f64 / most as f64 * PLOT;
            y -= height;
            if *count > 0 {
                let width = (step - 3.0).max(1.0);
                let _ = write!(
                    svg,
                    r#"<rect class="{class}" x="{x:.1}" y="{y:.1}" width="{width:.1}" height="{height:.1}"><title>{date}: {count}</title></rect>"#
                );
            }
        }
        if n % every == 0 {
            text(
                &mut svg,
                (x + step / 2.0, TOP + PLOT + 18.0),
                "middle",
                "tick",
                date.get(5..).unwrap_or(date),
            );
        }
    }
    for count in [0, most] {
        let y = TOP + PLOT - count as f64 / most as f64 * PLOT;
        text(&mut svg, (LEFT - 8.0, y + 4.0), "end", "tick", &count.to_string());
    }
    let _ = write!(
        svg,
        r#"<line class="floor" x1="{LEFT}" x2="{:.1}" y1="{1}" y2="{1}"/>"#,
        WIDTH - RIGHT,
        TOP + PLOT
    );
    svg + "</svg>"
}

/// Every duration as a dot on a logarithmic axis, a row for each kind, the median as a bar.
pub fn durations(rows: &[(&str, &Spread, &str)]) -> String {
    const ROW: f64 = 44.0;
    const NAMES: f64 = 170.0;
    let all = || rows.iter().flat_map(|(_, spread, _)| &spread.all).copied().filter(|seconds| *seconds > 0.0);
    let (Some(least), Some(most)) = (all().reduce(f64::min), all().reduce(f64::max)) else {
        return "<p>Nothing was measured.</p>".to_owned();
    };
    let (from, to) = (least.ln() - 0.2, most.ln() + 0.2);
    let x = |seconds: f64| NAMES + (seconds.max(least).ln() - from) / (to - from) * (WIDTH - NAMES - RIGHT);
    let floor = ROW * rows.len() as f64;
    let mut svg = open(floor + 30.0, "durations");
    for tick in
        [1.0, 3.0, 10.0, 30.0, 60.0, 300.0, 900.0, 1_800.0, 3_600.0, 10_800.0, 36_000.0, 86_400.0, 604_800.0]
    {
        if (from..=to).contains(&f64::ln(tick)) {
            let _ =
                write!(svg, r#"<line class="floor" x1="{0:.1}" x2="{0:.1}" y1="4" y2="{floor}"/>"#, x(tick));
            let label = duration(tick).replace(".0 ", " ");
            text(&mut svg, (x(tick), floor + 18.0), "middle", "tick", &label);
        }
    }
    for (n, (name, spread, class)) in rows.iter().enumerate() {
        let middle = ROW * (n as f64 + 0.5);
        text(&mut svg, (0.0, middle + 4.0), "start", "label", name);
        for (i, seconds) in spread.all.iter().enumerate() {
            // Dots that would hide one another stand on five lines.
            let y = middle + (i % 5) as f64 * 5.0 - 10.0;
            let _ = write!(svg, r#"<circle class="{class}" cx="{:.1}" cy="{y:.1}" r="3.2"/>"#, x(*seconds));
        }
        if let Some(median) = spread.median {
            let x = x(median);
            let _ = write!(
                svg,
                r#"<line class="median" x1="{x:.1}" x2="{x:.1}" y1="{:.1}" y2="{:.1}"/>"#,
                middle - 17.0,
                middle + 17.0
            );
            text(&mut svg, (x + 6.0, middle - 10.0), "start", "tick", &duration(median));
        }
    }
    svg + "</svg>"
}

/// Two bars.
pub fn comparison(compared: &Comparison) -> String {
    let most = compared.before_min.max(compared.after_min).max(f64::MIN_POSITIVE);
    let mut svg = open(84.0, "minutes to resolve, before and after");
    for (n, (name, minutes, class)) in
        [("before (stated)", compared.before_min, "none"), ("now (measured)", compared.after_min, "high")]
            .into_iter()
            .enumerate()
    {
        let y = 6.0 + 38.0 * n as f64;
        let width = minutes / most * (WIDTH - 170.0 - 120.0);
        text(&mut svg, (0.0, y + 18.0), "start", "label", name);
        let _ = write!(svg, r#"<rect class="{class}" x="170" y="{y:.1}" width="{width:.1}" height="28"/>"#);
        text(&mut svg, (178.0 + width, y + 18.0), "start", "label", &format!("{minutes:.1} min"));
    }
    svg + "</svg>"
}
