//! The rate finder: fastai's suggestions on fastai's curves, and no trace of it afterwards.

use defrost::learner::{LrFindOptions, RatePoint, suggest};
use defrost::weights::collect;
use defrost::{Learner, LearnerOptions, NormMode, Rates};

use crate::support::{Clusters, Small, golden, numbers};

fn learner() -> Learner<Small> {
    let options = LearnerOptions { batch_size: 8, norm: NormMode::Batch, ..LearnerOptions::default() };
    let mut learner =
        Learner::new(Small::new(), Box::new(Clusters(40)), Box::new(Clusters(12)), 3, options).unwrap();
    learner.freeze_to(1).unwrap();
    learner
}

#[test]
fn suggestions_are_fastais() {
    for (name, trace) in golden("fastai.json")["lr_find_suggestions"].as_object().unwrap() {
        let (rates, losses) = (numbers(&trace["lrs"]), numbers(&trace["losses"]));
        let points: Vec<RatePoint> =
            rates.into_iter().zip(losses).map(|(lr, loss)| RatePoint { lr, loss }).collect();
        let found = serde_json::to_value(suggest(&points)).unwrap();
        for (reading, expected) in trace["suggestions"].as_object().unwrap() {
            let (found, expected) = (found[reading].as_f64().unwrap(), expected.as_f64().unwrap());
            // fastai holds rates in f32; neighbouring points are 20 % apart.
            assert!((found / expected - 1.0).abs() < 1e-6, "{name}, {reading}: {found} and not {expected}");
        }
    }
}

#[test]
fn rates_rise_as_fastais() {
    let found = learner().lr_find(&LrFindOptions::default()).unwrap();
    let expected = numbers(&golden("fastai.json")["lr_find_suggestions"]["dip"]["lrs"]);
    for (point, expected) in found.points.iter().zip(expected) {
        assert!((point.lr / expected - 1.0).abs() < 1e-6, "{point:?} and not {expected}");
    }
    assert!(found.points.len() > 50, "{}", found.points.len());
    let lowest = found.points.iter().map(|point| point.loss).fold(f64::INFINITY, f64::min);
    let (last, others) = found.points.split_last().unwrap();
    assert!(others.iter().all(|point| point.loss <= 4.0 * lowest));
    assert!(found.points.len() == 100 || last.loss > 4.0 * lowest);
    assert!(
        found.suggestions.valley.is_some_and(|rate| (1e-6..1.0).contains(&rate)),
        "{:?}",
        found.suggestions
    );
}

#[test]
fn nothing_is_left_of_the_search() {
    let (mut searched, mut other) = (learner(), learner());
    for learner in [&mut searched, &mut other] {
        learner.fit_one_cycle(1, Rates::One(1e-2)).unwrap();
    }
    let before = collect(searched.network());
    searched.lr_find(&LrFindOptions::default()).unwrap();
    assert!(before == collect(searched.network()));
    for learner in [&mut searched, &mut other] {
        learner.fit_one_cycle(2, Rates::One(1e-2)).unwrap();
    }
    assert!(collect(searched.network()) == collect(other.network()));
    assert_eq!(searched.history().epochs(), 3);
}

#[test]
fn a_search_that_ends_at_once_suggests_nothing() {
    let found = learner().lr_find(&LrFindOptions { steps: 8, ..LrFindOptions::default() }).unwrap();
    assert_eq!((found.points.len(), found.suggestions.valley), (8, None));
    assert!(found.suggestions.why.unwrap().contains("after 8 rates"));
}
