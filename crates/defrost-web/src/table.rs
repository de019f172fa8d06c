//! A small table, for the lesson: its network is new, so nothing of it is frozen.

use std::path::Path;

use defrost::Pretrained;
use defrost::platform::Instant;
use defrost::report::draw_plan;
use defrost::tabular::TableData;
use serde::Serialize;
use wasm_bindgen::prelude::wasm_bindgen;

use crate::words::{OrThrow, Thrown, json};

#[derive(Serialize)]
struct Trained {
    svg: String,
    rows: usize,
    accuracy: f64,
    seconds: f64,
}

/// Trains a network of the usual kind on a CSV file whose label is this column; the result as JSON.
#[wasm_bindgen(js_name = trainTable)]
pub fn train_table(file: &str, label: &str) -> Thrown<String> {
    let started = Instant::now();
    let data = TableData::open(Path::new(file)).or_throw()?.label(label);
    let mut learner = data.learner(Pretrained::default()).or_throw()?;
    learner.train().or_throw()?;
    let evaluation = learner.evaluate().or_throw()?;
    json(&Trained {
        svg: draw_plan(&learner.summary(), &[], None),
        rows: learner.train_items() + learner.valid().len(),
        accuracy: evaluation.metrics.get("accuracy").copied().unwrap_or(f64::NAN),
        seconds: started.elapsed().as_secs_f64(),
    })
}
