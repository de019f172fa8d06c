//! `defrost playground`

use std::net::{IpAddr, Ipv4Addr};

use clap::Args;

#[derive(Debug, Args)]
pub struct PlaygroundArguments {
    /// Port; 0 takes a free one
    #[arg(long, value_name = "P", default_value_t = 8002)]
    pub port: u16,
    /// Address to listen at; 0.0.0.0 lets everybody in your network open the page
    #[arg(long, value_name = "ADDR", default_value_t = Ipv4Addr::LOCALHOST.into())]
    pub host: IpAddr,
    /// Print the address as one JSON object on stdout
    #[arg(long, help_heading = "Output")]
    pub json: bool,
}
