//! Memory for outputs and working space, given back to the next who asks.
//!
//! A training step asks for the same few hundred sizes again and again. Memory fresh from the system costs a page
//! fault per 4 KiB and is zeroed twice, which for thin layers takes longer than their arithmetic; so buffers are
//! kept when they are dropped. What is kept and what is in use together never exceed what was once in use at the
//! same time by more than a quarter.

use std::alloc::{Layout, alloc, dealloc, handle_alloc_error};
use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;
use std::mem::ManuallyDrop;
use std::ops::{Deref, DerefMut};
use std::ptr::NonNull;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// A cache line, and the widest vector.
const ALIGNMENT: usize = 64;

/// Blocks from this size on begin at a multiple of it: the system may then back them with pages as large.
const HUGE_PAGE: usize = 2 << 20;

/// Always kept.
const LEAST_KEPT: usize = 32 << 20;

/// Types of which any bytes are a value.
///
/// # Safety
///
/// Every bit pattern is valid, the alignment is at most 64, and there is no drop.
pub unsafe trait Plain: Copy + Send + Sync + 'static {}

// SAFETY: every bit pattern is a float.
unsafe impl Plain for f32 {}
// SAFETY: a wrapper of u16.
unsafe impl Plain for half::bf16 {}

/// Elements to be overwritten: they begin as any values, of an earlier buffer most likely.
pub struct Buffer<T: Plain> {
    /// Goes back to the pool instead of being dropped.
    block: ManuallyDrop<Block>,
    len: usize,
    element: PhantomData<T>,
}

impl<T: Plain> Buffer<T> {
    /// So many elements, aligned to 64 bytes.
    pub fn new(len: usize) -> Self {
        let bytes = len.checked_mul(size_of::<T>()).expect("a length that fits the address space");
        let buffer = Self { block: ManuallyDrop::new(Pool::take(bytes)), len, element: PhantomData };
        if cfg!(debug_assertions) {
            // SAFETY: the block has at least so many bytes, and any bytes are a value. These are no number.
            unsafe { buffer.block.start.write_bytes(0xFF, bytes) };
        }
        buffer
    }

    /// A copy of these elements.
    pub fn copy_of(elements: &[T]) -> Self {
        let mut buffer = Self::new(elements.len());
        buffer.copy_from_slice(elements);
        buffer
    }
}

impl<T: Plain> Deref for Buffer<T> {
    type Target = [T];

    #[inline(always)]
    fn deref(&self) -> &[T] {
        // SAFETY: the block holds at least `len` elements' initialised bytes at an alignment of 64, and any bytes are
        // a value of T.
        unsafe { std::slice::from_raw_parts(self.block.start.as_ptr().cast::<T>(), self.len) }
    }
}

impl<T: Plain> DerefMut for Buffer<T> {
    #[inline(always)]
    fn deref_mut(&mut self) -> &mut [T] {
        // SAFETY: as in `deref`, and `self` is borrowed mutably.
        unsafe { std::slice::from_raw_parts_mut(self.block.start.as_ptr().cast::<T>(), self.len) }
    }
}

impl<T: Plain> AsRef<[u8]> for Buffer<T> {
    fn as_ref(&self) -> &[u8] {
        // SAFETY: so many bytes are the elements, and they are initialised.
        unsafe { std::slice::from_raw_parts(self.block.start.as_ptr(), self.len * size_of::<T>()) }
    }
}

impl<T: Plain + fmt::Debug> fmt::Debug for Buffer<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl<T: Plain> Drop for Buffer<T> {
    fn drop(&mut self) {
        // SAFETY: taken once, here.
        Pool::give_back(unsafe { ManuallyDrop::take(&mut self.block) });
    }
}

/// Gives all memory that is kept but not in use back to the system.
pub fn release_memory() {
    let mut pool = Pool::lock();
    let free = std::mem::take(&mut pool.free);
    pool.free_bytes = 0;
    pool.most_in_use = pool.in_use;
    drop(pool);
    drop(free);
}

/// A piece of memory, all of it initialised.
struct Block {
    start: NonNull<u8>,
    bytes: usize,
}

// SAFETY: it owns its memory.
unsafe impl Send for Block {}
// SAFETY: shared, it is only read.
unsafe impl Sync for Block {}

impl Block {
    fn new(bytes: usize) -> Self {
        let layout = Self::layout(bytes);
        // SAFETY: the layout's size is not 0.
        let Some(start) = NonNull::new(unsafe { alloc(layout) }) else { handle_alloc_error(layout) };
        advise_huge_pages(start, layout);
        // SAFETY: the allocation has so many bytes.
        unsafe { start.write_bytes(0, layout.size()) };
        Self { start, bytes: layout.size() }
    }

    fn layout(bytes: usize) -> Layout {
        let alignment = if bytes >= HUGE_PAGE { HUGE_PAGE } else { ALIGNMENT };
        let size = bytes.max(1).checked_next_multiple_of(ALIGNMENT);
        size.and_then(|size| Layout::from_size_align(size, alignment).ok())
            .expect("a length that fits the address space")
    }
}

impl Drop for Block {
    fn drop(&mut self) {
        // SAFETY: allocated with the same layout; `bytes` is its size.
        unsafe { dealloc(self.start.as_ptr(), Self::layout(self.bytes)) }
    }
}

#[cfg(all(target_os = "linux", not(miri)))]
fn advise_huge_pages(start: NonNull<u8>, layout: Layout) {
    if layout.align() == HUGE_PAGE {
        // SAFETY: the range was just allocated; the advice changes no contents. It may be refused, and then nothing is
        // different.
        unsafe { libc::madvise(start.as_ptr().cast(), layout.size(), libc::MADV_HUGEPAGE) };
    }
}

#[cfg(not(all(target_os = "linux", not(miri))))]
fn advise_huge_pages(_: NonNull<u8>, _: Layout) {}

static POOL: Mutex<Pool> = Mutex::new(Pool::new());

/// Blocks that nobody uses.
struct Pool {
    /// By size, then by when they were given back.
    free: BTreeMap<(usize, u64), Block>,
    free_bytes: usize,
    in_use: usize,
    most_in_use: usize,
    given_back: u64,
}

impl Pool {
    const fn new() -> Self {
        Self { free: BTreeMap::new(), free_bytes: 0, in_use: 0, most_in_use: 0, given_back: 0 }
    }

    fn lock() -> MutexGuard<'static, Self> {
        // Nothing in here panics half-way.
        POOL.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The smallest free block that is large enough and not much larger, or a new one.
    fn take(bytes: usize) -> Block {
        let size = Block::layout(bytes).size();
        let mut pool = Self::lock();
        let found = pool.pop(size);
        pool.in_use += found.as_ref().map_or(size, |block| block.bytes);
        pool.most_in_use = pool.most_in_use.max(pool.in_use);
        let unwanted = pool.shrink();
        drop(pool);
        drop(unwanted);
        found.unwrap_or_else(|| Block::new(bytes))
    }

    fn give_back(block: Block) {
        let mut pool = Self::lock();
        pool.in_use -= block.bytes;
        pool.free_bytes += block.bytes;
        pool.given_back += 1;
        let key = (block.bytes, pool.given_back);
        pool.free.insert(key, block);
    }

    /// Of the smallest blocks that fit, the one given back last: the caches may still hold it.
    fn pop(&mut self, size: usize) -> Option<Block> {
        let &(fitting, _) = self.free.range((size, 0)..=(size + size / 4, u64::MAX)).next()?.0;
        let &key = self.free.range((fitting, 0)..=(fitting, u64::MAX)).next_back()?.0;
        self.remove(key)
    }

    fn remove(&mut self, key: (usize, u64)) -> Option<Block> {
        let block = self.free.remove(&key)?;
        self.free_bytes -= block.bytes;
        Some(block)
    }

    /// Takes out what has lain longest until all that is held is within its bound.
    fn shrink(&mut self) -> Vec<Block> {
        let bound = (self.most_in_use + self.most_in_use / 4).max(LEAST_KEPT);
        let mut unwanted = vec![];
        while self.in_use + self.free_bytes > bound {
            let Some(&oldest) = self.free.keys().min_by_key(|(_, given_back)| *given_back) else { break };
            unwanted.extend(self.remove(oldest));
        }
        unwanted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// No other test of this binary asks for blocks of about this size.
    const LEN: usize = 5_000_003;

    #[test]
    fn a_dropped_buffer_is_the_next_of_its_size() {
        let first = Buffer::<f32>::new(LEN);
        let place = first.as_ptr();
        assert!(place.addr().is_multiple_of(ALIGNMENT));
        drop(first);
        let second = Buffer::<f32>::new(LEN - 1000);
        assert_eq!(second.as_ptr(), place);
        assert_ne!(Buffer::<f32>::new(LEN).as_ptr(), place, "one block is not lent twice");
    }

    #[test]
    fn what_is_kept_is_bounded() {
        let mut pool = Pool { most_in_use: 80 << 20, ..Pool::new() };
        for age in 1..=5 {
            let block = Block::new(25 << 20);
            pool.free_bytes += block.bytes;
            pool.free.insert((block.bytes, age), block);
        }
        assert_eq!(pool.shrink().len(), 1);
        assert_eq!(pool.free.keys().map(|&(_, age)| age).min(), Some(2), "the oldest went");
    }

    #[test]
    fn empty_buffers_are_buffers() {
        assert!(Buffer::<f32>::new(0).is_empty() && Buffer::copy_of(&[1.5f32, 2.0])[..] == [1.5, 2.0]);
    }
}
