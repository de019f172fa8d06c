//! The frozen prefix: the stages whose output is constant. It runs on the plain device, and its output
//! for an item is cached.

mod cache;
mod entries;
mod file;
mod folder;
mod limits;

pub use cache::Cache;
pub use limits::CacheLimits;

use burn::tensor::Device;

use crate::batch::Batch;
use crate::data::{DataError, Dataset, Fingerprint, Variant};
use crate::ops::isa_level;
use crate::stage::Network;
use crate::weights::collect;

/// Runs the first `stages` without a gradient graph, norms and dropout in eval mode.
pub fn run<N: Network>(network: &N, stages: usize, input: Batch) -> Batch {
    match stages {
        0 => input,
        stages => network.valid().forward(input, 0..stages).without_autodiff(),
    }
}

/// The first stages of a network: how many, and everything that their output depends on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Prefix {
    stages: usize,
    fingerprint: Fingerprint,
}

impl Prefix {
    /// The first `stages` of `network` with the weights they have now.
    pub fn of<N: Network>(network: &N, stages: usize) -> Self {
        let tensors = collect(network);
        let program = format!("{} {:?}", env!("CARGO_PKG_VERSION"), isa_level());
        let settings = format!("{} {:?} {stages}", network.settings(), network.devices());
        let mut parts = vec![program.as_bytes(), settings.as_bytes()];
        let all = network.stages();
        let parameters: Vec<_> = all.iter().take(stages).flat_map(|stage| &stage.parameters).collect();
        let shapes: Vec<String> = parameters.iter().map(|p| format!("{} {:?}", p.name, p.shape)).collect();
        for (parameter, shape) in parameters.iter().zip(&shapes) {
            parts.push(shape.as_bytes());
            parts.push(tensors.get(&parameter.name).map_or(&[], |data| data.as_bytes()));
        }
        Self { stages, fingerprint: Fingerprint::of(&parts) }
    }

    /// How many stages.
    pub fn stages(&self) -> usize {
        self.stages
    }

    /// Whether the output of these stages is cached.
    pub fn contains(&self, key: Fingerprint, cache: &mut Cache) -> bool {
        cache.contains(self.fingerprint, key)
    }

    /// The output of these stages of `network` for items: cached activations, and the rest computed and then cached.
    ///
    /// Entries of earlier runs are used once those of one batch have been computed again and found equal,
    /// bit by bit: a fingerprint can't see a change of the program itself.
    ///
    /// # Errors
    ///
    /// If an item that has to be computed can't be read.
    pub fn features<N: Network>(
        &self,
        network: &N,
        data: &dyn Dataset,
        (items, variant): (&[usize], Variant),
        device: &Device,
        cache: &mut Cache,
    ) -> Result<Batch, DataError> {
        let compute = |items: &[usize]| Ok(run(network, self.stages, data.inputs(items, variant, device)?));
        if self.stages == 0 || cache.stores_nothing() {
            return compute(items);
        }
        let keys: Vec<Fingerprint> = items.iter().map(|&item| data.fingerprint(item, variant)).collect();
        let mut cached: Vec<Option<_>> = keys.iter().map(|&key| cache.entry(self.fingerprint, key)).collect();
        if cached.iter().any(Option::is_some) && cache.is_unverified(self.fingerprint) {
            let batch = compute(items)?;
            let entries = entries::split(batch.clone(), items.len());
            let right = |(entry, cached): (&Vec<u8>, &Option<cache::CacheEntry>)| {
                cached.as_ref().is_none_or(|cached| cached[..] == entry[..])
            };
            match entries.iter().zip(&cached).all(right) {
                true => cache.mark_verified(self.fingerprint),
                false => cache.evict(self.fingerprint),
            }
            self.keep(&keys, entries, cache);
            return Ok(batch);
        }
        let missing: Vec<usize> = (0..items.len()).filter(|&index| cached[index].is_none()).collect();
        if !missing.is_empty() {
            let lacking: Vec<usize> = missing.iter().map(|&index| items[index]).collect();
            let batch = compute(&lacking)?;
            let entries = entries::split(batch.clone(), lacking.len());
            let lacking: Vec<Fingerprint> = missing.iter().map(|&index| keys[index]).collect();
            if missing.len() == items.len() {
                self.keep(&lacking, entries, cache);
                return Ok(batch);
            }
            for (&index, entry) in missing.iter().zip(&entries) {
                cached[index] = Some(entry.as_slice().into());
            }
            self.keep(&lacking, entries, cache);
        }
        let entries: Option<Vec<_>> = cached.into_iter().collect();
        match entries.and_then(|entries| entries::join(&entries, device)) {
            Some(batch) => Ok(batch),
            None => compute(items),
        }
    }

    fn keep(&self, keys: &[Fingerprint], entries: Vec<Vec<u8>>, cache: &mut Cache) {
        for (&key, entry) in keys.iter().zip(entries) {
            cache.insert(self.fingerprint, key, entry);
        }
    }
}
