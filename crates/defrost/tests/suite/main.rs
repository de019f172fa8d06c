//! What the library promises, tested from outside.

mod adam;
mod architectures;
mod awd_lstm;
mod cached;
mod channels;
mod domains;
mod fit;
mod frozen;
mod hostile;
mod hub;
mod lr_find;
mod metrics;
mod networks;
mod ops;
mod plans;
mod pretrained_run;
mod pytorch;
mod resume;
mod self_test;
mod support;
mod targets;
mod texts;
mod tidy;
mod training;
