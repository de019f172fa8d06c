//! Seeded data, a guard band, and the levels of this machine.

use defrost_kernels::{Element, IsaLevel};

/// The levels this machine has. One it lacks is named on stderr, or fails the test if `DEFROST_REQUIRE` names it.
pub fn levels() -> impl Iterator<Item = IsaLevel> {
    let required = std::env::var("DEFROST_REQUIRE").unwrap_or_default();
    assert!(
        required.is_empty() || IsaLevel::NAMES.contains(&required.as_str()),
        "DEFROST_REQUIRE={required}: the levels are {:?}",
        IsaLevel::NAMES
    );
    IsaLevel::NAMES.into_iter().filter_map(move |name| {
        let isa = IsaLevel::named(name);
        if isa.is_none() {
            assert!(name != required, "DEFROST_REQUIRE={required}, but this processor has no {name}");
            eprintln!("skipped {name}: this processor does not have it");
        }
        isa
    })
}

/// SplitMix64.
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound as u64) as usize
    }

    /// Evenly from -1 to 1.
    pub fn unit(&mut self) -> f32 {
        (self.next() >> 40) as f32 / (1u32 << 23) as f32 - 1.0
    }

    pub fn elements<T: Element>(&mut self, len: usize) -> Vec<T> {
        (0..len).map(|_| T::from_f32(self.unit())).collect()
    }
}

/// A buffer full of NaN between two bands that nobody may write to.
pub struct Guarded<T> {
    buffer: Vec<T>,
    len: usize,
}

const BAND: usize = 64;
const MARK: f32 = 12345.0;

impl<T: Element> Guarded<T> {
    pub fn new(len: usize) -> Self {
        let mut buffer = vec![T::from_f32(MARK); len + 2 * BAND];
        buffer[BAND..BAND + len].fill(T::from_f32(f32::NAN));
        Self { buffer, len }
    }

    pub fn slice(&mut self) -> &mut [T] {
        &mut self.buffer[BAND..BAND + self.len]
    }

    /// What was written, once the bands are seen to be whole.
    pub fn checked(&self) -> &[T] {
        let (before, rest) = self.buffer.split_at(BAND);
        let (written, after) = rest.split_at(self.len);
        assert!(
            before.iter().chain(after).all(|mark| *mark == T::from_f32(MARK)),
            "a guard band was written to"
        );
        written
    }
}
