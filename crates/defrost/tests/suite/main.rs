//! What the library promises, tested from outside.

mod adam;
mod frozen;
mod networks;
mod plans;
mod support;
