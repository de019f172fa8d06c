//! What a network has learned, and where it errs: pairs of classes that are taken for each other, the items it is
//! most wrong about, how far training has moved each stage. Nothing here knows pictures, texts or tables.

mod cases;
mod confused;
mod heat;
mod movement;

pub use cases::{item_losses, surest_hits, top_losses};
pub use confused::{ConfusedPair, most_confused};
pub use heat::HeatMap;
pub use movement::{Movement, movements};
