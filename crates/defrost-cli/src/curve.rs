//! A loss over rising rates, drawn: in characters for the terminal, as SVG for a browser.

use std::fmt::Write as _;

use defrost::learner::{LrFind, RatePoint};

use crate::layout::rate;

/// Columns and rows of the sketch, its frame left out.
const COLUMNS: usize = 64;
const ROWS: usize = 12;

/// Width, height and margin of the picture in its own unit.
const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 400.0;
const MARGIN: f64 = 56.0;

/// Where points lie in the unit square: rates by their logarithm, losses from the lowest up to twice as far as
/// the first, beyond which a curve only explodes.
struct Frame {
    rates: (f64, f64),
    losses: (f64, f64),
}

impl Frame {
    fn of(points: &[RatePoint]) -> Self {
        let lowest = points.iter().map(|point| point.loss).fold(f64::INFINITY, f64::min);
        let highest = points.iter().map(|point| point.loss).fold(f64::NEG_INFINITY, f64::max);
        let first = points.first().map_or(0.0, |point| point.loss);
        let top = highest.min(lowest + 2.0 * (first - lowest).max(0.25 * lowest.abs()));
        let end = |point: Option<&RatePoint>| point.map_or(0.0, |point| point.lr.ln());
        Self { rates: (end(points.first()), end(points.last())), losses: (lowest, top) }
    }

    /// Right and up, each in 0..=1.
    fn place(&self, lr: f64, loss: f64) -> (f64, f64) {
        let share = |value: f64, (low, high): (f64, f64)| {
            if high > low { ((value - low) / (high - low)).clamp(0.0, 1.0) } else { 0.5 }
        };
        (share(lr.ln(), self.rates), share(loss, self.losses))
    }
}

/// The curve in characters, with `v` under the rate that `valley` suggests.
pub fn sketch(found: &LrFind) -> String {
    let frame = Frame::of(&found.points);
    let mut rows = vec![vec![' '; COLUMNS]; ROWS];
    for point in &found.points {
        let (right, up) = frame.place(point.lr, point.loss);
        let column = (right * (COLUMNS - 1) as f64).round() as usize;
        rows[ROWS - 1 - (up * (ROWS - 1) as f64).round() as usize][column] = '*';
    }
    let mut text = String::new();
    let labels = [(0, frame.losses.1), (ROWS - 1, frame.losses.0)];
    for (index, row) in rows.iter().enumerate() {
        let label = labels.iter().find(|(at, _)| *at == index).map(|(_, loss)| format!("{loss:.3}"));
        let row: String = row.iter().collect();
        text += &format!("{:>8} |{}\n", label.unwrap_or_default(), row.trim_end());
    }
    let mut axis = vec!['-'; COLUMNS];
    if let Some(valley) = found.suggestions.valley {
        let (right, _) = frame.place(valley, 0.0);
        axis[(right * (COLUMNS - 1) as f64).round() as usize] = 'v';
    }
    text += &format!("{:>8} +{}\n", "loss", axis.iter().collect::<String>());
    if let (Some(first), Some(last)) = (found.points.first(), found.points.last()) {
        let (first, last) = (rate(first.lr), rate(last.lr));
        text += &format!("{:>10}{first}{last:>width$}\n", "", width = COLUMNS - first.len());
    }
    text
}

/// The curve as an SVG picture, each suggestion a line at its rate.
pub fn svg(found: &LrFind) -> String {
    let frame = Frame::of(&found.points);
    let place = |lr: f64, loss: f64| {
        let (right, up) = frame.place(lr, loss);
        (MARGIN + right * (WIDTH - 2.0 * MARGIN), HEIGHT - MARGIN - up * (HEIGHT - 2.0 * MARGIN))
    };
    let mut body = String::new();
    let (low, high) = frame.rates;
    let decades = (low / 10f64.ln()).ceil() as i32..=(high / 10f64.ln() + 1e-9).floor() as i32;
    for decade in decades {
        let (x, _) = place(10f64.powi(decade), 0.0);
        let bottom = HEIGHT - MARGIN;
        // Writing to a string never fails.
        let _ = writeln!(body, r##"<path d="M{x:.1} {MARGIN}V{bottom}" stroke="#ddd"/>"##);
        let _ = writeln!(
            body,
            r#"<text x="{x:.1}" y="{}" text-anchor="middle">1e{decade}</text>"#,
            bottom + 18.0
        );
    }
    for loss in [frame.losses.0, frame.losses.1] {
        let (x, y) = (MARGIN - 6.0, place(1.0, loss).1 + 4.0);
        let _ = writeln!(body, r#"<text x="{x}" y="{y:.1}" text-anchor="end">{loss:.3}</text>"#);
    }
    let suggestions = &found.suggestions;
    let named = [
        ("valley", suggestions.valley, "#c40"),
        ("slide", suggestions.slide, "#08a"),
        ("steep", suggestions.steep, "#580"),
        ("minimum", suggestions.minimum, "#85a"),
    ];
    for (line, (name, lr, colour)) in named.into_iter().enumerate() {
        let Some(lr) = lr else { continue };
        let (x, _) = place(lr, 0.0);
        let (bottom, y) = (HEIGHT - MARGIN, MARGIN - 32.0 + 14.0 * line as f64);
        let _ = writeln!(
            body,
            r#"<path d="M{x:.1} {MARGIN}V{bottom}" stroke="{colour}" stroke-dasharray="4 3"/>
<text x="{}" y="{y}" fill="{colour}" text-anchor="end">{name} {}</text>"#,
            WIDTH - MARGIN,
            rate(lr)
        );
    }
    let line: Vec<String> = found
        .points
        .iter()
        .map(|point| place(point.lr, point.loss))
        .map(|(x, y)| format!("{x:.1},{y:.1}"))
        .collect();
    format!(
        r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" font-size="12">
<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>
<text x="{MARGIN}" y="24">loss over learning rate</text>
{body}<polyline points="{}" fill="none" stroke="#333" stroke-width="2"/>
</svg>
"##,
        line.join(" ")
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use defrost::learner::suggest;

    fn dip() -> LrFind {
        let points: Vec<RatePoint> = (0..90)
            .map(|step| {
                let x = f64::from(step);
                RatePoint { lr: 1e-7 * 1.2f64.powi(step), loss: 2.0 + ((x - 60.0) / 30.0).powi(2) }
            })
            .collect();
        LrFind { suggestions: suggest(&points), points }
    }

    #[test]
    fn the_sketch_falls_and_rises() {
        let text = sketch(&dip());
        let rows: Vec<&str> = text.lines().collect();
        assert_eq!(rows.len(), ROWS + 2);
        assert!(rows[0].starts_with("   6.000 |*"), "{text}");
        assert!(rows[ROWS - 1].starts_with("   2.000 |") && rows[ROWS - 1].contains('*'), "{text}");
        assert_eq!(rows[ROWS].matches('v').count(), 1, "{text}");
        assert!(rows[ROWS + 1].trim_start().starts_with("1e-7"), "{text}");
    }

    #[test]
    fn the_picture_has_a_line_for_each_suggestion() {
        let text = svg(&dip());
        assert!(text.starts_with("<svg ") && text.ends_with("</svg>\n"));
        for name in ["valley", "slide", "steep", "minimum"] {
            assert_eq!(text.matches(&format!(">{name} ")).count(), 1, "{name}");
        }
        assert!(!text.contains("NaN") && !text.contains("inf"));
    }

    #[test]
    fn a_curve_of_nothing_can_be_drawn() {
        for points in [vec![], vec![RatePoint { lr: 1e-7, loss: 1.0 }]] {
            let found = LrFind { suggestions: suggest(&points), points };
            assert!(!svg(&found).contains("NaN") && !sketch(&found).contains("NaN"));
        }
    }
}
