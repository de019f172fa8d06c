//! Pretrained text networks: their stages under the names that checkpoints give the tensors.

mod awd_lstm;
mod bert;
mod config;
mod network;
mod pool;

pub use awd_lstm::{AwdLstm, AwdLstmConfig, Dropouts};
pub use config::{BertConfig, ConfigError, TextConfig};
pub use network::TextNetwork;
