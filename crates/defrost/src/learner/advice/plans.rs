//! Plans that an advice may choose.

use serde::{Deserialize, Serialize};

use crate::groups::LayerGroups;
use crate::plan::FreezePlan;
use crate::recipe::{FineTune, Gradual, Recipe, Thaw};

/// What to train.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum AdvisedPlan {
    /// The head alone.
    HeadOnly,
    /// The head alone, on a body that ends before this stage.
    Cut {
        /// The first stage that is dropped.
        stage: String,
    },
    /// The head, then these layer groups with it.
    Thaw {
        /// Their indices, the head's left out.
        groups: Vec<usize>,
    },
    /// The head, then everything.
    All,
    /// One layer group more a phase.
    Gradual,
}

impl AdvisedPlan {
    /// Those that are worth trying where the head alone is known: everything, each freeze position from the head on, the
    /// first group alone, which is the surgical choice (arXiv 2210.11466), and one group at a time.
    pub(super) fn thawing(groups: usize) -> Vec<Self> {
        let mut plans = vec![];
        if groups > 1 {
            plans.push(Self::All);
        }
        plans.extend(
            (1..groups.saturating_sub(1))
                .rev()
                .map(|first| Self::Thaw { groups: (first..groups - 1).collect() }),
        );
        if groups > 2 {
            plans.extend([Self::Thaw { groups: vec![0] }, Self::Gradual]);
        }
        plans
    }

    /// As a recipe, of the epochs and rates of this one. A plan with a cut is for the network without what is cut off.
    pub fn recipe(&self, usual: &FineTune, plan: &FreezePlan) -> Recipe {
        let head = plan.groups().count() - 1;
        match self {
            Self::HeadOnly | Self::Cut { .. } => Recipe::Auto(FineTune { epochs: 0, ..usual.clone() }),
            Self::Thaw { groups } => {
                let thaw = match groups.first() {
                    Some(&first) if groups.iter().copied().eq(first..head) => Thaw::From(first as isize),
                    _ => Thaw::Only(groups.iter().chain([&head]).map(ToString::to_string).collect()),
                };
                Recipe::Auto(FineTune { thaw, ..usual.clone() })
            }
            Self::All => Recipe::Auto(usual.clone()),
            Self::Gradual => {
                Gradual { epochs: usual.epochs, epochs_per_group: 1, rate: usual.rates.highest() }.into()
            }
        }
    }

    /// The groups it trains, in words.
    pub fn name(&self, groups: &LayerGroups) -> String {
        let called = |group: usize| groups.groups().get(group).map_or("", |group| &group.name);
        match self {
            Self::HeadOnly => "head only".to_owned(),
            Self::Cut { stage } => format!("head only, cut at {stage}"),
            Self::Thaw { groups: thawed } => match thawed[..] {
                [0] => format!("early layers only ({})", called(0)),
                [first, ..] => format!("from {} on", called(first)),
                [] => "head only".to_owned(),
            },
            Self::All => "everything".to_owned(),
            Self::Gradual => "gradual, a group a phase".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_freeze_position_is_tried_once() {
        let thaw = |groups: &[usize]| AdvisedPlan::Thaw { groups: groups.to_vec() };
        assert_eq!(AdvisedPlan::thawing(1), []);
        assert_eq!(AdvisedPlan::thawing(2), [AdvisedPlan::All]);
        assert_eq!(
            AdvisedPlan::thawing(4),
            [AdvisedPlan::All, thaw(&[2]), thaw(&[1, 2]), thaw(&[0]), AdvisedPlan::Gradual]
        );
    }

    #[test]
    fn a_plan_is_a_tagged_object_in_files() {
        let text = serde_json::to_string(&AdvisedPlan::Thaw { groups: vec![1] }).unwrap();
        assert_eq!(text, r#"{"kind":"thaw","groups":[1]}"#);
        assert_eq!(serde_json::to_string(&AdvisedPlan::HeadOnly).unwrap(), r#"{"kind":"head_only"}"#);
        assert_eq!(
            serde_json::from_str::<AdvisedPlan>(&text).unwrap(),
            AdvisedPlan::Thaw { groups: vec![1] }
        );
    }
}
