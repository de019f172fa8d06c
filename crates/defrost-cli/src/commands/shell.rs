//! `defrost completions SHELL` and `defrost man DIR`

use std::fs;

use crate::Outcome;
use crate::args::{self, CompletionsArguments, ManArguments};
use crate::failure::Failure;

/// Prints a shell's completion script.
pub fn completions(arguments: &CompletionsArguments) -> Outcome {
    let mut script = vec![];
    clap_complete::generate(arguments.shell, &mut args::command(), "defrost", &mut script);
    print!("{}", String::from_utf8_lossy(&script));
    Ok(())
}

/// Writes a manual page for each command.
pub fn man(arguments: &ManArguments) -> Outcome {
    let folder = &arguments.folder;
    let write = || {
        fs::create_dir_all(folder)?;
        clap_mangen::generate_to(args::command(), folder)
    };
    write().map_err(|error| Failure::usage(format!("{}: {error}; give another folder", folder.display())))?;
    println!("{}", folder.join("defrost.1").display());
    Ok(())
}
