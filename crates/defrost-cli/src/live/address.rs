//! Where a live page is.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener};

use crate::args::LiveAddress;
use crate::failure::{Blame, Failure};
use crate::http::from_elsewhere;

/// The port where none is given.
const PORT: u16 = 8001;

/// A socket that waits for readers, and whether it is not at the usual port because that is taken.
#[derive(Debug)]
pub struct Listening {
    /// The socket.
    pub listener: TcpListener,
    address: SocketAddr,
    is_second_choice: bool,
}

impl LiveAddress {
    /// Listens there.
    pub fn listen(self) -> Result<Listening, Failure> {
        let (usual, any) = (SocketAddr::from((Ipv4Addr::LOCALHOST, PORT)), (Ipv4Addr::LOCALHOST, 0));
        let (bound, is_second_choice) = match self {
            Self::At(address) => (TcpListener::bind(address), false),
            Self::Usual => match TcpListener::bind(usual) {
                Ok(listener) => (Ok(listener), false),
                Err(_) => (TcpListener::bind(any), true),
            },
        };
        let listener = bound.map_err(|error| match self {
            Self::At(address) => Failure::usage(format!(
                "--live={address}: nothing can listen there: {error}; --live alone takes a port that is free"
            )),
            Self::Usual => Failure::usage(format!("--live: no port of this machine is free: {error}")),
        })?;
        let address = listener.local_addr().or_failure()?;
        Ok(Listening { listener, address, is_second_choice })
    }
}

impl Listening {
    /// The address it listens at.
    pub fn ip(&self) -> IpAddr {
        self.address.ip()
    }
}

impl fmt::Display for Listening {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.ip().is_loopback() {
            writeln!(
                f,
                "warning: everybody who can reach {} can watch, pause and stop the run",
                self.address
            )?;
        }
        write!(f, "live: http://{}", self.address)?;
        if let Some(elsewhere) = from_elsewhere(self.address) {
            write!(f, "\non a phone or another computer in this network: http://{elsewhere}")?;
        }
        if self.is_second_choice { write!(f, " (port {PORT} is taken)") } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_that_is_taken_is_another_one_or_an_error() {
        let first = LiveAddress::At("127.0.0.1:0".parse().unwrap()).listen().unwrap();
        let taken = LiveAddress::At(first.address).listen().unwrap_err().reason();
        assert!(
            taken.starts_with(&format!("--live={}: nothing can listen there: ", first.address)),
            "{taken}"
        );
        let _usual = LiveAddress::Usual.listen().unwrap();
        let other = LiveAddress::Usual.listen().unwrap();
        assert!(other.to_string().ends_with(" (port 8001 is taken)"), "{other}");
        assert!(first.ip().is_loopback() && !first.to_string().contains("warning"));
    }
}
