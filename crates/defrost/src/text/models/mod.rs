//! Pretrained text networks: their stages under the names that checkpoints give the tensors.

mod awd_lstm;
mod bert;
mod config;
mod head;
mod network;
mod pool;

pub use awd_lstm::{AwdLstm, AwdLstmConfig, Dropouts};
pub use bert::checkpoint_name;
pub use config::{BertConfig, ConfigError, TextConfig};
pub use network::TextNetwork;
