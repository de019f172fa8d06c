//! The part that depends on the operating system: regions of memory, and the heap. Instructions are [`IsaLevel`](crate::IsaLevel)'s.

#[cfg(any(unix, windows))]
pub(crate) use mapped::{REGION_BYTES, Region};

#[cfg(not(any(unix, windows)))]
pub(crate) use heap::{REGION_BYTES, Region};

/// Gives memory that the heap holds unused back to the system, where the heap would keep it.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
pub(crate) fn trim_heap() {
    unsafe extern "C" {
        fn malloc_trim(pad: usize) -> std::ffi::c_int;
    }
    // SAFETY: it takes any number, locks the heap itself and moves nothing that is in use.
    unsafe { malloc_trim(0) };
}

/// Gives memory that the heap holds unused back to the system, where the heap would keep it.
#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
pub(crate) fn trim_heap() {}

/// Regions mapped from the system, which backs with memory what is touched.
#[cfg(any(unix, windows))]
mod mapped {
    use memmap2::MmapMut;

    /// Of a region, unless a buffer is larger.
    pub(crate) const REGION_BYTES: usize = 256 << 20;

    /// Memory that begins on a page.
    pub(crate) struct Region(MmapMut);

    impl Region {
        /// This many bytes, all 0; `None` if the system has none left.
        pub(crate) fn new(bytes: usize) -> Option<Self> {
            let region = MmapMut::map_anon(bytes).ok()?;
            // Fewer page faults; without them it is slower and nothing else.
            #[cfg(target_os = "linux")]
            let _ = region.advise(memmap2::Advice::HugePage);
            Some(Self(region))
        }

        pub(crate) fn len(&self) -> usize {
            self.0.len()
        }

        pub(crate) fn as_mut_ptr(&mut self) -> *mut u8 {
            self.0.as_mut_ptr()
        }
    }
}

/// Regions from the heap, where nothing can be mapped: all of their memory is taken at once, so they are smaller.
#[cfg(any(test, not(any(unix, windows))))]
mod heap {
    /// Of a region, unless a buffer is larger.
    pub(crate) const REGION_BYTES: usize = 16 << 20;

    /// Memory aligned to a cache line.
    pub(crate) struct Region(Vec<Line>);

    #[derive(Clone, Copy)]
    #[repr(align(64))]
    struct Line(#[expect(dead_code, reason = "read and written through pointers")] [u8; 64]);

    impl Region {
        /// This many bytes or up to 63 more, all 0; `None` if there is no memory left.
        pub(crate) fn new(bytes: usize) -> Option<Self> {
            let mut lines = vec![];
            lines.try_reserve_exact(bytes.div_ceil(64)).ok()?;
            lines.resize(bytes.div_ceil(64), Line([0; 64]));
            Some(Self(lines))
        }

        pub(crate) fn len(&self) -> usize {
            size_of_val(&self.0[..])
        }

        pub(crate) fn as_mut_ptr(&mut self) -> *mut u8 {
            self.0.as_mut_ptr().cast()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::heap::{REGION_BYTES, Region};

    #[test]
    fn regions_from_the_heap_are_aligned_and_large_enough() {
        for bytes in [64, 4096, REGION_BYTES] {
            let mut region = Region::new(bytes).unwrap();
            assert_eq!(region.len(), bytes);
            assert!(region.as_mut_ptr().addr().is_multiple_of(64));
        }
    }
}
