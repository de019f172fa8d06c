//! Freeze positions, rates and schedules against traces measured on fastai 2.8.12.

use burn::module::ParamId;
use defrost::{
    FineTune, FreezePlan, LayerGroups, NormMode, Parameter, Phase, Rates, Recipe, Role, Schedule, Stage,
};
use proptest::prelude::*;
use serde_json::Value;

use crate::support::{assert_close, golden, numbers};

/// fastai computes in f64 and its trace is printed in full.
const TOLERANCE: f64 = 1e-6;

fn plan(groups: usize) -> FreezePlan {
    let stage = |index| {
        let parameter =
            Parameter { id: ParamId::new(), name: "w".into(), shape: vec![1], role: Role::Weight };
        Stage {
            name: format!("s{index}"),
            parameters: vec![parameter],
            training_flags: vec![],
            pretrained: true,
            dense: false,
        }
    };
    let starts: Vec<usize> = (0..groups).collect();
    let groups = LayerGroups::from_starts((0..groups).map(stage).collect(), &starts).unwrap();
    FreezePlan::unfrozen(groups, NormMode::Keep)
}

fn trains(plan: &FreezePlan) -> Vec<bool> {
    (0..plan.groups().count()).map(|group| plan.trains(group)).collect()
}

#[test]
fn freeze_positions_are_fastais() {
    for (position, expected) in golden("fastai.json")["freeze_to_trainable_3_groups"].as_object().unwrap() {
        let expected: Vec<bool> =
            expected.as_array().unwrap().iter().map(|train| train.as_bool().unwrap()).collect();
        let frozen = plan(3).freeze_to(position.parse().unwrap()).unwrap();
        assert_eq!(trains(&frozen), expected, "freeze_to({position})");
    }
    assert_eq!(trains(&plan(3).freeze().unwrap()), [false, false, true]);
    assert_eq!(trains(&plan(3).freeze().unwrap().unfreeze()), [true, true, true]);
}

#[test]
fn positions_that_do_not_exist_list_the_groups() {
    let message = "freeze position 7 does not exist: the network has 3 layer groups (0 to 2, or -3 to -1)\n    \
                   0  s0\n    1  s1\n    2  s2";
    assert_eq!(plan(3).freeze_to(7).unwrap_err().to_string(), message);
    // fastai silently trains everything here.
    assert!(plan(3).freeze_to(-4).is_err());
    // fastai silently freezes nothing here.
    assert!(plan(1).freeze().is_err());
    let nothing = plan(3).freeze_to(3).unwrap().require_training().unwrap_err().to_string();
    assert!(nothing.starts_with("all 3 layer groups are frozen, so nothing would train"), "{nothing}");
}

#[test]
fn any_groups_can_train_alone() {
    let only = plan(4).train_only(&["1", "s2"]).unwrap();
    assert_eq!(trains(&only), [false, true, true, false]);
    assert_eq!(only.frozen_groups(), [0, 3]);
    let unknown = plan(2).train_only(&["s9"]).unwrap_err().to_string();
    assert_eq!(unknown, "there is no layer group `s9`; the groups are\n    0  s0\n    1  s1");
}

#[test]
fn rates_spread_as_fastais() {
    for (key, expected) in golden("fastai.json")["rates"].as_object().unwrap() {
        let (groups, rates) = key.split_once(" groups ").unwrap();
        let rates: Rates = match rates.strip_prefix("slice(").and_then(|inner| inner.strip_suffix(')')) {
            Some(inner) => match inner.split_once(',') {
                Some((lo, hi)) => format!("{lo}..{hi}").parse().unwrap(),
                None => format!("..{inner}").parse().unwrap(),
            },
            None => rates.parse().unwrap(),
        };
        assert_close(&rates.for_groups(groups.parse().unwrap()).unwrap(), &numbers(expected), TOLERANCE);
    }
}

/// Compares phases run one after the other with a trace of rate, momentum and frozen groups per batch.
fn assert_trace(trace: &Value, recipe: impl Into<Recipe>) {
    let groups = trace["groups"].as_u64().unwrap() as usize;
    let batches = trace["batches_per_epoch"].as_u64().unwrap() as usize;
    let phases = recipe.into().resolve(&plan(groups)).unwrap();
    let steps = trace["steps"].as_array().unwrap();
    assert_eq!(steps.len(), phases.iter().map(|phase| phase.epochs * batches).sum::<usize>());
    let mut steps = steps.iter();
    for phase in &phases {
        let frozen = phase.plan.frozen_groups().len();
        let total = phase.epochs * batches;
        for done in 0..total {
            let step = steps.next().unwrap();
            let hyper = phase.step(done, total);
            assert_close(&hyper.rates, &numbers(&step["lr"]), TOLERANCE);
            assert_close(&vec![hyper.momentum; groups], &numbers(&step["mom"]), TOLERANCE);
            assert_eq!(step["frozen"].as_u64().unwrap() as usize, frozen);
        }
    }
}

#[test]
fn fine_tune_is_fastais() {
    let trace = &golden("fastai.json")["fine_tune"];
    let epochs = trace["epochs"].as_u64().unwrap() as usize;
    let rates = Rates::One(trace["base_lr"].as_f64().unwrap());
    assert_trace(trace, FineTune { rates, ..FineTune::new(epochs) });
}

#[test]
fn one_cycle_is_fastais() {
    let trace = &golden("fastai.json")["fit_one_cycle"];
    let [lo, hi] = numbers(&trace["lr_max"])[..] else { panic!("a slice of rates") };
    assert_trace(trace, Phase::from_position(0, 2, Rates::Between(lo, hi), Schedule::ONE_CYCLE));
}

#[test]
fn flat_cos_is_fastais() {
    let trace = &golden("fastai.json")["fit_flat_cos"];
    let rate = Rates::One(trace["lr"].as_f64().unwrap());
    assert_trace(trace, Phase::from_position(0, 4, rate, Schedule::FLAT_COS));
}

#[test]
fn restarts_are_fastais() {
    let trace = &golden("fastai.json")["fit_sgdr"];
    let number = |key: &str| trace[key].as_u64().unwrap() as usize;
    let cycles = number("n_cycles") as u32;
    let schedule = Schedule::Restarts { cycles, factor: number("cycle_mult") as f64 };
    let epochs = Schedule::restart_epochs(number("cycle_len"), cycles, number("cycle_mult"));
    let rate = Rates::One(trace["lr_max"].as_f64().unwrap());
    assert_trace(trace, Phase::from_position(0, epochs, rate, schedule));
}

proptest! {
    #[test]
    fn freezing_is_a_position(groups in 1..9usize, position in -12..12isize) {
        let frozen = plan(groups).freeze_to(position);
        let count = groups as isize;
        prop_assert_eq!(frozen.is_ok(), (-count..=count).contains(&position));
        if let Ok(frozen) = frozen {
            let first = if position < 0 { position + count } else { position };
            prop_assert_eq!(frozen.frozen_groups(), (0..first as usize).collect::<Vec<_>>());
        }
    }
}
