//! What a page's worker calls: classes and conversions over the library, no logic. `web/` has the pages.
//!
//! Files are in memory ([`files`]): the page puts pictures, weights and runs there and takes runs and checkpoints from there. Everything
//! else that goes back and forth is text in JSON. Errors are sentences with what can be done about them on the page.

#![cfg(all(target_arch = "wasm32", target_os = "unknown"))]

mod events;
mod files;
mod model;
mod playground;
mod recipe;
mod table;
mod words;

use wasm_bindgen::prelude::wasm_bindgen;

/// Lets a panic say where it came from, before the page's worker is lost.
#[wasm_bindgen(start)]
pub fn start() {
    std::panic::set_hook(Box::new(|panic| words::report_panic(&panic.to_string())));
}

/// The version of the library.
#[wasm_bindgen]
pub fn version() -> String {
    env!("CARGO_PKG_VERSION").to_owned()
}
