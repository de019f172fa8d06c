//! How another device reaches a server on this machine.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};

/// The address that another device in the network opens, where the server listens at all of this machine's addresses (`0.0.0.0`, `::`).
/// None if it listens at a single address, which is then the one to open, and none without a network.
pub fn from_elsewhere(listens_at: SocketAddr) -> Option<SocketAddr> {
    let own = listens_at.ip().is_unspecified().then(own_address)??;
    Some(SocketAddr::new(own, listens_at.port()))
}

/// The address under which this machine would send something out. Nothing is sent: a datagram's socket only looks up the way.
fn own_address() -> Option<IpAddr> {
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).ok()?;
    // Reserved for documentation (RFC 5737), so the way to it is the way out.
    socket.connect((Ipv4Addr::new(192, 0, 2, 1), 9)).ok()?;
    let own = socket.local_addr().ok()?.ip();
    (!own.is_loopback() && !own.is_unspecified()).then_some(own)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_server_at_all_addresses_has_another_one() {
        assert_eq!(from_elsewhere("127.0.0.1:8000".parse().unwrap()), None);
        assert_eq!(from_elsewhere("192.168.1.20:8000".parse().unwrap()), None);
        // A machine without a network has none.
        if let Some(address) = from_elsewhere("0.0.0.0:8000".parse().unwrap()) {
            assert!(!address.ip().is_loopback() && !address.ip().is_unspecified() && address.port() == 8000);
        }
    }
}
