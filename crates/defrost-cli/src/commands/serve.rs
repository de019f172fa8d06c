//! `defrost serve RUN`

use std::sync::Arc;
use std::thread;

use hyper::body::Bytes;
use serde_json::json;

use defrost::bundle::{BATCH, Loaded, ModelConfig};
use defrost::files;

use super::print_json;
use crate::Outcome;
use crate::args::{ServeArguments, Task};
use crate::domain::for_domain;
use crate::failure::{Blame, Failure};
use crate::http::{self, from_elsewhere};
use crate::run::stop_on_signals;
use crate::serve::{Access, Interface, Metrics, Room, Served, Server, queue, work};
use crate::show::{Explanation, Found};
use crate::training;

/// Serves a run until a signal ends it.
pub fn serve(arguments: &ServeArguments) -> Outcome {
    training::start_threads(arguments.threads)?;
    for_domain!(Task::of_run(&arguments.run)?, serve_run(arguments))
}

fn serve_run<S: Served>(arguments: &ServeArguments) -> Outcome {
    arguments.signed.check(&arguments.run)?;
    let run = Loaded::<S::Config>::open(&arguments.run, &training::device()).or_usage()?;
    let answers = S::answers(&run, arguments.tta.tta())?;
    let (listener, address) = http::listen(arguments.host, arguments.port)?;
    let (queue, jobs) = queue(arguments.queue);
    let metrics = Arc::new(Metrics::new());
    let name =
        arguments.run.canonicalize().ok().and_then(|run| Some(run.file_name()?.to_string_lossy().into()));
    let name = name.unwrap_or_else(|| arguments.run.display().to_string());
    let report = report_of(arguments);
    let form = S::form(&run);
    let interface = Interface {
        name: &name,
        arch: run.manifest.model.name(),
        classes: &run.manifest.classes,
        kind: run.manifest.loss.kind(),
        body: S::body(&run),
        explains: form["heat"] == true,
        top: arguments.top,
    };
    let interface = interface.document();
    let about = json!({
        "name": name,
        "task": S::TASK,
        "arch": run.manifest.model.name(),
        "classes": run.manifest.classes,
        "form": form,
        "report": report.as_ref().map(|_| "/report"),
    });
    let access = Access::of(arguments.host);
    let server = Server::<S> {
        queue,
        metrics: metrics.clone(),
        access,
        room: Room::new(usize::from(arguments.body_limit) << 20),
        about,
        interface,
        report,
        top: arguments.top,
    };
    let stop = stop_on_signals()?;
    let serving = thread::Builder::new()
        .name("server".to_owned())
        .spawn(move || server.run(listener, stop))
        .or_failure()?;
    let url = format!("http://{address}");
    if access == Access::Open {
        eprintln!("warning: everybody who can reach {address} can use it");
    }
    eprintln!("{name} answers at {url}; Ctrl-C ends it");
    if let Some(elsewhere) = from_elsewhere(address) {
        eprintln!("on a phone or another computer in this network: http://{elsewhere}");
    }
    if arguments.json {
        print_json(&json!({ "url": url }))?;
    }
    // This thread is one of those that compute: the network is its own.
    let found = |answer| Found::of(&run.manifest, &answer, usize::MAX);
    let predict =
        |inputs: &[S::Input]| answers(inputs).into_iter().map(|prediction| prediction.map(found)).collect();
    let explain = |input: &S::Input| {
        let explained = S::explain(&run, arguments.tta.tta(), input)?;
        Ok((found(explained.prediction.clone()), Explanation::of(&run.manifest, explained)))
    };
    work(jobs, BATCH, &metrics, predict, explain);
    match serving.join() {
        Ok(served) => served.or_failure(),
        Err(_) => Err(Failure::Running(anyhow::anyhow!("the server has failed; what it printed says why"))),
    }
}

/// The page of the run's report, if it is beside it. A signature does not cover it.
fn report_of(arguments: &ServeArguments) -> Option<Bytes> {
    let run = &arguments.run;
    let page = if run.is_file() { run.with_extension("html") } else { run.join("report.html") };
    match arguments.signed.signed_by {
        Some(_) => None,
        None => files::read(&page).ok().map(Bytes::from),
    }
}
