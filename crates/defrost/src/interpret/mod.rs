//! What a network has learned, and its errors: pairs of classes that are confused, the items it is
//! most wrong about, how far training has moved each stage. Nothing here knows images, texts or tables.

mod confused;
mod examples;
mod heat;
mod movement;

pub use confused::{ConfusedPair, most_confused};
pub use examples::{drawn, item_losses, surest_hits, top_losses};
pub use heat::HeatMap;
pub use movement::{Movement, movements};
