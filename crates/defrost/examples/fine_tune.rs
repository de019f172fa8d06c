//! What `defrost train samples/fashion` does, as a program:
//! `cargo run --release -p defrost --example fine_tune`

use std::error::Error;
use std::path::Path;

use burn::tensor::Device;
use defrost::vision::augment::AugmentPolicy;
use defrost::vision::models::Precision;
use defrost::vision::{PictureFolder, Validation, VisionSetup};
use defrost::{FineTune, Learner, LearnerOptions, PlanSummary};

fn main() -> Result<(), Box<dyn Error>> {
    let (device, seed) = (Device::flex(), 42);
    let setup = VisionSetup { size: 64, precision: Precision::fastest(), ..VisionSetup::default() };
    let validation = Validation::Found { otherwise: 0.2 };
    let augment = AugmentPolicy::default();
    let data =
        PictureFolder::open(Path::new("samples/fashion"), &validation, &setup.preprocess()?, &augment, seed)?;

    let (network, model) = setup.build(data.classes.len(), &device)?;
    let (train, valid) = (Box::new(data.train), Box::new(data.valid));
    let mut learner = Learner::new(network, train, valid, data.classes.len(), LearnerOptions::default())?;

    let phases = FineTune::new(1).phases();
    learner.run(&phases)?;
    for epoch in learner.history().records() {
        println!("{} epoch {}: accuracy {:.3}", epoch.phase, epoch.epoch, epoch.accuracy);
    }

    let plan =
        PlanSummary::new("efficientnet_lite0", learner.plan(), &phases, learner.batches_per_epoch(), false)?;
    let run = Path::new("runs/example");
    std::fs::create_dir_all(run)?;
    learner.save(run, &model, &data.classes, plan)?;
    Ok(())
}
