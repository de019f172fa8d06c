//! A loss over rising rates, drawn: in characters for the terminal, as SVG for a browser.

use super::chart::{Axis, Chart, Curve, Mark, Scale};
use super::figure::standalone;
use super::numbers::rate;
use crate::learner::{LrFind, RatePoint};

/// Columns and rows of the sketch, its frame left out.
const COLUMNS: usize = 64;
const ROWS: usize = 12;

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
        let fraction = |value: f64, (low, high): (f64, f64)| {
            if high > low { ((value - low) / (high - low)).clamp(0.0, 1.0) } else { 0.5 }
        };
        (fraction(lr.ln(), self.rates), fraction(loss, self.losses))
    }
}

/// The curve in characters, with `v` under the rate that `valley` suggests.
pub fn sketch_rates(found: &LrFind) -> String {
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

/// The curve as an SVG image, each suggestion a line at its rate.
pub fn draw_rates(found: &LrFind) -> String {
    let Frame { rates: (low, high), losses } = Frame::of(&found.points);
    let suggestions = &found.suggestions;
    let named = [
        ("valley", suggestions.valley),
        ("slide", suggestions.slide),
        ("steep", suggestions.steep),
        ("minimum", suggestions.minimum),
    ];
    let points = found.points.iter().map(|point| (point.lr, point.loss)).collect();
    let loss = Curve { name: "loss".to_owned(), points, mark: Mark::Line };
    let suggested = named.into_iter().filter_map(|(name, lr)| {
        let name = format!("{name} {}", rate(lr?));
        Some(Curve { name, points: vec![(lr?, losses.0)], mark: Mark::Upright })
    });
    let chart = Chart {
        title: "Loss over learning rate".to_owned(),
        description: format!("{} rates were tried", found.points.len()),
        x: Axis {
            label: "learning rate".to_owned(),
            range: (low.exp(), high.exp()),
            scale: Scale::Logarithmic,
        },
        y: Axis { label: "loss".to_owned(), range: losses, scale: Scale::Linear },
        bands: vec![],
        curves: [loss].into_iter().chain(suggested).collect(),
    };
    standalone(&chart.draw())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::learner::suggest;

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
        let text = sketch_rates(&dip());
        let rows: Vec<&str> = text.lines().collect();
        assert_eq!(rows.len(), ROWS + 2);
        assert!(rows[0].starts_with("   6.000 |*"), "{text}");
        assert!(rows[ROWS - 1].starts_with("   2.000 |") && rows[ROWS - 1].contains('*'), "{text}");
        assert_eq!(rows[ROWS].matches('v').count(), 1, "{text}");
        assert!(rows[ROWS + 1].trim_start().starts_with("1e-7"), "{text}");
    }

    #[test]
    fn the_image_has_a_line_for_each_suggestion() {
        let text = draw_rates(&dip());
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
            assert!(!draw_rates(&found).contains("NaN") && !sketch_rates(&found).contains("NaN"));
        }
    }
}
