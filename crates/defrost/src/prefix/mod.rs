//! The frozen prefix: the stages whose output is constant. It runs on the plain device, and what it makes
//! of an item is kept.

mod cache;
mod file;
mod folder;
mod limits;
mod rows;

pub use cache::Cache;
pub use limits::{CacheLimits, user_folder};

use burn::tensor::Device;

use crate::activation::Activation;
use crate::data::{DataError, Dataset, Fingerprint, View};
use crate::ops::kernel_tier;
use crate::stage::Network;
use crate::weights::collect;

/// Runs the first `stages` without a gradient graph, norms and dropout at rest.
pub fn run<N: Network>(network: &N, stages: usize, input: Activation) -> Activation {
    match stages {
        0 => input,
        stages => network.valid().forward(input, 0..stages).without_autodiff(),
    }
}

/// The first stages of a network as they stand: how many, and all that their output follows from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Prefix {
    stages: usize,
    fingerprint: Fingerprint,
}

impl Prefix {
    /// The first `stages` of `network` with the weights they have now.
    pub fn of<N: Network>(network: &N, stages: usize) -> Self {
        let tensors = collect(network);
        let program = format!("{} {:?}", env!("CARGO_PKG_VERSION"), kernel_tier());
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

    /// Whether what these stages make of an item is kept.
    pub fn knows(&self, key: Fingerprint, cache: &mut Cache) -> bool {
        cache.contains(self.fingerprint, key)
    }

    /// What these stages of `network` make of items: kept rows, and the rest computed and kept.
    ///
    /// Rows of earlier runs are believed after those of one batch have been computed anew and found equal,
    /// bit by bit: a fingerprint can't see a change of the program itself.
    ///
    /// # Errors
    ///
    /// If an item that has to be computed can't be read.
    pub fn boundary<N: Network>(
        &self,
        network: &N,
        data: &dyn Dataset,
        (items, view): (&[usize], View),
        device: &Device,
        cache: &mut Cache,
    ) -> Result<Activation, DataError> {
        let compute = |items: &[usize]| Ok(run(network, self.stages, data.inputs(items, view, device)?));
        if self.stages == 0 || cache.keeps_nothing() {
            return compute(items);
        }
        let keys: Vec<Fingerprint> = items.iter().map(|&item| data.fingerprint(item, view)).collect();
        let mut kept: Vec<Option<_>> = keys.iter().map(|&key| cache.row(self.fingerprint, key)).collect();
        if kept.iter().any(Option::is_some) && cache.is_doubtful(self.fingerprint) {
            let batch = compute(items)?;
            let rows = rows::split(batch.clone(), items.len());
            let right = |(row, kept): (&Vec<u8>, &Option<cache::Row>)| {
                kept.as_ref().is_none_or(|kept| kept[..] == row[..])
            };
            match rows.iter().zip(&kept).all(right) {
                true => cache.believe(self.fingerprint),
                false => cache.forget(self.fingerprint),
            }
            self.keep(&keys, rows, cache);
            return Ok(batch);
        }
        let missing: Vec<usize> = (0..items.len()).filter(|&index| kept[index].is_none()).collect();
        if !missing.is_empty() {
            let lacking: Vec<usize> = missing.iter().map(|&index| items[index]).collect();
            let batch = compute(&lacking)?;
            let rows = rows::split(batch.clone(), lacking.len());
            let lacking: Vec<Fingerprint> = missing.iter().map(|&index| keys[index]).collect();
            if missing.len() == items.len() {
                self.keep(&lacking, rows, cache);
                return Ok(batch);
            }
            for (&index, row) in missing.iter().zip(&rows) {
                kept[index] = Some(row.as_slice().into());
            }
            self.keep(&lacking, rows, cache);
        }
        let rows: Option<Vec<_>> = kept.into_iter().collect();
        match rows.and_then(|rows| rows::join(&rows, device)) {
            Some(batch) => Ok(batch),
            None => compute(items),
        }
    }

    fn keep(&self, keys: &[Fingerprint], rows: Vec<Vec<u8>>, cache: &mut Cache) {
        for (&key, row) in keys.iter().zip(rows) {
            cache.insert(self.fingerprint, key, row);
        }
    }
}
