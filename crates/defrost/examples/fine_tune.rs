//! A pretrained network on a folder of images: `cargo run --release -p defrost --example fine_tune [FOLDER]`

use defrost::prelude::*;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = std::env::args().nth(1).unwrap_or_else(|| "samples/fashion".to_owned());
    let data = ImageFolder::open(&folder)?;
    let mut learner = data.learner(Pretrained::new("efficientnet_lite0").size(64))?;
    learner.train_for(1)?;
    println!("{:?}", learner.best());
    learner.save("runs/example")?;

    let model = Learner::load("runs/example")?;
    println!("{:?}", model.evaluate(&folder)?.evaluation.metrics);
    Ok(())
}
