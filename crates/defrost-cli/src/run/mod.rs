//! A run: its folder, the command that started it, the facts for its report, and the signals that stop it.

mod folder;
mod overview;
mod record;
mod room;
mod session;
mod signals;
mod word;

pub use folder::{PACKED, RunFolder, create_advice_folder, create_folder, packed_file};
pub use overview::Overview;
pub use record::{about_run, data_name};
pub use room::{check_memory, reserve_room};
pub use session::{Session, is_unfinished};
pub use signals::stop_on_signals;
pub use word::{Word, shell_command};
