//! What a program adds to defrost without touching it: an architecture, a loss, an optimizer and a domain, each in a file.
//!
//! `cargo run --manifest-path examples/extend/Cargo.toml`

mod architecture;
mod loss;
mod optimizer;
mod signals;

use std::error::Error;
use std::path::Path;
use std::sync::Arc;

use defrost::prelude::*;

fn main() -> Result<(), Box<dyn Error>> {
    let runs = std::env::temp_dir().join(format!("defrost-extend-{}", std::process::id()));
    images(&runs.join("images"))?;
    signals::learn(&runs.join("signals"))?;
    std::fs::remove_dir_all(runs)?;
    Ok(())
}

/// Trains the new architecture with the new loss and the new optimizer, saves the run and uses it.
fn images(run: &Path) -> Result<(), Box<dyn Error>> {
    architecture::register()?;
    loss::register();

    let images = (0..40).map(|n| (stripes(n), if n % 2 == 0 { "lying" } else { "standing" }));
    let options = LearnerOptions {
        loss: Some(loss::Focal { gamma: 2.0 }.into()),
        optimizer: Arc::new(optimizer::SignSgd),
        batch_size: 8,
        ..LearnerOptions::default()
    };
    let mut learner = ImageData::from_images(images)?
        .learner_with(Pretrained::none(architecture::NAME).size(16), options)?;
    learner.fit_one_cycle(4, 1e-2)?;
    learner.save(run)?;

    let model = Learner::load(run)?;
    println!("images: {:?}", learner.history().records().last());
    println!("a saved run of the new architecture has the classes {:?}", model.classes());
    Ok(())
}

/// Lying stripes for even numbers, standing ones for odd ones.
fn stripes(n: usize) -> Image {
    const SIDE: usize = 16;
    let bright = |index: usize| {
        let along = if n.is_multiple_of(2) { index / SIDE } else { index % SIDE };
        if ((along + n / 2) / 2).is_multiple_of(2) { 220 } else { 30 }
    };
    let pixels = (0..SIDE * SIDE).flat_map(|index| [bright(index); 3]).collect();
    Image::from_rgb(SIDE, SIDE, pixels).expect("there are three values a pixel")
}
