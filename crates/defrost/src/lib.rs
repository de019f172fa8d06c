//! Transfer learning without Python or a GPU.
//!
//! defrost takes a pretrained network, freezes most of it, teaches the rest a new task, then thaws it
//! layer group by layer group: fast.ai's `freeze`, `unfreeze`, `freeze_to`, discriminative learning
//! rates and `fine_tune`, on [Burn](burn).
//!
//! ```no_run
//! use defrost::prelude::*;
//!
//! let data = ImageFolder::open("photos")?; // train/ and valid/ found, or split evenly over the classes
//! let mut learner = data.learner(Pretrained::new("resnet34"))?; // weights in the program, from the hub, a file or a run
//! learner.fine_tune(4)?; // fastai's recipe; `learner.train()` is the command's
//! learner.freeze_to(-2)?;
//! learner.fit_one_cycle(4, "1e-5..1e-3")?;
//! println!("{:?}", learner.predict("new.jpg")?);
//! learner.save("runs/photos")?;
//! let model = Learner::load("runs/photos")?;
//! # let _ = model;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! A network is a list of [stages](Stage); freezing is a position in it, kept in one value, the
//! [`FreezePlan`]. The [`Learner`] runs [phases](recipe) under such plans. `vision` brings image
//! folders and pretrained image networks, `text` texts and
//! the networks that read them, `tabular` tables.
//!
//! # Features
//!
//! All are on unless you set `default-features = false`. Freezing your own network needs none.
//!
//! | feature | brings |
//! |---|---|
//! | `vision` | image folders, augmentation, pretrained image networks |
//! | `text` | texts, tokenizers, the networks that read them |
//! | `tabular` | tables |
//! | `hub` | weights from the Hugging Face hub |
//! | `pytorch` | weights from PyTorch's own files |
//! | `archive` | runs in one file |
//! | `onnx` | runs as ONNX files, weights for PyTorch |
//! | `report` | pages about runs, event files for TensorBoard |
//! | `embedded-weights` | EfficientNet-Lite0's ImageNet weights in the program, 7 MB |
//!
//! # Systems and versions
//!
//! Developed on Linux. `wasm32-unknown-unknown` is tried with `vision` and `embedded-weights`, under Node, and computes on one thread; [`platform`] says what differs there.
//! The minimum Rust version is 1.95, and raising it is a minor version. Semantic versioning covers what is public here and the files
//! that runs leave: what a version has written, later ones with the same first number (before 1.0: the same second one) read.
//! It covers neither the numbers that training arrives at nor Burn's types, whose version is part of this crate's.

#![forbid(unsafe_code)]
pub use burn;

mod batch;
pub mod bundle;
pub mod check;
#[cfg(any(feature = "vision", feature = "text", feature = "tabular"))]
pub mod csv_table;
pub mod data;
#[cfg(any(feature = "vision", feature = "text", feature = "tabular"))]
mod domains;
mod errors;
#[cfg(feature = "onnx")]
pub mod export;
pub mod files;
pub mod graph;
mod groups;
pub mod interpret;
#[cfg(any(feature = "vision", feature = "text", feature = "tabular"))]
mod labels;
pub mod layers;
pub mod learner;
pub mod loss;
pub mod metrics;
pub mod ops;
pub mod optim;
mod plan;
pub mod platform;
mod precision;
pub mod prefix;
pub mod prelude;
mod pretrained;
mod rates;
pub mod reading;
pub mod recipe;
mod remedy;
#[cfg(feature = "report")]
pub mod report;
mod schedule;
mod split_data;
pub mod stage;
mod summary;
#[cfg(feature = "tabular")]
pub mod tabular;
#[cfg(feature = "report")]
pub mod tensorboard;
#[cfg(feature = "text")]
pub mod text;
#[cfg(feature = "vision")]
pub mod vision;
pub mod weights;

pub use batch::{Batch, Value};
pub use data::{Target, TargetKind, Validation};
#[cfg(any(feature = "vision", feature = "text", feature = "tabular"))]
pub use domains::{LoadError, Measured, TrainedModel, UseError};
pub use groups::{GroupsError, LayerGroup, LayerGroups, families};
pub use learner::{EpochRecord, Learner, LearnerError, LearnerOptions};
pub use loss::{AnyLoss, Balance, BinaryCrossEntropy, CrossEntropy, Loss};
pub use metrics::{Metric, Prediction};
pub use optim::{AdamW, Lion, Optimizer, Sgd, StepOptions};
pub use plan::{FreezePlan, NormMode, PlanError};
pub use precision::Precision;
pub use prefix::{Cache, CacheLimits};
pub use pretrained::{HeadKind, Pretrained};
pub use rates::{IntoRates, Rates, RatesError};
pub use reading::Reading;
pub use recipe::{FineTune, Gradual, Method, Patience, Phase, Recipe, RecipeError, ResolvedPhase, Thaw};
pub use remedy::{Note, Remedy};
pub use schedule::{HyperParameters, OwnSchedule, Schedule};
pub use split_data::SplitData;
pub use stage::{Network, Parameter, Role, Stage, TrainingFlag};
pub use summary::{GroupState, GroupSummary, PhaseSummary, PlanSummary, StepSummary};
