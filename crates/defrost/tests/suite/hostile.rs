//! Files that are damaged, or made to do harm: the fuzzer's targets, on its corpus and on damaged copies of it. DEFROST_COPIES=N tries
//! other numbers of copies than the usual one, and DEFROST_TARGETS=texts,table some of the targets.

use std::fs;
use std::path::{Path, PathBuf};

#[path = "../../../../fuzz/targets.rs"]
mod targets;

/// Copies of each file that are damaged: the same ones every time.
const COPIES: usize = 60;

/// What an environment variable says, if it is set.
fn told(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// A stream of numbers that looks random (Numerical Recipes' generator).
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % limit.max(1)
    }

    /// A few bytes changed, taken out, or put in twice.
    fn damage(&mut self, bytes: &mut Vec<u8>) {
        for _ in 0..=self.below(6) {
            if bytes.is_empty() {
                return;
            }
            let at = self.below(bytes.len());
            let end = (at + 1 + self.below(16)).min(bytes.len());
            match self.below(4) {
                0 => bytes[at] = self.below(256) as u8,
                1 => bytes[at] ^= 1 << self.below(8),
                2 => drop(bytes.drain(at..end)),
                _ => {
                    let piece = bytes[at..end].to_vec();
                    let place = self.below(bytes.len());
                    bytes.splice(place..place, piece);
                }
            }
        }
    }
}

fn corpus(name: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus").join(name);
    let mut files: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(!files.is_empty(), "{name}");
    files
}

#[test]
fn no_file_does_more_harm_than_being_refused() {
    let copies = told("DEFROST_COPIES").map_or(COPIES, |number| number.parse().unwrap());
    let chosen = told("DEFROST_TARGETS");
    let is_chosen =
        |name: &str| chosen.as_ref().is_none_or(|chosen| chosen.split(',').any(|one| one == name));
    for (name, target) in targets::ALL.into_iter().filter(|(name, _)| is_chosen(name)) {
        for (place, path) in corpus(name).into_iter().enumerate() {
            let whole = fs::read(path).unwrap();
            target(&whole);
            let mut numbers = Numbers(place as u64 + 1);
            for _ in 0..copies {
                let mut bytes = whole.clone();
                numbers.damage(&mut bytes);
                target(&bytes);
                target(&bytes[..numbers.below(bytes.len() + 1)]);
            }
        }
    }
}
