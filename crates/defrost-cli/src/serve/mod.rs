//! `defrost serve`: a saved run behind HTTP.
//!
//! One thread owns the network and predicts waiting requests in batches; another one handles connections. The memory that
//! requests take is bounded, a slow one holds up no other, and an accepted one is answered, whatever happens.

mod assets;
mod batcher;
mod guard;
mod inputs;
mod metrics;
mod openapi;
mod query;
mod rows;
mod server;
mod upload;

pub use batcher::{queue, work};
pub use guard::{Access, guarded};
pub use inputs::Served;
pub use metrics::Metrics;
pub use openapi::Interface;
pub use server::Server;
pub use upload::Room;
