//! What a network has learned, and its errors: pairs of classes that are confused, the items it is
//! most wrong about, what in an item spoke for an answer, how far training has moved each stage. Nothing here knows images, texts or tables.

mod confused;
#[cfg(any(feature = "vision", feature = "text"))]
pub(crate) mod evidence;
mod examples;
mod heat;
mod importance;
mod movement;

pub use confused::{ConfusedPair, most_confused};
pub use examples::{drawn, item_losses, surest_hits, top_losses};
pub use heat::HeatMap;
pub use importance::{FieldImportance, field_importance};
pub use movement::{Movement, movements};
