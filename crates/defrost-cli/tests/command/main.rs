//! The command, tested as a command, in temporary folders.

mod advise;
mod bad_input;
mod cache;
mod channels;
mod check;
mod client;
mod folders;
mod groups;
mod help;
mod labels;
mod learning;
mod live;
mod memory;
mod pack;
mod permissions;
mod plan;
mod report;
mod resume;
mod serve;
mod support;
mod tables;
mod tensorboard;
mod tidy;
mod tiers;
mod train;
mod trust;
