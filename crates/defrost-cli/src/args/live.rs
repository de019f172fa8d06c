//! `--live`

use std::net::{Ipv4Addr, SocketAddr};
use std::str::FromStr;

/// The place asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LiveAddress {
    /// Any port of this machine, the usual one if it is free.
    Usual,
    /// This one.
    At(SocketAddr),
}

impl FromStr for LiveAddress {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let port = text.parse().map(|port| SocketAddr::new(Ipv4Addr::LOCALHOST.into(), port));
        match (text, port.or_else(|_| text.parse())) {
            ("", _) => Ok(Self::Usual),
            (_, Ok(address)) => Ok(Self::At(address)),
            _ => Err(format!(
                "`{text}` is neither a port, as 8001, nor an address with one, as 127.0.0.1:8001"
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_a_port_of_this_machine_or_an_address() {
        let at = |text: &str| text.parse::<LiveAddress>();
        assert_eq!(at(""), Ok(LiveAddress::Usual));
        assert_eq!(at("8080"), Ok(LiveAddress::At("127.0.0.1:8080".parse().unwrap())));
        assert_eq!(at("0.0.0.0:0"), Ok(LiveAddress::At("0.0.0.0:0".parse().unwrap())));
        assert_eq!(at("[::1]:80"), Ok(LiveAddress::At("[::1]:80".parse().unwrap())));
        for text in ["70000", "localhost", "-1", "127.0.0.1"] {
            assert!(at(text).is_err_and(|error| error.starts_with(&format!("`{text}` is neither a port"))));
        }
    }
}
