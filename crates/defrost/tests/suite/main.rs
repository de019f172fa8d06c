//! What the library promises, tested from outside.

mod adam;
mod advice;
#[cfg(all(feature = "vision", feature = "pytorch"))]
mod architectures;
#[cfg(feature = "text")]
mod awd_lstm;
#[cfg(all(feature = "onnx", feature = "vision", feature = "text", feature = "tabular"))]
mod book;
#[cfg(feature = "vision")]
mod cached;
#[cfg(feature = "vision")]
mod channels;
mod decision;
#[cfg(all(feature = "vision", feature = "text", feature = "tabular"))]
mod domains;
#[cfg(all(feature = "onnx", feature = "vision", feature = "text", feature = "tabular"))]
mod export;
mod extensions;
#[cfg(feature = "vision")]
mod fit;
mod frozen;
#[cfg(any(feature = "text", all(feature = "vision", feature = "embedded-weights")))]
mod gradients;
#[cfg(all(feature = "vision", feature = "text", feature = "tabular"))]
mod hostile;
#[cfg(feature = "hub")]
mod hub;
#[cfg(all(feature = "vision", feature = "text", feature = "tabular", feature = "embedded-weights"))]
mod journeys;
mod lr_find;
mod metrics;
#[cfg(all(feature = "vision", feature = "embedded-weights"))]
mod networks;
mod norms;
mod ops;
#[cfg(feature = "vision")]
mod own_architecture;
#[cfg(all(
    feature = "vision",
    feature = "text",
    feature = "tabular",
    feature = "archive",
    feature = "report"
))]
mod packed;
mod plans;
#[cfg(all(feature = "vision", feature = "embedded-weights"))]
mod pretrained_run;
#[cfg(feature = "pytorch")]
mod pytorch;
mod resume;
#[cfg(feature = "tabular")]
mod rows;
#[cfg(all(feature = "vision", feature = "text", feature = "tabular"))]
mod self_test;
#[cfg(all(feature = "vision", feature = "text", feature = "tabular"))]
mod stages;
mod support;
#[cfg(feature = "tabular")]
mod tables;
mod targets;
#[cfg(feature = "text")]
mod texts;
mod tidy;
mod training;
#[cfg(all(feature = "vision", feature = "embedded-weights"))]
mod trust;
