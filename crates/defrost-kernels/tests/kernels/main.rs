//! Every kernel on every level of this machine.

mod close;
mod conv;
mod depthwise;
mod elementwise;
mod norm;
mod pool;
mod support;
