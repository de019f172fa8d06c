//! `defrost serve`: a saved run behind HTTP.
//!
//! One thread owns the network and predicts waiting requests in batches; another one handles connections. An accepted request is
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
