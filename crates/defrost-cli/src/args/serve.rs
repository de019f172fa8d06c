//! `defrost serve RUN`

use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;

use clap::Args;

use super::signed::SignedOptions;
use super::test_time::TestTimeOptions;
use super::values::at_least_one;

#[derive(Debug, Args)]
pub struct ServeArguments {
    /// Folder of a finished run, or its packed file
    pub run: PathBuf,
    /// Port; 0 takes a free one
    #[arg(long, value_name = "P", default_value_t = 8000)]
    pub port: u16,
    /// Address to listen at; 0.0.0.0 lets everybody in your network use it, without a password
    #[arg(long, value_name = "ADDR", default_value_t = Ipv4Addr::LOCALHOST.into())]
    pub host: IpAddr,
    /// How many classes to list
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = at_least_one)]
    pub top: usize,
    #[command(flatten)]
    pub tta: TestTimeOptions,
    #[command(flatten)]
    pub signed: SignedOptions,
    /// How many requests may wait; more are refused with status 429
    #[arg(long, value_name = "N", default_value_t = 64, value_parser = at_least_one)]
    pub queue: usize,
    /// Largest file in a request, in megabytes; JSON is limited to 1
    #[arg(long, value_name = "MB", default_value_t = 16, value_parser = clap::value_parser!(u16).range(1..=512))]
    pub body_limit: u16,
    /// Threads [default: all cores]
    #[arg(long, value_name = "N", value_parser = at_least_one)]
    pub threads: Option<usize>,
    /// Print the address as one JSON object on stdout
    #[arg(long, help_heading = "Output")]
    pub json: bool,
}
