//! An item as a person would look at it.

use serde::{Deserialize, Serialize};

/// What is shown of an item in a report.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Preview {
    /// A small image.
    #[serde(alias = "picture")]
    Image {
        /// Width in pixels.
        width: usize,
        /// Height in pixels.
        height: usize,
        /// A JPEG file in base64.
        jpeg: String,
    },
    /// The beginning of a text.
    Text(String),
    /// A row's cells, each behind the name of its column.
    Cells(Vec<(String, String)>),
}
