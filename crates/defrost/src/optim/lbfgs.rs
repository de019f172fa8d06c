//! L-BFGS: makes a smooth function of many numbers small by its gradients (Nocedal and Wright, Numerical
//! Optimization, algorithms 7.4 and 7.5).
//!
//! It looks at all data in every step, so it is for problems whose data fit into memory and whose steps are cheap: a
//! head on cached activations.

use std::collections::VecDeque;

/// How the function is made small.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Lbfgs {
    /// How many of the last steps shape the next one.
    pub memory: usize,
    /// Steps at most.
    pub max_steps: usize,
    /// It ends where no component of the gradient is larger than this.
    pub gradient_tolerance: f64,
    /// It ends where a step gains less than this fraction of the value.
    pub value_tolerance: f64,
}

impl Default for Lbfgs {
    fn default() -> Self {
        Self { memory: 10, max_steps: 100, gradient_tolerance: 1e-5, value_tolerance: 1e-5 }
    }
}

/// Where the search ended.
#[derive(Clone, Debug, PartialEq)]
pub struct Minimum {
    /// The numbers.
    pub point: Vec<f64>,
    /// The function's value there.
    pub value: f64,
    /// Steps it took.
    pub steps: usize,
}

/// A point, the function there and its gradient.
#[derive(Clone)]
struct Place {
    point: Vec<f64>,
    value: f64,
    gradient: Vec<f64>,
}

/// A step, and how the gradient changed along it.
struct Pair {
    step: Vec<f64>,
    change: Vec<f64>,
    product: f64,
}

/// Constants of the weak Wolfe conditions: how much the function must fall, how far its slope.
const DECREASE: f64 = 1e-4;
const CURVATURE: f64 = 0.9;
/// Lengths tried for one step at most.
const TRIALS: usize = 20;

impl Lbfgs {
    /// Searches from `start`; `evaluate` gives the function's value and gradient at a point. Where it gives NaN, a
    /// step is made shorter.
    ///
    /// # Errors
    ///
    /// What `evaluate` gives.
    ///
    /// ```
    /// use defrost::optim::Lbfgs;
    ///
    /// let parabola = |x: &[f64]| Ok::<_, ()>(((x[0] - 3.0).powi(2), vec![2.0 * (x[0] - 3.0)]));
    /// let minimum = Lbfgs::default().minimize(vec![0.0], parabola).unwrap();
    /// assert!((minimum.point[0] - 3.0).abs() < 1e-4);
    /// ```
    pub fn minimize<E>(
        &self,
        start: Vec<f64>,
        mut evaluate: impl FnMut(&[f64]) -> Result<(f64, Vec<f64>), E>,
    ) -> Result<Minimum, E> {
        let (value, gradient) = evaluate(&start)?;
        let mut now = Place { point: start, value, gradient };
        let mut pairs: VecDeque<Pair> = VecDeque::new();
        let mut steps = 0;
        while steps < self.max_steps && largest(&now.gradient) > self.gradient_tolerance {
            let direction = direction(&now.gradient, &pairs);
            // Nothing is known of the curvature before the first step.
            let length = if pairs.is_empty() { 1.0 / norm(&direction).max(1e-12) } else { 1.0 };
            let Some(next) = search(&now, &direction, length, &mut evaluate)? else { break };
            steps += 1;
            let step: Vec<f64> = next.point.iter().zip(&now.point).map(|(a, b)| a - b).collect();
            let change: Vec<f64> = next.gradient.iter().zip(&now.gradient).map(|(a, b)| a - b).collect();
            let product = dot(&step, &change);
            if product > 1e-10 * norm(&step) * norm(&change) {
                pairs.push_back(Pair { step, change, product });
                if pairs.len() > self.memory {
                    pairs.pop_front();
                }
            }
            let gain = now.value - next.value;
            now = next;
            if gain <= self.value_tolerance * now.value.abs() {
                break;
            }
        }
        Ok(Minimum { point: now.point, value: now.value, steps })
    }
}

/// Minus the gradient, shaped by the last steps (the two-loop recursion).
fn direction(gradient: &[f64], pairs: &VecDeque<Pair>) -> Vec<f64> {
    let mut direction: Vec<f64> = gradient.iter().map(|x| -x).collect();
    let mut factors = Vec::with_capacity(pairs.len());
    for pair in pairs.iter().rev() {
        let factor = dot(&pair.step, &direction) / pair.product;
        add(&mut direction, -factor, &pair.change);
        factors.push(factor);
    }
    if let Some(last) = pairs.back() {
        let scale = last.product / dot(&last.change, &last.change);
        direction.iter_mut().for_each(|x| *x *= scale);
    }
    for (pair, factor) in pairs.iter().zip(factors.into_iter().rev()) {
        let back = dot(&pair.change, &direction) / pair.product;
        add(&mut direction, factor - back, &pair.step);
    }
    direction
}

/// A point along the direction that fulfils the weak Wolfe conditions, by halving and doubling; the best one found if
/// none does; nothing if the function falls nowhere.
fn search<E>(
    from: &Place,
    direction: &[f64],
    mut length: f64,
    evaluate: &mut impl FnMut(&[f64]) -> Result<(f64, Vec<f64>), E>,
) -> Result<Option<Place>, E> {
    let slope = dot(direction, &from.gradient);
    let (mut shortest, mut longest) = (0.0, f64::INFINITY);
    let mut best: Option<Place> = None;
    for _ in 0..TRIALS {
        let mut point = from.point.clone();
        add(&mut point, length, direction);
        let (value, gradient) = evaluate(&point)?;
        let falls = value <= from.value + DECREASE * length * slope;
        let flattens = dot(direction, &gradient) >= CURVATURE * slope;
        if falls && best.as_ref().is_none_or(|best| value < best.value) {
            best = Some(Place { point, value, gradient });
        }
        match (falls, flattens) {
            (true, true) => break,
            (false, _) => longest = length,
            (true, false) => shortest = length,
        }
        length = if longest.is_finite() { f64::midpoint(shortest, longest) } else { 2.0 * shortest };
    }
    Ok(best)
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

fn norm(a: &[f64]) -> f64 {
    dot(a, a).sqrt()
}

fn largest(a: &[f64]) -> f64 {
    a.iter().fold(0.0, |largest, x| x.abs().max(largest))
}

fn add(to: &mut [f64], factor: f64, what: &[f64]) {
    to.iter_mut().zip(what).for_each(|(to, what)| *to += factor * what);
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::convert::Infallible;

    fn minimize(lbfgs: Lbfgs, start: Vec<f64>, f: impl Fn(&[f64]) -> (f64, Vec<f64>)) -> Minimum {
        lbfgs.minimize(start, |x| Ok::<_, Infallible>(f(x))).unwrap()
    }

    #[test]
    fn a_stretched_bowl_is_solved_exactly() {
        let scales: Vec<f64> = (0..20).map(|i| 10f64.powf(f64::from(i) / 5.0)).collect();
        let bowl = |x: &[f64]| {
            let value = x.iter().zip(&scales).map(|(x, s)| s * (x - 1.0).powi(2) / 2.0).sum();
            (value, x.iter().zip(&scales).map(|(x, s)| s * (x - 1.0)).collect())
        };
        let exact =
            Lbfgs { value_tolerance: 0.0, gradient_tolerance: 1e-8, max_steps: 1000, ..Lbfgs::default() };
        let minimum = minimize(exact, vec![0.0; 20], bowl);
        assert!(minimum.point.iter().all(|x| (x - 1.0).abs() < 1e-7), "{minimum:?}");
    }

    #[test]
    fn a_curved_valley_is_followed() {
        let rosenbrock = |x: &[f64]| {
            let (a, b) = (1.0 - x[0], x[1] - x[0] * x[0]);
            (a * a + 100.0 * b * b, vec![-2.0 * a - 400.0 * x[0] * b, 200.0 * b])
        };
        let exact = Lbfgs { value_tolerance: 0.0, ..Lbfgs::default() };
        let minimum = minimize(exact, vec![-1.2, 1.0], rosenbrock);
        assert!((minimum.point[0] - 1.0).abs() < 1e-4, "{minimum:?}");
    }

    #[test]
    fn steps_over_the_edge_are_shortened() {
        let wall = |x: &[f64]| (x[0] - x[0].ln(), vec![1.0 - 1.0 / x[0]]);
        let minimum = minimize(Lbfgs::default(), vec![1e-3], wall);
        assert!((minimum.point[0] - 1.0).abs() < 1e-3, "{minimum:?}");
    }

    #[test]
    fn where_nothing_falls_the_start_is_kept() {
        let flat = |_: &[f64]| (1.0, vec![0.0]);
        assert_eq!(
            minimize(Lbfgs::default(), vec![2.0], flat),
            Minimum { point: vec![2.0], value: 1.0, steps: 0 }
        );
    }
}
