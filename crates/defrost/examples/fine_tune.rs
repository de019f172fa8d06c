//! What `defrost train samples/fashion` does: `cargo run --release -p defrost --example fine_tune`

use std::error::Error;
use std::path::Path;

use burn::tensor::Device;
use defrost::vision::models::Precision;
use defrost::vision::{ImageFolder, VisionSetup};
use defrost::{FineTune, Learner, LearnerOptions, PlanSummary};

fn main() -> Result<(), Box<dyn Error>> {
    let setup = VisionSetup { size: Some(64), precision: Precision::fastest(), ..VisionSetup::default() };
    let start = setup.open()?;
    let data = ImageFolder::open("samples/fashion")?.read(start.preprocess())?;
    let (classes, train, valid) = (data.classes, Box::new(data.train), Box::new(data.valid));

    let (network, model, _) = start.build(classes.len(), &Device::flex())?;
    let mut learner = Learner::new(network, train, valid, classes.len(), LearnerOptions::default())?;
    let phases = learner.resolve(FineTune::brisk(1))?;
    let plan = PlanSummary::new("lite0", learner.plan(), &phases, learner.batches_per_epoch(), false);
    learner.run(&phases)?;
    println!("{:?}", learner.best());

    let run = Path::new("runs/example");
    std::fs::create_dir_all(run)?;
    learner.save(run, &model, &classes, plan)?;
    Ok(())
}
