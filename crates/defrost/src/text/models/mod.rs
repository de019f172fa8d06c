//! Pretrained text networks: their stages under the names that checkpoints give the tensors.

mod bert;
mod config;
mod head;
mod network;

pub use bert::checkpoint_name;
pub use config::{BertConfig, ConfigError};
pub use network::TextNetwork;
