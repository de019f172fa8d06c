//! Transfer learning without Python or a GPU.
//!
//! defrost takes a pretrained network, freezes most of it, teaches the rest a new task, then thaws it
//! layer group by layer group: fast.ai's `freeze`, `unfreeze`, `freeze_to`, discriminative learning
//! rates and `fine_tune`, on [Burn](burn).
//!
//! A network is a list of [stages](Stage); freezing is a position in it, kept in one value, the
//! [`FreezePlan`]. The [`Learner`] runs [phases](recipe) under such plans. [`vision`] brings image
//! folders and pretrained image networks, [`text`] texts and
//! the networks that read them, [`tabular`] tables.

#![forbid(unsafe_code)]

mod batch;
pub mod bundle;
pub mod check;
pub mod csv_table;
pub mod data;
pub mod files;
mod groups;
pub mod interpret;
pub mod layers;
pub mod learner;
mod loss;
pub mod metrics;
pub mod ops;
mod optim;
mod plan;
mod precision;
pub mod prefix;
mod rates;
pub mod recipe;
pub mod report;
mod schedule;
mod stage;
mod summary;
pub mod tabular;
pub mod tensorboard;
pub mod text;
pub mod vision;
pub mod weights;

pub use batch::{Batch, Value};
pub use data::Target;
pub use groups::{GroupsError, LayerGroup, LayerGroups, families};
pub use learner::{EpochRecord, Learner, LearnerError, LearnerOptions};
pub use loss::{CrossEntropy, Loss, TargetScaler};
pub use optim::{Adam, Moments, StepOptions};
pub use plan::{FreezePlan, NormMode, PlanError};
pub use precision::Precision;
pub use prefix::{Cache, CacheLimits};
pub use rates::{Rates, RatesError};
pub use recipe::{FineTune, Phase, Thaw};
pub use schedule::{HyperParameters, MOMENTUM, Schedule, cosine};
pub use stage::{Network, Parameter, Role, Stage, TrainingFlag};
pub use summary::{GroupSummary, PhaseSummary, PlanSummary, StepSummary};
