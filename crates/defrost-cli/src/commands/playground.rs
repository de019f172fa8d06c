//! `defrost playground`

use serde_json::json;

use super::print_json;
use crate::Outcome;
use crate::args::PlaygroundArguments;
use crate::http::{self, from_elsewhere};
use crate::pages::{Pages, Playground};
use crate::run::stop_on_signals;
use crate::serve::Access;

/// Serves the page that trains until a signal ends it.
pub fn playground(arguments: &PlaygroundArguments) -> Outcome {
    let page = Playground::new(&Pages::built_in()?)?;
    let (listener, address) = http::listen(arguments.host, arguments.port)?;
    let access = Access::of(arguments.host);
    let stop = stop_on_signals()?;
    let url = format!("http://{address}");
    if access == Access::Open {
        eprintln!(
            "warning: everybody who can reach {address} can open the page; what they do in it stays in their browsers"
        );
        eprintln!(
            "  browsers let it use the camera and work offline at https addresses only, and on this machine"
        );
    }
    eprintln!("the page that trains is at {url}; Ctrl-C ends it");
    if let Some(elsewhere) = from_elsewhere(address) {
        eprintln!("on a phone or another computer in this network: http://{elsewhere}");
    }
    if arguments.json {
        print_json(&json!({ "url": url }))?;
    }
    page.serve(listener, access, stop)
}
