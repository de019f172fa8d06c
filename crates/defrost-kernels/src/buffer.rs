//! Memory for outputs and working space, which is used again and again.
//!
//! A training step asks for the same few hundred sizes again and again. Memory fresh from the system costs a page
//! fault per 4 KiB and is zeroed twice, which for thin layers takes longer than their arithmetic. So buffers are cut
//! out of a few large regions that stay mapped, and what is dropped joins its free neighbours. Built with
//! `--cfg separate_buffers`, each is an allocation of its own instead.

use std::alloc::{Layout, alloc_zeroed, dealloc};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::marker::PhantomData;
use std::ops::{Deref, DerefMut};
use std::panic::panic_any;
use std::ptr::NonNull;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::platform::{REGION_BYTES, Region, trim_heap};

/// A cache line, and the widest vector.
const ALIGNMENT: usize = 64;

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

/// The system has no memory left for a buffer. [`Buffer::new`] panics with it, so that a program can say so and end in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutOfMemory {
    /// How large the buffer is.
    pub bytes: usize,
}

/// Elements to be overwritten: they begin as any values, of an earlier buffer most likely.
pub struct Buffer<T: Plain> {
    block: Block,
    len: usize,
    element: PhantomData<T>,
}

impl<T: Plain> Buffer<T> {
    /// This many elements, aligned to 64 bytes.
    ///
    /// # Panics
    ///
    /// With [`OutOfMemory`] if the system has no memory left.
    pub fn new(len: usize) -> Self {
        let layout = Layout::array::<T>(len).expect("a length that fits the address space");
        let taken = if cfg!(separate_buffers) { Block::separate(layout) } else { Pool::lock().take(layout) };
        let block = taken.unwrap_or_else(|error| panic_any(error));
        let mut buffer = Self { block, len, element: PhantomData };
        if cfg!(debug_assertions) {
            // SAFETY: the block has at least this many bytes, and any bytes are a value. These are NaN.
            unsafe { buffer.as_mut_ptr().write_bytes(0xFF, len) };
        }
        buffer
    }

    /// This many elements of value 0, whose bytes are all 0.
    pub fn zeroed(len: usize) -> Self {
        let mut buffer = Self::new(len);
        // SAFETY: the block has at least this many bytes, and any bytes are a value.
        unsafe { buffer.as_mut_ptr().write_bytes(0, len) };
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
        // SAFETY: the block holds at least `len` elements' bytes at an alignment of 64, mapped as zeros or written since,
        // and any bytes are a value of T.
        unsafe { std::slice::from_raw_parts(self.block.start.as_ptr().cast::<T>(), self.len) }
    }
}

impl<T: Plain> DerefMut for Buffer<T> {
    #[inline(always)]
    fn deref_mut(&mut self) -> &mut [T] {
        // SAFETY: as in `deref`; blocks do not overlap, and `self` is borrowed mutably.
        unsafe { std::slice::from_raw_parts_mut(self.block.start.as_ptr().cast::<T>(), self.len) }
    }
}

impl<T: Plain> AsRef<[u8]> for Buffer<T> {
    fn as_ref(&self) -> &[u8] {
        // SAFETY: these bytes are the elements, and they are initialised.
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
        if cfg!(separate_buffers) {
            self.block.free();
        } else {
            Pool::lock().give_back(&self.block);
        }
    }
}

/// Gives the memory of regions that no buffer lies in back to the system, and what the heap holds unused.
pub fn release_memory() {
    Pool::lock().release();
    trim_heap();
}

/// A piece of a region (or, under `separate_buffers`, an allocation), one owner's alone.
struct Block {
    start: NonNull<u8>,
    place: Offset,
    bytes: usize,
}

impl Block {
    /// An allocation of its own, with nothing behind its last byte: where address sanitizer sees overruns.
    fn separate(layout: Layout) -> Result<Self, OutOfMemory> {
        let layout = Layout::from_size_align(layout.size().max(1), ALIGNMENT).expect("as large as before");
        // SAFETY: the size is not 0.
        let start = NonNull::new(unsafe { alloc_zeroed(layout) });
        let start = start.ok_or(OutOfMemory { bytes: layout.size() })?;
        Ok(Self { start, place: (0, 0), bytes: layout.size() })
    }

    /// Ends a [`Block::separate`] one.
    fn free(&self) {
        // SAFETY: allocated with this layout; called once, when its only owner is dropped.
        unsafe { dealloc(self.start.as_ptr(), Layout::from_size_align_unchecked(self.bytes, ALIGNMENT)) };
    }
}

// SAFETY: it owns its memory.
unsafe impl Send for Block {}
// SAFETY: shared, it is only read.
unsafe impl Sync for Block {}

/// Region and byte in it.
type Offset = (usize, usize);

static POOL: Mutex<Pool> = Mutex::new(Pool::new());

/// All regions, and which parts of them are free. Free parts never touch each other, all sizes are multiples of
/// [`ALIGNMENT`].
struct Pool {
    /// `None` where one was released.
    regions: Vec<Option<Region>>,
    free: BTreeMap<Offset, usize>,
    by_size: BTreeSet<(usize, Offset)>,
}

impl Pool {
    const fn new() -> Self {
        Self { regions: vec![], free: BTreeMap::new(), by_size: BTreeSet::new() }
    }

    fn lock() -> MutexGuard<'static, Self> {
        POOL.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Out of the smallest free part that is large enough.
    fn take(&mut self, layout: Layout) -> Result<Block, OutOfMemory> {
        let bytes = layout.size().max(1).next_multiple_of(ALIGNMENT);
        let (size, place) = match self.by_size.range((bytes, (0, 0))..).next() {
            Some(&found) => found,
            // Where there is no room for a whole region, there may be for the buffer.
            None => self.map(bytes.max(REGION_BYTES)).or_else(|_| self.map(bytes))?,
        };
        self.remove(place, size);
        if size > bytes {
            self.insert((place.0, place.1 + bytes), size - bytes);
        }
        let region = self.regions[place.0].as_mut().expect("free parts lie in regions");
        // SAFETY: free parts lie within their region, whose memory is mapped until no block is left in it.
        let start = unsafe { NonNull::new_unchecked(region.as_mut_ptr().add(place.1)) };
        Ok(Block { start, place, bytes })
    }

    /// Joins the block with its free neighbours.
    fn give_back(&mut self, block: &Block) {
        let (mut place, mut size) = (block.place, block.bytes);
        if let Some(&after) = self.free.get(&(place.0, place.1 + size)) {
            self.remove((place.0, place.1 + size), after);
            size += after;
        }
        if let Some((&before, &len)) = self.free.range((place.0, 0)..place).next_back()
            && before.1 + len == place.1
        {
            self.remove(before, len);
            (place, size) = (before, size + len);
        }
        self.insert(place, size);
    }

    /// A new region, all of it free.
    fn map(&mut self, bytes: usize) -> Result<(usize, Offset), OutOfMemory> {
        let region = Region::new(bytes).ok_or(OutOfMemory { bytes })?;
        let index = self.regions.iter().position(Option::is_none).unwrap_or(self.regions.len());
        if index == self.regions.len() {
            self.regions.push(None);
        }
        self.regions[index] = Some(region);
        self.insert((index, 0), bytes);
        Ok((bytes, (index, 0)))
    }

    fn release(&mut self) {
        for (index, region) in self.regions.iter_mut().enumerate() {
            let Some(bytes) = region.as_ref().map(Region::len) else { continue };
            if self.free.get(&(index, 0)) == Some(&bytes) {
                *region = None;
                self.free.remove(&(index, 0));
                self.by_size.remove(&(bytes, (index, 0)));
            }
        }
    }

    fn insert(&mut self, place: Offset, size: usize) {
        self.free.insert(place, size);
        self.by_size.insert((size, place));
    }

    fn remove(&mut self, place: Offset, size: usize) {
        self.free.remove(&place);
        self.by_size.remove(&(size, place));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layout(bytes: usize) -> Layout {
        Layout::array::<u8>(bytes).unwrap()
    }

    #[test]
    fn what_is_given_back_is_whole_again() {
        let mut pool = Pool::new();
        let sizes = [1000, 64, 1, 0, 5000, 128];
        let blocks: Vec<Block> = sizes.iter().map(|&size| pool.take(layout(size)).unwrap()).collect();
        for (block, next) in blocks.iter().zip(&blocks[1..]) {
            assert!(block.start.addr().get().is_multiple_of(ALIGNMENT));
            assert_eq!(block.place.1 + block.bytes, next.place.1, "blocks touch and do not overlap");
        }
        for index in [3, 1, 4, 0, 5, 2] {
            pool.give_back(&blocks[index]);
        }
        assert_eq!(pool.free.iter().collect::<Vec<_>>(), [(&(0, 0), &REGION_BYTES)]);
        assert_eq!(pool.by_size.iter().collect::<Vec<_>>(), [&(REGION_BYTES, (0, 0))]);
    }

    #[test]
    fn the_tightest_part_is_taken() {
        let mut pool = Pool::new();
        let blocks: Vec<Block> =
            [640, 64, 128, 64].iter().map(|&size| pool.take(layout(size)).unwrap()).collect();
        pool.give_back(&blocks[0]);
        pool.give_back(&blocks[2]);
        assert_eq!(pool.take(layout(100)).unwrap().place, blocks[2].place);
        assert_eq!(pool.take(layout(100)).unwrap().place, blocks[0].place);
    }

    #[test]
    fn empty_regions_are_released() {
        let mut pool = Pool::new();
        let mut take = |bytes: usize| pool.take(layout(bytes)).unwrap();
        let (small, large) = (take(100), take(REGION_BYTES + 1));
        assert_eq!((small.place.0, large.place.0), (0, 1));
        pool.give_back(&large);
        pool.release();
        assert!(pool.regions[0].is_some() && pool.regions[1].is_none());
        assert_eq!(pool.take(layout(2 * REGION_BYTES)).unwrap().place, (1, 0), "the number is used again");
    }

    #[test]
    fn memory_that_the_system_has_not_is_an_error_and_the_pool_goes_on() {
        let mut pool = Pool::new();
        let bytes = 1 << (usize::BITS - 4);
        assert_eq!(pool.take(layout(bytes)).err(), Some(OutOfMemory { bytes }));
        assert!(pool.take(layout(100)).is_ok());
        let panic = std::panic::catch_unwind(|| Buffer::<f32>::new(bytes / 4)).unwrap_err();
        assert_eq!(panic.downcast_ref(), Some(&OutOfMemory { bytes }));
        assert_eq!(Buffer::<f32>::zeroed(3)[..], [0.0; 3]);
    }

    #[test]
    fn buffers_hold_what_was_written() {
        let buffers: Vec<Buffer<f32>> = (0..50).map(|n| Buffer::copy_of(&vec![n as f32; 10 * n])).collect();
        for (n, buffer) in buffers.iter().enumerate() {
            assert!(buffer.len() == 10 * n && buffer.iter().all(|value| *value == n as f32));
        }
    }
}
