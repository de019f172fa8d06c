//! Working memory, aligned to cache lines and kept by the thread for its next call.
//!
//! Fresh memory costs a page fault per 4 KiB, which for large weights takes as long as their convolution.

use std::cell::RefCell;
use std::marker::PhantomData;
use std::ops::{Deref, DerefMut};

/// A buffer larger than this is given back to the system after use.
const KEPT_BYTES: usize = 32 << 20;

#[derive(Clone, Copy)]
#[repr(C, align(64))]
struct Line([u8; 64]);

thread_local! {
    static FREE: RefCell<Vec<Vec<Line>>> = const { RefCell::new(Vec::new()) };
}

/// Types of which any bytes are a value.
///
/// # Safety
///
/// Every bit pattern is valid, the alignment is at most 64, and there is no drop.
pub(super) unsafe trait Plain: Copy {}

// SAFETY: every bit pattern is a float.
unsafe impl Plain for f32 {}
// SAFETY: a wrapper of u16.
unsafe impl Plain for half::bf16 {}

/// Borrowed working memory: `len` elements of any value, aligned to 64 bytes.
pub(super) struct Scratch<P> {
    lines: Vec<Line>,
    len: usize,
    product: PhantomData<P>,
}

impl<P: Plain> Scratch<P> {
    pub(super) fn new(len: usize) -> Self {
        let needed = (len * size_of::<P>()).div_ceil(64);
        let mut lines = FREE.with_borrow_mut(Vec::pop).unwrap_or_default();
        if lines.len() < needed {
            lines.resize(needed, Line([0; 64]));
        }
        Self { lines, len, product: PhantomData }
    }
}

impl<P: Plain> Deref for Scratch<P> {
    type Target = [P];

    #[inline(always)]
    fn deref(&self) -> &[P] {
        // SAFETY: the lines hold at least `len * size_of::<P>()` initialised bytes at an alignment of 64, and any bytes
        // are a value of P.
        unsafe { std::slice::from_raw_parts(self.lines.as_ptr().cast::<P>(), self.len) }
    }
}

impl<P: Plain> DerefMut for Scratch<P> {
    #[inline(always)]
    fn deref_mut(&mut self) -> &mut [P] {
        // SAFETY: as in `deref`, and `self` is borrowed mutably.
        unsafe { std::slice::from_raw_parts_mut(self.lines.as_mut_ptr().cast::<P>(), self.len) }
    }
}

impl<P> Drop for Scratch<P> {
    fn drop(&mut self) {
        if self.lines.len() * size_of::<Line>() <= KEPT_BYTES {
            let lines = std::mem::take(&mut self.lines);
            // A thread that is ending keeps nothing.
            let _ = FREE.try_with(|free| free.borrow_mut().push(lines));
        }
    }
}
