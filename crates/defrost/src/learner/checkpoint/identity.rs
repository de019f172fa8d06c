//! The inputs of a run besides its checkpoint, so that it is never resumed with other ones.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::data::{Dataset, Draws, Fingerprint, Variant};
use crate::learner::{Learner, LearnerOptions};
use crate::ops::isa_level;
use crate::platform;
use crate::recipe::ResolvedPhase;
use crate::stage::Network;
use crate::weights::Tensors;

/// A run's identity, as texts that people can compare.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::learner) struct Identity {
    /// Without the same of these a place in a run means nothing.
    pub settings: BTreeMap<String, String>,
    /// Without the same of these the run ends elsewhere than it would have.
    pub environment: BTreeMap<String, String>,
}

impl Identity {
    /// Of a run of these phases; `tensors` are the network's as it was made.
    pub fn of<N: Network>(learner: &Learner<N>, phases: &[ResolvedPhase], tensors: &Tensors) -> Self {
        // Named one by one, so that none is forgotten. The cache's limits change no result, and phases tell what is trained.
        let LearnerOptions {
            batch_size,
            seed,
            norm,
            loss: _,
            mixing,
            label_smoothing: _,
            balance,
            metrics,
            monitored: _,
            optimizer,
            weight_decay,
            accumulate,
            max_gradient_norm,
            average,
            variants,
            cache: _,
            groups: _,
            is_trained: _,
        } = &learner.options;
        let mut settings = BTreeMap::new();
        let mut set = |name: &str, value: String| settings.insert(name.to_owned(), value);
        set("batch size", batch_size.to_string());
        set("seed", seed.to_string());
        set("norm mode", norm.name().to_owned());
        set("loss", format!("{:?}", learner.loss));
        set("mixing", format!("{mixing:?}"));
        set("balance", format!("{balance:?}"));
        set("metrics", format!("{metrics:?}"));
        set("monitored metric", format!("{:?}", learner.monitored_metric()));
        set("optimizer", format!("{optimizer:?}"));
        set("weight decay", weight_decay.to_string());
        set("accumulated batches", accumulate.to_string());
        set("gradient norm", format!("{max_gradient_norm:?}"));
        set("average", format!("{average:?}"));
        set("variants", variants.to_string());
        set("network", learner.network().settings());
        set("layer groups", learner.plan.groups().listing());
        set("phases", phases.iter().map(described).collect::<Vec<_>>().join(", "));

        let mut environment = BTreeMap::new();
        let mut set = |name: &str, value: String| environment.insert(name.to_owned(), value);
        set("training items", items(&*learner.train, *seed));
        set("validation items", items(&*learner.valid, *seed));
        set("pretrained weights", pretrained(learner, tensors));
        set("threads", platform::threads().to_string());
        set("kernels", format!("{:?}", isa_level()));
        set("version", env!("CARGO_PKG_VERSION").to_owned());
        Self { settings, environment }
    }
}

/// A phase with all that training follows from.
fn described(phase: &ResolvedPhase) -> String {
    let ResolvedPhase { name, plan, rates, schedule, epochs, method, compared, head_penalty, patience } =
        phase;
    let (norm, frozen) = (plan.norm().name(), plan.frozen_groups());
    format!(
        "{name} ({epochs} epochs, groups {frozen:?} frozen, norms {norm}, rates {rates:?}, {schedule:?}, {method:?}, compared: {compared}, head penalty: {head_penalty:?}, {patience:?})"
    )
}

/// What is another now than it was: `batch size: 16, and 8 when the run began`.
pub(super) fn changes(now: &BTreeMap<String, String>, before: &BTreeMap<String, String>) -> Vec<String> {
    let changed = now.iter().filter(|(name, value)| before.get(*name) != Some(value));
    let line = |(name, value): (&String, &String)| {
        let before = before.get(name).map_or("unknown", String::as_str);
        format!("{name}: {value}, and {before} when the run began")
    };
    changed.map(line).collect()
}

/// How many items there are, and a fingerprint of their content, labels and variations. What they are called
/// does not count.
fn items(data: &dyn Dataset, seed: u64) -> String {
    let varied = Variant::Augmented(Draws { seed, epoch: 0 });
    let print = |item: usize| {
        let label = format!("{:?} {}", data.target(item), data.size(item));
        let tta = [Variant::Original, varied].map(|variant| data.fingerprint(item, variant));
        Fingerprint::of(&[label.as_bytes(), &tta[0].0, &tta[1].0])
    };
    let prints: Vec<u8> = (0..data.len()).flat_map(|item| print(item).0).collect();
    format!("{} ({})", data.len(), short(Fingerprint::of(&[&prints])))
}

fn pretrained<N: Network>(learner: &Learner<N>, tensors: &Tensors) -> String {
    let stages = learner.plan.groups().stages().iter().filter(|stage| stage.pretrained);
    let parameters = stages.flat_map(|stage| &stage.parameters);
    let parts: Vec<&[u8]> = parameters
        .filter_map(|parameter| Some([parameter.name.as_bytes(), tensors.get(&parameter.name)?.as_bytes()]))
        .flatten()
        .collect();
    short(Fingerprint::of(&parts))
}

/// Enough of a fingerprint to tell two things apart.
fn short(print: Fingerprint) -> String {
    print.to_string()[..16].to_owned()
}
