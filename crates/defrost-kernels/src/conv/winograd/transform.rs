//! The linear maps of F(2×2, 3×3), over vectors of channels.
//!
//! In one dimension, of a patch `d` of four, a kernel `g` of three and the four products `m` of their images:
//!
//! ```text
//! patch    d0 - d2, d1 + d2, d2 - d1, d1 - d3
//! kernel   g0, (g0 + g1 + g2) / 2, (g0 - g1 + g2) / 2, g2
//! block    m0 + m1 + m2, m1 - m2 - m3
//! ```
//!
//! The gradients of kernel and block go through the transposes of their maps. In two dimensions each is applied to columns, then to rows. (Lavin, Gray: *Fast Algorithms for Convolutional Neural
//! Networks*, 2016.)

use crate::simd::Simd;

/// Four rows of four, or their images: as many positions.
pub(super) type Patch<V> = [[V; 4]; 4];

/// The image of a patch of the source.
#[inline(always)]
pub(super) fn patch<S: Simd>(s: S, d: Patch<S::V>) -> Patch<S::V> {
    let [a, b, c, d] = d;
    let zero = [s.splat(0.0); 4];
    let mut columns = [zero; 4];
    for at in 0..4 {
        [columns[0][at], columns[1][at], columns[2][at], columns[3][at]] =
            patch_line(s, [a[at], b[at], c[at], d[at]]);
    }
    let [a, b, c, d] = columns;
    [patch_line(s, a), patch_line(s, b), patch_line(s, c), patch_line(s, d)]
}

#[inline(always)]
fn patch_line<S: Simd>(s: S, [a, b, c, d]: [S::V; 4]) -> [S::V; 4] {
    [s.sub(a, c), s.add(b, c), s.sub(c, b), s.sub(b, d)]
}

/// The image of a kernel.
#[inline(always)]
pub(super) fn kernel<S: Simd>(s: S, [a, b, c]: [[S::V; 3]; 3]) -> Patch<S::V> {
    let mut columns = [[s.splat(0.0); 3]; 4];
    for at in 0..3 {
        [columns[0][at], columns[1][at], columns[2][at], columns[3][at]] =
            kernel_line(s, [a[at], b[at], c[at]]);
    }
    let [a, b, c, d] = columns;
    [kernel_line(s, a), kernel_line(s, b), kernel_line(s, c), kernel_line(s, d)]
}

#[inline(always)]
fn kernel_line<S: Simd>(s: S, [a, b, c]: [S::V; 3]) -> [S::V; 4] {
    let half = s.splat(0.5);
    let (ends, middle) = (s.mul(s.add(a, c), half), s.mul(b, half));
    [a, s.add(ends, middle), s.sub(ends, middle), c]
}

/// Two rows of two pixels.
pub(super) type Block<V> = [[V; 2]; 2];

/// The block of a patch's products.
#[inline(always)]
pub(super) fn block<S: Simd>(s: S, m: Patch<S::V>) -> Block<S::V> {
    let [a, b, c, d] = m;
    let mut columns = [[s.splat(0.0); 4]; 2];
    for at in 0..4 {
        [columns[0][at], columns[1][at]] = block_line(s, [a[at], b[at], c[at], d[at]]);
    }
    let [a, b] = columns;
    [block_line(s, a), block_line(s, b)]
}

#[inline(always)]
fn block_line<S: Simd>(s: S, [a, b, c, d]: [S::V; 4]) -> [S::V; 2] {
    [s.add(a, s.add(b, c)), s.sub(b, s.add(c, d))]
}

/// The image of a block's gradient: the transpose of [`block`].
#[inline(always)]
pub(super) fn block_gradient<S: Simd>(s: S, [a, b]: Block<S::V>) -> Patch<S::V> {
    let mut columns = [[s.splat(0.0); 2]; 4];
    for at in 0..2 {
        [columns[0][at], columns[1][at], columns[2][at], columns[3][at]] =
            block_gradient_line(s, [a[at], b[at]]);
    }
    let [a, b, c, d] = columns;
    [
        block_gradient_line(s, a),
        block_gradient_line(s, b),
        block_gradient_line(s, c),
        block_gradient_line(s, d),
    ]
}

#[inline(always)]
fn block_gradient_line<S: Simd>(s: S, [a, b]: [S::V; 2]) -> [S::V; 4] {
    [a, s.add(a, b), s.sub(a, b), s.sub(s.splat(0.0), b)]
}

/// A kernel's gradient, of that of its image: the transpose of [`kernel`].
#[inline(always)]
pub(super) fn kernel_gradient<S: Simd>(s: S, m: Patch<S::V>) -> [[S::V; 3]; 3] {
    let [a, b, c, d] = m;
    let mut columns = [[s.splat(0.0); 4]; 3];
    for at in 0..4 {
        [columns[0][at], columns[1][at], columns[2][at]] =
            kernel_gradient_line(s, [a[at], b[at], c[at], d[at]]);
    }
    let [a, b, c] = columns;
    [kernel_gradient_line(s, a), kernel_gradient_line(s, b), kernel_gradient_line(s, c)]
}

#[inline(always)]
fn kernel_gradient_line<S: Simd>(s: S, [a, b, c, d]: [S::V; 4]) -> [S::V; 3] {
    let half = s.splat(0.5);
    let (sum, difference) = (s.mul(s.add(b, c), half), s.mul(s.sub(b, c), half));
    [s.add(a, sum), difference, s.add(sum, d)]
}
