//! `train --advise`: measures what to freeze, and trains so.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use defrost::Learner;
use defrost::bundle::ModelConfig;
use defrost::learner::{Advice, AdvisedPlan};

use crate::commands::advise::{kept as kept_advice, measured};
use crate::domain::{Domain, Prepared};
use crate::failure::Failure;
use crate::run::{Session, stop_on_signals};
use crate::show::{advice_text, tell};
use crate::training;

/// The learner and its model. With `--advise`, also the advice, and the flag that a signal sets to stop training.
pub type Advised<M> = (Learner<<M as ModelConfig>::Network>, M, Option<(Advice, Arc<AtomicBool>)>);

/// With `--advise`, measures what to freeze and sets the options accordingly. A resumed run takes the advice that it began
/// with. If the advice is to cut the body, the network is built again.
pub fn advised<D: Domain>(
    session: &mut Session,
    mut learner: Learner<<D::Config as ModelConfig>::Network>,
    model: D::Config,
) -> Result<Advised<D::Config>, Failure> {
    if !session.arguments.advise {
        return Ok((learner, model, None));
    }
    let stop = stop_on_signals()?;
    let options = &session.arguments.options;
    let advice = match &session.run {
        Some(run) => kept_advice(run)?,
        None => {
            let asked = (session.arguments.budget, session.words(), stop.clone());
            let advice = measured::<D>(&mut learner, &model, options, asked)?;
            tell!("{}follows it: {}\n", advice_text(&advice), advice.command);
            advice
        }
    };
    let head = learner.plan().groups().count() - 1;
    let options = &mut session.arguments.options;
    options.follow(&advice.plan, head);
    if !matches!(advice.plan, AdvisedPlan::Cut { .. }) {
        return Ok((learner, model, Some((advice, stop))));
    }
    let Prepared { data, network, model, .. } = D::prepare(options, &session.data, &training::device())?;
    let learner = options.open((network, &model), (data.train, data.valid), (data.classes.len(), false))?;
    Ok((learner, model, Some((advice, stop))))
}
