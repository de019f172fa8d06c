//! Tables whose numbers are hard: waves, steps, long tails, columns that are out of range.

use defrost::Network as _;
use defrost::csv_table::CsvTable;
use defrost::interpret::field_importance;
use defrost::prelude::Pretrained;
use defrost::tabular::{Design, TableData, TableLearner};

fn learner(rows: &CsvTable, design: Design) -> TableLearner {
    let data = TableData::from_table(rows.clone()).label("label").design(design).seed(1);
    data.learner(Pretrained::default()).unwrap()
}

fn trained(rows: &CsvTable, design: Design) -> TableLearner {
    let mut learner = learner(rows, design);
    learner.train().unwrap();
    learner
}

fn best(learner: &TableLearner, metric: &str) -> f64 {
    learner.best().unwrap().metrics[metric]
}

/// A fraction of 1 that looks random, another one for each `salt`.
fn draw(row: usize, salt: f64) -> f64 {
    (row as f64 * 12.9898 + salt).sin().abs() * 43758.5453 % 1.0
}

#[test]
fn a_wave_is_learned_where_standardised_numbers_fail() {
    let row = |n: usize| {
        let (x, other) = (draw(n, 0.0), draw(n, 1.0));
        let label = (x * 12.0 * std::f64::consts::TAU).sin() + 0.1 * other;
        [("x", x.to_string()), ("other", other.to_string()), ("label", label.to_string())]
    };
    let rows = CsvTable::from_rows((0..1000).map(row)).unwrap();
    let (before, now) = (trained(&rows, Design::Fastai), trained(&rows, Design::Quantiles));
    assert!(best(&before, "r2") < 0.5, "{:?}", before.best());
    assert!(best(&now, "r2") > 0.9, "{:?}", now.best());
}

#[test]
fn steps_of_a_long_tail_are_learned_where_standardised_numbers_fail() {
    let row = |n: usize| {
        let size = 10f64.powf(8.0 * draw(n, 0.0));
        let label = ["small", "large"][size.log10() as usize % 2];
        [("size", size.to_string()), ("label", label.to_owned())]
    };
    let rows = CsvTable::from_rows((0..1000).map(row)).unwrap();
    let (before, now) = (trained(&rows, Design::Fastai), trained(&rows, Design::Quantiles));
    assert!(best(&before, "accuracy") < 0.8, "{:?}", before.best());
    assert!(best(&now, "accuracy") > 0.95, "{:?}", now.best());
}

#[test]
fn columns_that_are_constant_out_of_range_or_mostly_missing_do_no_harm() {
    let row = |n: usize| {
        [
            ("x", (n % 17).to_string()),
            ("same", "3.5".to_owned()),
            ("huge", if n.is_multiple_of(50) { "-1e308".to_owned() } else { format!("1e{}", n % 300) }),
            ("rare", if n.is_multiple_of(9) { n.to_string() } else { String::new() }),
            ("empty", String::new()),
            ("label", ["a", "b"][usize::from(n % 17 > 8)].to_owned()),
        ]
    };
    let rows = CsvTable::from_rows((0..200).map(row)).unwrap();
    let mut learner = learner(&rows, Design::Quantiles);
    learner.train_for(20).unwrap();
    assert!(best(&learner, "accuracy") > 0.9, "{:?}", learner.best());
    for cell in ["", "0", "1e200", "-1e308", "1e308", "3.5"] {
        let row = ["x", "same", "huge", "rare", "empty"].map(|column| (column, cell));
        let prediction = learner.predict(row).unwrap();
        assert!(prediction.scores.0.iter().all(|score| score.is_finite()), "{cell}: {prediction:?}");
    }
}

#[test]
fn the_columns_that_decide_matter_most() {
    let row = |n: usize| {
        let (much, little, none) = (draw(n, 0.0), draw(n, 1.0), draw(n, 2.0));
        let label = 10.0 * much + 2.0 * little;
        [("none", none), ("little", little), ("much", much), ("label", label)]
            .map(|(name, number)| (name, number.to_string()))
    };
    let rows = CsvTable::from_rows((0..600).map(row)).unwrap();
    let learner = trained(&rows, Design::Quantiles);
    let found = field_importance(&learner).unwrap();
    let names: Vec<&str> = found.iter().map(|column| column.field.as_str()).collect();
    assert_eq!(names, ["much", "little", "none"]);
    // In units of the label's variance, an exchanged column of variance v costs 2 v: each row has its own value and another's.
    let variances = [100.0, 4.0, 0.0].map(|factor| factor / 104.0);
    for (column, variance) in found.iter().zip(variances) {
        let (least, most) = column.range;
        assert!(least <= column.rise && column.rise <= most);
        assert!((column.rise - 2.0 * variance).abs() < 0.25, "{column:?} and not {}", 2.0 * variance);
    }
    assert_eq!(found, field_importance(&learner).unwrap(), "the same again");
}

/// Runs that were saved before there were designs are fastai's: their tensors keep their names.
#[test]
fn fastais_tensors_are_called_as_ever() {
    let row = |n: usize| {
        let (kind, size) = (["x", "y"][n % 2], n as f64 / 4.0);
        [("kind", kind.to_owned()), ("size", size.to_string()), ("label", (size * 3.0).to_string())]
    };
    let rows = CsvTable::from_rows((0..20).map(row)).unwrap();
    let stages = learner(&rows, Design::Fastai).network().stages();
    let parameters = stages.iter().flat_map(|stage| &stage.parameters);
    let names: Vec<&str> = parameters.map(|parameter| parameter.name.as_str()).collect();
    let norm =
        |of: &str| ["weight", "bias", "running_mean", "running_var"].map(|part| format!("{of}.{part}"));
    let dense = |index: usize| {
        let linear = format!("body.dense.{index}.linear.weight");
        [linear].into_iter().chain(norm(&format!("body.dense.{index}.norm")))
    };
    let mut expected = vec!["body.embeddings.0.weight".to_owned()];
    expected.extend(norm("body.norm"));
    expected.extend(dense(0).chain(dense(1)));
    expected.extend(["head.weight".to_owned(), "head.bias".to_owned()]);
    assert_eq!(names, expected);
}
