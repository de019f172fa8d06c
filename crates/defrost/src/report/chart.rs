//! Curves over an axis, as SVG. Wide enough to be read on a phone, without a script, and told apart by dashes as well
//! as by colour.

use askama::Template;

/// Width of a chart in its own unit, which is about a pixel on a phone.
const WIDTH: f64 = 400.0;
/// Height of the plot itself.
const PLOT: f64 = 150.0;
const LEFT: f64 = 50.0;
const RIGHT: f64 = 14.0;
const BELOW: f64 = 36.0;
/// Height of a row of the legend.
const ROW: f64 = 17.0;
/// About the width of a character.
const CHARACTER: f64 = 6.1;
/// How many styles of lines there are.
const STYLES: usize = 6;

/// One of a chart's two axes.
#[derive(Clone, Debug, PartialEq)]
pub struct Axis {
    /// Its label.
    pub label: String,
    /// Its ends.
    pub range: (f64, f64),
    /// How distances on it are to be read.
    pub scale: Scale,
}

/// How distances on an axis are to be read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Scale {
    /// As differences.
    #[default]
    Linear,
    /// As differences of whole numbers.
    Whole,
    /// As ratios.
    Logarithmic,
}

/// A line through points.
#[derive(Clone, Debug, PartialEq)]
pub struct Curve {
    /// Its name in the legend.
    pub name: String,
    /// Where it goes; it is interrupted where a number is not finite.
    pub points: Vec<(f64, f64)>,
    /// Whether its points are drawn, and the line between them or not.
    pub mark: Mark,
}

/// How the points of a curve are drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    /// As a line.
    Line,
    /// As a thin line behind others.
    Faint,
    /// As a line with a dot at each point.
    DottedLine,
    /// As dots alone.
    Dots,
    /// As upright lines from bottom to top.
    Upright,
}

/// A stretch of the horizontal axis with a name.
#[derive(Clone, Debug, PartialEq)]
pub struct Band {
    /// Its name.
    pub name: String,
    /// From here.
    pub from: f64,
    /// To here.
    pub to: f64,
}

/// Curves over an axis.
#[derive(Clone, Debug, PartialEq)]
pub struct Chart {
    /// Its title.
    pub title: String,
    /// A description for readers who can't see it.
    pub description: String,
    /// To the right.
    pub x: Axis,
    /// Upwards.
    pub y: Axis,
    /// Stretches of the horizontal axis.
    pub bands: Vec<Band>,
    /// The curves.
    pub curves: Vec<Curve>,
}

impl Axis {
    /// One that holds all of these numbers, with equal distances.
    pub fn over(label: &str, numbers: impl IntoIterator<Item = f64>) -> Self {
        let numbers = numbers.into_iter().filter(|number| number.is_finite());
        let (low, high) =
            numbers.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), n| (low.min(n), high.max(n)));
        let range = match high - low {
            span if span > 0.0 => (low, high),
            // One number, or none: a little room about it.
            _ if low.is_finite() => (low - low.abs().max(1e-3) * 0.1, low + low.abs().max(1e-3) * 0.1),
            _ => (0.0, 1.0),
        };
        Self { label: label.to_owned(), range, scale: Scale::Linear }
    }

    /// The same with whole ticks at its ends.
    #[must_use]
    pub fn rounded(mut self) -> Self {
        let (low, high) = self.range;
        let step = step(high - low, 4.0);
        self.range = ((low / step + 1e-9).floor() * step, (high / step - 1e-9).ceil() * step);
        self
    }

    /// The place of a number, 0 to 1.
    fn place(&self, number: f64) -> f64 {
        let (low, high) = self.range;
        let place = match self.scale {
            Scale::Logarithmic => (number.ln() - low.ln()) / (high.ln() - low.ln()),
            Scale::Linear | Scale::Whole => (number - low) / (high - low),
        };
        if place.is_finite() { place.clamp(0.0, 1.0) } else { 0.5 }
    }

    /// Places and texts of its ticks.
    fn ticks(&self, about: f64) -> Vec<(f64, String)> {
        let (low, high) = self.range;
        if self.scale == Scale::Logarithmic {
            let decades = low.log10().ceil() as i32..=(high.log10() + 1e-9).floor() as i32;
            return decades.map(|decade| (self.place(10f64.powi(decade)), format!("1e{decade}"))).collect();
        }
        let step = match self.scale {
            Scale::Whole => step(high - low, about).max(1.0),
            _ => step(high - low, about),
        };
        let digits = (-step.log10().floor()).clamp(0.0, 12.0) as usize;
        let text = |number: f64| match step {
            _ if number == 0.0 && step < 1e-3 => "0".to_owned(),
            tiny if tiny < 1e-3 => super::rate(number),
            _ => format!("{number:.digits$}"),
        };
        let first = (low / step - 1e-9).ceil() as i64;
        let last = (high / step + 1e-9).floor() as i64;
        (first..=last.min(first.saturating_add(20)))
            .map(|n| n as f64 * step)
            .map(|n| (self.place(n), text(n)))
            .collect()
    }
}

/// A distance between ticks, 1, 2 or 5 times a power of ten, so that there are about `count`.
fn step(span: f64, about: f64) -> f64 {
    let raw = span.max(1e-12) / about;
    let power = 10f64.powf(raw.log10().floor());
    let factor = [1.0, 2.0, 5.0].into_iter().find(|factor| factor * power >= raw * 0.999).unwrap_or(10.0);
    factor * power
}

/// A text at a place.
struct Label {
    x: f64,
    y: f64,
    text: String,
}

struct DrawnBand {
    x: f64,
    width: f64,
    name: Option<Label>,
    odd: bool,
}

struct DrawnCurve {
    style: usize,
    faint: bool,
    path: Option<String>,
    dots: Vec<(f64, f64)>,
    sample: Option<Label>,
}

#[derive(Template)]
#[template(path = "chart.svg", escape = "html")]
struct Drawn<'a> {
    chart: &'a Chart,
    width: f64,
    height: f64,
    left: f64,
    right: f64,
    top: f64,
    bottom: f64,
    middle: f64,
    x_ticks: Vec<Label>,
    y_ticks: Vec<Label>,
    bands: Vec<DrawnBand>,
    curves: Vec<DrawnCurve>,
}

impl Chart {
    /// As an SVG element.
    pub fn draw(&self) -> String {
        let (legend, rows) = legend(&self.curves);
        let top = rows as f64 * ROW + if self.bands.is_empty() { 8.0 } else { 24.0 };
        let (right, bottom) = (WIDTH - RIGHT, top + PLOT);
        let x = |number: f64| round(LEFT + self.x.place(number) * (right - LEFT));
        let y = |number: f64| round(bottom - self.y.place(number) * PLOT);
        let x_ticks = self.x.ticks(6.0).into_iter().map(|(place, text)| Label {
            x: round(LEFT + place * (right - LEFT)),
            y: bottom + 15.0,
            text,
        });
        let y_ticks = self.y.ticks(4.0).into_iter().map(|(place, text)| Label {
            x: LEFT - 6.0,
            y: round(bottom - place * PLOT),
            text,
        });
        let bands = self.bands.iter().enumerate().map(|(index, band)| {
            let (from, to) = (x(band.from), x(band.to));
            let fits = band.name.chars().count() as f64 * CHARACTER < to - from;
            let name =
                fits.then(|| Label { x: round((from + to) / 2.0), y: top - 7.0, text: band.name.clone() });
            DrawnBand { x: from, width: round(to - from), name, odd: index % 2 == 1 }
        });
        let curves = self.curves.iter().zip(legend).enumerate().map(|(index, (curve, sample))| {
            let is_finite = |(a, b): &(f64, f64)| a.is_finite() && b.is_finite();
            let stretches = curve.points.split(|point| !is_finite(point)).filter(|stretch| stretch.len() > 1);
            let place = |&(a, b): &(f64, f64)| (x(a), y(b));
            let points: Vec<(f64, f64)> =
                curve.points.iter().filter(|point| is_finite(point)).map(place).collect();
            let path = match curve.mark {
                Mark::Line | Mark::Faint | Mark::DottedLine => {
                    Some(stretches.map(|stretch| path(stretch.iter().map(place))).collect())
                }
                Mark::Dots => None,
                Mark::Upright => Some(points.iter().map(|(x, _)| format!("M{x} {bottom}V{top}")).collect()),
            };
            let dots = match curve.mark {
                Mark::DottedLine | Mark::Dots => points,
                Mark::Line | Mark::Faint | Mark::Upright => vec![],
            };
            DrawnCurve { style: index % STYLES, faint: curve.mark == Mark::Faint, path, dots, sample }
        });
        let drawn = Drawn {
            chart: self,
            width: WIDTH,
            height: bottom + BELOW,
            left: LEFT,
            right,
            top,
            bottom,
            middle: round((LEFT + right) / 2.0),
            x_ticks: x_ticks.collect(),
            y_ticks: y_ticks.collect(),
            bands: bands.collect(),
            curves: curves.collect(),
        };
        drawn.render().expect("writing to a string never fails")
    }
}

/// A path through points.
fn path(points: impl Iterator<Item = (f64, f64)>) -> String {
    let step = |(index, (x, y))| format!("{}{x} {y}", if index == 0 { "M" } else { "L" });
    points.enumerate().map(step).collect()
}

/// The positions of the legend's entries, in rows, and the number of rows.
fn legend(curves: &[Curve]) -> (Vec<Option<Label>>, usize) {
    let (mut x, mut row) = (LEFT, 0);
    let mut places = vec![];
    for curve in curves {
        if curve.name.is_empty() {
            places.push(None);
            continue;
        }
        let width = 34.0 + curve.name.chars().count() as f64 * CHARACTER;
        if x > LEFT && x + width > WIDTH {
            (x, row) = (LEFT, row + 1);
        }
        places.push(Some(Label { x, y: 12.0 + row as f64 * ROW, text: curve.name.clone() }));
        x = round(x + width + 8.0);
    }
    let rows = if places.iter().any(Option::is_some) { row + 1 } else { 0 };
    (places, rows)
}

/// To a tenth: finer is not seen.
fn round(number: f64) -> f64 {
    (number * 10.0).round() / 10.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chart(points: Vec<(f64, f64)>) -> Chart {
        Chart {
            title: "loss <script>".to_owned(),
            description: String::new(),
            x: Axis::over("epoch", points.iter().map(|point| point.0)),
            y: Axis::over("loss", points.iter().map(|point| point.1)).rounded(),
            bands: vec![],
            curves: vec![Curve { name: "a & b".to_owned(), points, mark: Mark::DottedLine }],
        }
    }

    #[test]
    fn ticks_are_round_numbers() {
        let texts = |low: f64, high: f64| -> Vec<String> {
            Axis::over("", [low, high]).ticks(4.0).into_iter().map(|tick| tick.1).collect()
        };
        assert_eq!(texts(0.0, 1.0), ["0.0", "0.5", "1.0"]);
        assert_eq!(texts(0.0, 2e-3), ["0", "5e-4", "1e-3", "1.5e-3", "2e-3"]);
        assert_eq!(texts(0.0, 8.0), ["0", "2", "4", "6", "8"]);
        let axis = Axis { scale: Scale::Logarithmic, ..Axis::over("", [1e-7, 10.0]) };
        assert_eq!(axis.ticks(4.0).len(), 9);
        let whole = Axis { scale: Scale::Whole, ..Axis::over("", [0.0, 2.0]) };
        assert_eq!(whole.ticks(6.0).into_iter().map(|tick| tick.1).collect::<Vec<_>>(), ["0", "1", "2"]);
    }

    #[test]
    fn an_axis_can_be_rounded_outwards() {
        assert_eq!(Axis::over("", [0.13, 0.97]).rounded().range, (0.0, 1.0));
        let (low, high) = Axis::over("", [5.0]).rounded().range;
        assert!(low < 5.0 && high > 5.0);
    }

    #[test]
    fn texts_are_escaped() {
        let drawn = chart(vec![(0.0, 1.0), (1.0, 0.5)]).draw();
        assert!(drawn.contains("loss &#60;script&#62;") && drawn.contains("a &#38; b"), "{drawn}");
        assert!(!drawn.contains("<script>"));
    }

    #[test]
    fn a_curve_is_interrupted_where_there_is_no_number() {
        let gap = (f64::NAN, f64::NAN);
        let drawn = chart(vec![(0.0, 1.0), (1.0, 0.5), gap, (2.0, 0.5), (3.0, 0.0)]).draw();
        let line = drawn.lines().find(|line| line.starts_with(r#"<path class="line""#)).unwrap();
        assert_eq!((line.matches('M').count(), line.matches('L').count()), (2, 2), "{line}");
    }

    #[test]
    fn curves_of_nothing_can_be_drawn() {
        for points in [vec![], vec![(1.0, 2.0)], vec![(1.0, f64::NAN), (f64::INFINITY, 2.0)]] {
            let drawn = chart(points).draw();
            assert!(
                drawn.starts_with("<svg ") && !drawn.contains("NaN") && !drawn.contains("inf"),
                "{drawn}"
            );
        }
    }
}
