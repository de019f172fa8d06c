//! Projective maps of the plane: every crop, flip, rotation, zoom and tilt is one, and so is any chain of them.
//!
//! Maps run from output to input: they tell where in the image an output pixel looks. A chain of transforms is
//! multiplied into one map first, so that the image is resampled once.

use std::f64::consts::PI;

/// A point `[x, y]`; x grows to the right, y downwards.
pub type Point = [f64; 2];

/// A projective map, as a 3x3 matrix over homogeneous coordinates.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Projective([[f64; 3]; 3]);

impl Projective {
    /// The map that moves nothing.
    pub const IDENTITY: Self = Self([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]);

    /// Stretches x by `sx` and y by `sy`, then moves by `dx` and `dy`.
    pub fn stretch(sx: f64, sy: f64, dx: f64, dy: f64) -> Self {
        Self([[sx, 0.0, dx], [0.0, sy, dy], [0.0, 0.0, 1.0]])
    }

    /// Rotates about the origin; as a map from output to input it turns the image counter-clockwise.
    pub fn rotation(degrees: f64) -> Self {
        let (sin, cos) = (degrees * PI / 180.0).sin_cos();
        Self([[cos, -sin, 0.0], [sin, cos, 0.0], [0.0, 0.0, 1.0]])
    }

    /// Takes the square's corners (-1,-1), (1,-1), (1,1), (-1,1) to `corners`, in that order.
    ///
    /// `None` if three corners lie on a line, or the quadrilateral is not convex: no such map, or none that keeps the
    /// square in one piece.
    pub fn square_to(corners: [Point; 4]) -> Option<Self> {
        let [a, b, c, d] = corners;
        // Solved for the unit square first: the classic square-to-quadrilateral formula.
        let cross = |u: Point, v: Point| u[0] * v[1] - u[1] * v[0];
        let minus = |u: Point, v: Point| [u[0] - v[0], u[1] - v[1]];
        let turns =
            [[a, b, c], [b, c, d], [c, d, a], [d, a, b]].map(|[p, q, r]| cross(minus(q, p), minus(r, q)));
        if !(turns.iter().all(|&turn| turn > 1e-12) || turns.iter().all(|&turn| turn < -1e-12)) {
            return None;
        }
        let (bc, dc) = (minus(b, c), minus(d, c));
        let sum = [a[0] - b[0] + c[0] - d[0], a[1] - b[1] + c[1] - d[1]];
        let g = cross(sum, dc) / cross(bc, dc);
        let h = cross(bc, sum) / cross(bc, dc);
        let row = |i: usize| [b[i] - a[i] + g * b[i], d[i] - a[i] + h * d[i], a[i]];
        let from_unit = Self([row(0), row(1), [g, h, 1.0]]);
        Some(from_unit.after(Self::stretch(0.5, 0.5, 0.5, 0.5)))
    }

    /// The map that applies `first`, then `self`.
    pub fn after(self, first: Self) -> Self {
        let (a, b) = (self.0, first.0);
        Self(std::array::from_fn(|i| std::array::from_fn(|j| (0..3).map(|k| a[i][k] * b[k][j]).sum())))
    }

    /// The map that undoes this one; `None` if it flattens the plane.
    pub fn inverse(self) -> Option<Self> {
        let m = self.0;
        let cofactor = |i: usize, j: usize| {
            let ([a, b], [c, d]) = ([(i + 1) % 3, (i + 2) % 3], [(j + 1) % 3, (j + 2) % 3]);
            m[a][c] * m[b][d] - m[a][d] * m[b][c]
        };
        let determinant: f64 = (0..3).map(|j| m[0][j] * cofactor(0, j)).sum();
        let inverse = Self(std::array::from_fn(|i| std::array::from_fn(|j| cofactor(j, i) / determinant)));
        (determinant.abs() > 1e-12).then_some(inverse)
    }

    /// Where `point` goes.
    pub fn apply(&self, [x, y]: Point) -> Point {
        let [u, v, w] = self.0.map(|[a, b, c]| a * x + b * y + c);
        [u / w, v / w]
    }

    /// How far input x and input y move per output pixel at `point`, in the direction in which they move most.
    pub fn local_scale(&self, point: Point) -> [f64; 2] {
        let m = self.0;
        let [x, y] = self.apply(point);
        let w = m[2][0] * point[0] + m[2][1] * point[1] + m[2][2];
        let slope = |row: usize, at: f64| {
            let [du, dv] = [0, 1].map(|column| (m[row][column] - at * m[2][column]) / w);
            du.hypot(dv)
        };
        [slope(0, x), slope(1, y)]
    }

    /// `(sx, sy, dx, dy)` if the map is a [`Projective::stretch`]: no rotation, no tilt.
    pub fn as_stretch(&self) -> Option<(f64, f64, f64, f64)> {
        let [[sx, a, dx], [b, sy, dy], [g, h, w]] = self.0;
        let straight = [a, b, g, h].iter().all(|element| *element == 0.0) && w != 0.0;
        straight.then_some((sx / w, sy / w, dx / w, dy / w))
    }

    /// The numerators and the denominator of `apply` along the row `y`: each is `slope * x + offset`.
    pub(super) fn along_row(&self, y: f64) -> [(f64, f64); 3] {
        self.0.map(|[a, b, c]| (a, b * y + c))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SQUARE: [Point; 4] = [[-1.0, -1.0], [1.0, -1.0], [1.0, 1.0], [-1.0, 1.0]];

    fn close(a: Point, b: Point) -> bool {
        (a[0] - b[0]).abs() < 1e-9 && (a[1] - b[1]).abs() < 1e-9
    }

    #[test]
    fn square_goes_to_its_corners_and_back() {
        let corners = [[-1.2, -0.9], [1.1, -1.3], [0.7, 0.8], [-1.0, 1.4]];
        let map = Projective::square_to(corners).unwrap();
        let back = map.inverse().unwrap();
        for (from, to) in SQUARE.into_iter().zip(corners) {
            assert!(close(map.apply(from), to), "{from:?} -> {:?}", map.apply(from));
            assert!(close(back.apply(to), from));
        }
        assert!(close(Projective::square_to(SQUARE).unwrap().apply([0.3, -0.6]), [0.3, -0.6]));
    }

    #[test]
    fn folded_quadrilaterals_have_no_map() {
        assert_eq!(Projective::square_to([[0.0, 0.0], [1.0, 1.0], [1.0, 0.0], [0.0, 1.0]]), None, "bow tie");
        assert_eq!(
            Projective::square_to([[0.0, 0.0], [1.0, 0.0], [2.0, 0.0], [0.0, 1.0]]),
            None,
            "three on a line"
        );
        assert_eq!(Projective::stretch(0.0, 1.0, 0.0, 0.0).inverse(), None);
    }

    #[test]
    fn chains_apply_the_inner_map_first() {
        let chain = Projective::stretch(2.0, 3.0, 0.0, 0.0).after(Projective::stretch(1.0, 1.0, 5.0, 7.0));
        assert_eq!(chain.apply([1.0, 1.0]), [12.0, 24.0]);
        assert_eq!(chain.as_stretch(), Some((2.0, 3.0, 10.0, 21.0)));
        assert_eq!(Projective::rotation(5.0).as_stretch(), None);
    }

    #[test]
    fn quarter_turn_looks_where_the_image_came_from() {
        // The top centre of the output shows what was at the right: the image has turned counter-clockwise.
        assert!(close(Projective::rotation(90.0).apply([0.0, -1.0]), [1.0, 0.0]));
    }

    #[test]
    fn local_scale_matches_finite_differences() {
        let map = Projective::square_to([[-9.0, -8.0], [7.0, -9.0], [8.0, 9.0], [-6.0, 7.0]]).unwrap();
        let (point, step) = ([0.2, -0.4], 1e-6);
        let at = map.apply(point);
        let right = map.apply([point[0] + step, point[1]]);
        let below = map.apply([point[0], point[1] + step]);
        for axis in 0..2 {
            let slope = ((right[axis] - at[axis]) / step).hypot((below[axis] - at[axis]) / step);
            assert!((map.local_scale(point)[axis] - slope).abs() < 1e-4);
        }
    }
}
