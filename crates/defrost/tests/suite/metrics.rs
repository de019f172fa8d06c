//! Measures against scikit-learn's.

use defrost::metrics::{Prediction, by_class, confusion, measure};
use defrost::{Target, TargetKind};
use serde_json::Value;

use crate::support::{golden, numbers};

fn predictions(case: &Value) -> Vec<Prediction> {
    let rows = case["predictions"].as_array().unwrap().iter();
    rows.map(|row| Prediction(numbers(row).into_iter().map(|p| p as f32).collect())).collect()
}

fn check(kind: &str, targets_kind: TargetKind, target: fn(&Value) -> Target) {
    for (index, case) in golden("metrics.json")[kind].as_array().unwrap().iter().enumerate() {
        let targets: Vec<Target> = case["targets"].as_array().unwrap().iter().map(target).collect();
        let found = measure(targets_kind, &predictions(case), &targets);
        let expected = case["metrics"].as_object().unwrap();
        assert_eq!(found.len(), expected.len(), "{found:?} and not {expected:?}");
        for (name, value) in expected {
            // Both are f64, over the same f32 predictions.
            let difference = (found[name] - value.as_f64().unwrap()).abs();
            assert!(difference < 1e-9, "{kind} {index}: {name} is {} and not {value}", found[name]);
        }
    }
}

#[test]
fn classes_are_measured_as_in_scikit_learn() {
    check("classes", TargetKind::Class, |class| Target::Class(class.as_u64().unwrap() as usize));
    for case in golden("metrics.json")["classes"].as_array().unwrap() {
        let predictions = predictions(case);
        let targets = numbers(&case["targets"]).into_iter().map(|class| class as usize);
        let pairs = targets.zip(predictions.iter().map(Prediction::class));
        let reports = by_class(&confusion(predictions[0].0.len(), pairs));
        for (name, of) in [
            ("precision", (|report| report.precision) as fn(&defrost::metrics::ClassReport) -> f64),
            ("recall", |report| report.recall),
            ("f1", |report| report.f1),
        ] {
            let found: Vec<f64> = reports.iter().map(of).collect();
            for (found, expected) in found.iter().zip(numbers(&case["by_class"][name])) {
                assert!((found - expected).abs() < 1e-9, "{name}: {found} and not {expected}");
            }
        }
    }
}

#[test]
fn labels_are_measured_as_in_scikit_learn() {
    check("labels", TargetKind::Labels, |labels| {
        Target::Labels(numbers(labels).into_iter().map(|label| label as usize).collect())
    });
}

#[test]
fn numbers_are_measured_as_in_scikit_learn() {
    check("numbers", TargetKind::Number, |number| Target::Number(number.as_f64().unwrap() as f32));
}
