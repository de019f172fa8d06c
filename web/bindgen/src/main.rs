//! `bindgen FILE.wasm FOLDER`: what wasm-bindgen's own command does with `--target web`, without all else that it can do.

use std::env::args;
use std::process::ExitCode;

use wasm_bindgen_cli_support::Bindgen;

fn main() -> ExitCode {
    let [_, file, folder] = &args().collect::<Vec<_>>()[..] else {
        eprintln!("bindgen FILE.wasm FOLDER");
        return ExitCode::from(2);
    };
    let made = || -> Result<(), Box<dyn std::error::Error>> {
        let mut bindgen = Bindgen::new();
        bindgen.input_path(file).web(true)?.typescript(false).out_name("defrost");
        Ok(bindgen.generate(folder)?)
    };
    match made() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{file}: {error}");
            ExitCode::FAILURE
        }
    }
}
