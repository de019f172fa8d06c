//! Every kernel on every tier of this machine.

mod conv;
mod support;
