//! How much a network's answers rest on each field of its items: permutation importance (Breiman, "Random Forests", 2001).

use rand::seq::SliceRandom as _;
use serde::{Deserialize, Serialize};

use super::drawn;
use crate::data::Draws;
use crate::learner::{Learner, LearnerError, TestTimeAugmentation, evaluate};
use crate::prefix::{Cache, CacheLimits};
use crate::stage::Network;

/// Items that are looked at, at most.
const ITEMS: usize = 1000;
/// How often a field is exchanged, each time in another order.
const ROUNDS: usize = 3;

/// How much one field of the items matters.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FieldImportance {
    /// The field: the name of a column.
    pub field: String,
    /// By how much the mean loss rises when each item has this field of another one, on average over the rounds.
    pub rise: f64,
    /// The least and the most of a round.
    pub range: (f64, f64),
}

/// How much each field of the validation items matters, the most important first: each is exchanged among the items, at random,
/// and the loss is measured again. Nothing where items have no fields. A field whose information others repeat matters little by itself.
///
/// # Errors
///
/// If an item can't be read.
pub fn field_importance<N: Network>(learner: &Learner<N>) -> Result<Vec<FieldImportance>, LearnerError> {
    let (data, loss, options) = (learner.valid(), learner.loss(), learner.options());
    let fields = data.fields();
    let items = drawn(data.len(), ITEMS);
    if fields.is_empty() || items.len() < 2 {
        return Ok(vec![]);
    }
    let loss_with = |field: usize, donors: &[usize]| {
        let pairs: Vec<(usize, usize)> = items.iter().copied().zip(donors.iter().copied()).collect();
        let Some(exchanged) = data.exchanged(field, &pairs) else { return Ok(f64::NAN) };
        let mut cache = Cache::new(CacheLimits::memory(0));
        let how = (loss, TestTimeAugmentation::NONE);
        let network = learner.network();
        evaluate(network, &*exchanged, how, options.batch_size, learner.device(), &mut cache)
            .map(|found| found.loss)
    };
    let before = loss_with(0, &items)?;
    let mut found = vec![];
    for (place, field) in fields.into_iter().enumerate() {
        let mut rises = vec![];
        for round in 0..ROUNDS {
            let mut donors = items.clone();
            donors.shuffle(&mut Draws::for_resample(options.seed, round));
            rises.push(loss_with(place, &donors)? - before);
        }
        let (least, most) = rises.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(least, most), &rise| {
            (least.min(rise), most.max(rise))
        });
        let rise = rises.iter().sum::<f64>() / ROUNDS as f64;
        found.push(FieldImportance { field, rise, range: (least, most) });
    }
    found.sort_by(|a, b| b.rise.total_cmp(&a.rise));
    Ok(found)
}
