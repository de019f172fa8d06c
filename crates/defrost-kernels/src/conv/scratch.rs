//! Working memory, aligned to cache lines and kept by the thread for its next call.
//!
//! Fresh memory costs a page fault per 4 KiB, which for large weights takes as long as their convolution.

use std::cell::RefCell;

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

/// Lends `len` elements of any value, aligned to 64 bytes.
pub(super) fn with<P: Plain, R>(len: usize, body: impl FnOnce(&mut [P]) -> R) -> R {
    let lines = (len * size_of::<P>()).div_ceil(64);
    let mut buffer = FREE.with_borrow_mut(Vec::pop).unwrap_or_default();
    if buffer.len() < lines {
        buffer.resize(lines, Line([0; 64]));
    }
    // SAFETY: the buffer holds at least `len * size_of::<P>()` initialised bytes at an alignment of 64, any bytes
    // are a value of P, and the slice borrows nothing else.
    let slice = unsafe { std::slice::from_raw_parts_mut(buffer.as_mut_ptr().cast::<P>(), len) };
    let result = body(slice);
    if buffer.len() * 64 <= KEPT_BYTES {
        FREE.with_borrow_mut(|free| free.push(buffer));
    }
    result
}
