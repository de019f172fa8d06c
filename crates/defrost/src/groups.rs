//! Layer groups: runs of consecutive stages that freeze and thaw together and share a learning rate.
//!
//! Invariants, which the constructors keep: every stage is in exactly one group, group order is forward
//! order, no group is empty. Parameters are known by exact id: Burn's path predicates match substrings
//! (`layer1` matches `layer10`), ids do not.

use std::ops::Range;

use thiserror::Error;

use crate::remedy::Remedy;
use crate::stage::{Network, Stage};

/// One layer group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LayerGroup {
    /// Its name: its first and last family of stages, as `layer3..layer4`.
    pub name: String,
    /// Its stages.
    pub stages: Range<usize>,
}

/// A network's stages and how they are grouped, input first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LayerGroups {
    stages: Vec<Stage>,
    groups: Vec<LayerGroup>,
}

/// Why stages can't be grouped as asked.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum GroupsError {
    /// The network has no stage at all.
    #[error("a network without stages can't be grouped")]
    NoStages,
    /// The starts are not stages in ascending order from 0.
    #[error("groups must start at stage 0 and ascend below {stages}, not at {starts:?}")]
    Starts {
        /// The starts given.
        starts: Vec<usize>,
        /// How many stages there are.
        stages: usize,
    },
    /// A name that no stage and no family of stages has.
    #[error("there is no stage `{name}`; the stages are {stages}")]
    UnknownStage {
        /// The name given.
        name: String,
        /// All names.
        stages: String,
    },
    /// A stage came where another should have.
    #[error(
        "groups must cover the stages in order: `{found}` comes where `{expected}` is due; the stages are {stages}"
    )]
    OutOfOrder {
        /// The name given.
        found: String,
        /// The stage that is due.
        expected: String,
        /// All names.
        stages: String,
    },
    /// The last stages were left out.
    #[error("groups must cover all stages: `{missing}` and what follows is in none; the stages are {stages}")]
    Incomplete {
        /// The first stage left out.
        missing: String,
        /// All names.
        stages: String,
    },
    /// A group with nothing in it.
    #[error(
        "group {index} is empty in `{given}`; write the stages of each group, as \"stem,layer1|layer2|head\""
    )]
    Empty {
        /// Which group.
        index: usize,
        /// The whole text.
        given: String,
    },
}

impl GroupsError {
    /// What can be done about it.
    pub fn remedy(&self) -> Option<Remedy> {
        match self {
            Self::UnknownStage { name, stages } => Remedy::nearest(name, stages.split(", ")),
            _ => None,
        }
    }
}

impl LayerGroups {
    /// The groups the network brings along.
    ///
    /// # Errors
    ///
    /// If its [`Network::group_starts`] do not fit its stages.
    pub fn of<N: Network>(network: &N) -> Result<Self, GroupsError> {
        Self::from_starts(network.stages(), &network.group_starts())
    }

    /// Groups that begin at these stages.
    ///
    /// # Errors
    ///
    /// If the starts do not ascend from 0 within the stages.
    pub fn from_starts(stages: Vec<Stage>, starts: &[usize]) -> Result<Self, GroupsError> {
        if stages.is_empty() {
            return Err(GroupsError::NoStages);
        }
        let ascends = starts.windows(2).all(|pair| pair[0] < pair[1]);
        if starts.first() != Some(&0) || !ascends || starts.last().is_some_and(|&last| last >= stages.len()) {
            return Err(GroupsError::Starts { starts: starts.to_vec(), stages: stages.len() });
        }
        let ends = starts.iter().skip(1).copied().chain([stages.len()]);
        let ranges = starts.iter().zip(ends).map(|(&start, end)| start..end);
        let groups =
            ranges.map(|range| LayerGroup { name: name_of(&stages[range.clone()]), stages: range }).collect();
        Ok(Self { stages, groups })
    }

    /// The same of a network in which nothing is new.
    #[must_use]
    pub fn all_pretrained(mut self) -> Self {
        self.stages.iter_mut().for_each(|stage| stage.pretrained = true);
        self
    }

    /// Groups as a person writes them: `stem,layer1|layer2|head`. A name stands for one stage or for a
    /// whole family of them (`layer1` for `layer1.0` and `layer1.1`). A stage without parameters need not be
    /// named.
    ///
    /// # Errors
    ///
    /// If a name is unknown, or the names do not cover the stages in order.
    pub fn parse(stages: Vec<Stage>, text: &str) -> Result<Self, GroupsError> {
        let all = || families(&stages).join(", ");
        let mut starts = vec![];
        let mut next = 0;
        for (index, group) in text.split('|').enumerate() {
            let names: Vec<&str> = group.split(',').map(str::trim).filter(|name| !name.is_empty()).collect();
            if names.is_empty() {
                return Err(GroupsError::Empty { index, given: text.to_owned() });
            }
            starts.push(next);
            for name in names {
                next +=
                    stages[next..].iter().take_while(|s| !s.has_parameters() && !s.is_called(name)).count();
                if !stages.iter().any(|stage| stage.is_called(name)) {
                    return Err(GroupsError::UnknownStage { name: name.to_owned(), stages: all() });
                }
                let run = stages[next..].iter().take_while(|stage| stage.is_called(name)).count();
                if run == 0 {
                    let expected = stages.get(next).map_or("the end", |stage| &stage.name).to_owned();
                    return Err(GroupsError::OutOfOrder { found: name.to_owned(), expected, stages: all() });
                }
                next += run;
            }
        }
        match stages.get(next) {
            Some(missing) => Err(GroupsError::Incomplete { missing: missing.name.clone(), stages: all() }),
            None => Self::from_starts(stages, &starts),
        }
    }

    /// How many groups there are; never 0.
    pub fn count(&self) -> usize {
        self.groups.len()
    }

    /// The groups.
    pub fn groups(&self) -> &[LayerGroup] {
        &self.groups
    }

    /// All stages of the network.
    pub fn stages(&self) -> &[Stage] {
        &self.stages
    }

    /// The stages of one group.
    pub fn stages_of(&self, group: usize) -> &[Stage] {
        &self.stages[self.groups[group].stages.clone()]
    }

    /// Whether all of a group's weights are new, as a head's are.
    pub fn is_new(&self, group: usize) -> bool {
        self.stages_of(group).iter().all(|stage| !stage.pretrained)
    }

    /// Elements of one group's parameters, statistics left out.
    pub fn parameter_count(&self, group: usize) -> usize {
        self.stages_of(group).iter().map(Stage::parameter_count).sum()
    }

    /// The group with this name or, written as a number, this index.
    pub fn find(&self, name: &str) -> Option<usize> {
        let by_index = name.parse().ok().filter(|&index: &usize| index < self.count());
        by_index.or_else(|| self.groups.iter().position(|group| group.name == name))
    }

    /// One line a group, for error messages: index and families of stages, or its stages where it is a
    /// part of one family.
    pub fn listing(&self) -> String {
        let line = |index: usize| match families(self.stages_of(index))[..] {
            [_] => format!("    {index}  {}", self.groups[index].name),
            ref several => format!("    {index}  {}", several.join(", ")),
        };
        (0..self.count()).map(line).collect::<Vec<_>>().join("\n")
    }
}

/// The families of these stages, in order, each once; stages without parameters are not named.
pub fn families(stages: &[Stage]) -> Vec<&str> {
    let mut names: Vec<&str> = stages.iter().filter(|s| s.has_parameters()).map(Stage::family).collect();
    names.dedup();
    names
}

fn name_of(stages: &[Stage]) -> String {
    let parts: Vec<&str> = match families(stages)[..] {
        // One family split over groups: its members tell the groups apart.
        [_] => stages.iter().filter(|s| s.has_parameters()).map(|stage| stage.name.as_str()).collect(),
        ref several => several.to_vec(),
    };
    match parts[..] {
        [only] => only.to_owned(),
        [first, .., last] => format!("{first}..{last}"),
        [] => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stage::{Parameter, Role};
    use burn::module::ParamId;
    use proptest::prelude::*;

    fn stages(names: &[&str]) -> Vec<Stage> {
        let stage = |name: &&str| Stage {
            name: (*name).into(),
            parameters: if *name == "pool" { vec![] } else { vec![parameter()] },
            training_flags: vec![],
            pretrained: true,
            dense: false,
        };
        names.iter().map(stage).collect()
    }

    fn parameter() -> Parameter {
        Parameter { id: ParamId::new(), name: "weight".into(), shape: vec![1], role: Role::Weight }
    }

    fn resnet() -> Vec<Stage> {
        stages(&["stem", "layer1.0", "layer1.1", "layer2.0", "layer10.0", "pool", "head"])
    }

    #[test]
    fn families_are_named_whole_and_never_by_substring() {
        let groups = LayerGroups::parse(resnet(), "stem,layer1 | layer2,layer10 | head").unwrap();
        let ranges: Vec<_> = groups.groups().iter().map(|group| group.stages.clone()).collect();
        assert_eq!(ranges, [0..3, 3..5, 5..7]);
        assert_eq!(groups.groups()[0].name, "stem..layer1");
        assert_eq!(groups.find("layer2..layer10"), Some(1));
        assert_eq!(groups.find("2"), Some(2));
        assert_eq!(groups.find("3"), None);
        assert_eq!(groups.listing(), "    0  stem, layer1\n    1  layer2, layer10\n    2  head");
    }

    #[test]
    fn a_family_can_be_split() {
        let groups = LayerGroups::parse(resnet(), "stem,layer1.0|layer1.1,layer2,layer10|head").unwrap();
        assert_eq!(groups.groups()[1].stages, 2..5);
    }

    #[test]
    fn what_does_not_fit_is_named() {
        let fails = |text| LayerGroups::parse(resnet(), text).unwrap_err().to_string();
        let all = "the stages are stem, layer1, layer2, layer10, head";
        assert_eq!(fails("stem|layer3|head"), format!("there is no stage `layer3`; {all}"));
        assert_eq!(
            fails("stem|layer2|head"),
            format!("groups must cover the stages in order: `layer2` comes where `layer1.0` is due; {all}")
        );
        assert_eq!(
            fails("stem,layer1|layer2"),
            format!("groups must cover all stages: `layer10.0` and what follows is in none; {all}")
        );
        assert!(fails("stem||head").starts_with("group 1 is empty"));
    }

    #[test]
    fn starts_must_ascend_from_zero() {
        for starts in [&[][..], &[1], &[0, 0], &[0, 3, 2], &[0, 7]] {
            assert!(LayerGroups::from_starts(resnet(), starts).is_err(), "{starts:?}");
        }
        assert_eq!(LayerGroups::from_starts(vec![], &[0]), Err(GroupsError::NoStages));
    }

    proptest! {
        #[test]
        fn every_stage_is_in_exactly_one_group(marks in proptest::collection::vec(any::<bool>(), 1..12)) {
            let names: Vec<String> = (0..marks.len()).map(|index| format!("s{index}")).collect();
            let stages = stages(&names.iter().map(String::as_str).collect::<Vec<_>>());
            let mut starts: Vec<usize> = (1..marks.len()).filter(|&index| marks[index]).collect();
            starts.insert(0, 0);
            let groups = LayerGroups::from_starts(stages, &starts).unwrap();
            let covered: Vec<usize> = groups.groups().iter().flat_map(|group| group.stages.clone()).collect();
            prop_assert_eq!(covered, (0..marks.len()).collect::<Vec<_>>());
        }
    }
}
