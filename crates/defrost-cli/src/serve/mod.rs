//! `defrost serve`: a saved run behind HTTP.
//!
//! One thread owns the network and takes what waits in batches; another one talks to everybody. What is accepted is
//! bounded before it is read, and is answered, whatever happens.

mod assets;
mod batcher;
mod guard;
mod inputs;
mod metrics;
mod server;
mod upload;

pub use batcher::{queue, work};
pub use guard::{Access, guarded};
pub use inputs::Served;
pub use metrics::Metrics;
pub use server::Server;
