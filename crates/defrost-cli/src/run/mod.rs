//! A run: its folder, the command it was started with, what its report is told, and how it is stopped.

mod folder;
mod record;
mod session;
mod signals;
mod word;

pub use folder::{PACKED, create_advice_folder, create_folder, packed_file};
pub use record::{about_run, data_name};
pub use session::{Session, is_unfinished};
pub use signals::stop_on_signals;
pub use word::{Word, shell_command};
