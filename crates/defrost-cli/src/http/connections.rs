//! Which connections are accepted: no more than a number, so that files remain for everything else, and no more than a quarter
//! of them from one other machine.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use defrost::platform::most_open_files;

/// The part of the connections that one address may have, and the part of the process's files that connections may be.
const A_PART: usize = 4;

/// Those that are open, by address.
#[derive(Clone)]
pub struct Connections {
    open: Arc<Mutex<HashMap<IpAddr, usize>>>,
    most: usize,
}

/// An open connection; it is counted until this is dropped.
pub struct Admitted {
    open: Arc<Mutex<HashMap<IpAddr, usize>>>,
    address: IpAddr,
}

impl Connections {
    /// This many at most, and no more than a quarter of the files that the process may have open.
    pub fn at_most(most: usize) -> Self {
        let files = most_open_files().map_or(most, |files| files as usize / A_PART);
        Self { open: Arc::default(), most: most.min(files).max(1) }
    }

    /// How many there can be.
    pub fn most(&self) -> usize {
        self.most
    }

    /// Admits a connection from an address; nothing if there are too many. Programs of this machine share one address, so they
    /// share all connections.
    pub fn admit(&self, address: IpAddr) -> Option<Admitted> {
        let address = address.to_canonical();
        let mut open = lock(&self.open);
        let of_one = if address.is_loopback() { self.most } else { self.most.div_ceil(A_PART) };
        let of_address = open.get(&address).copied().unwrap_or(0);
        if open.values().sum::<usize>() >= self.most || of_address >= of_one {
            return None;
        }
        open.insert(address, of_address + 1);
        Some(Admitted { open: self.open.clone(), address })
    }
}

impl Drop for Admitted {
    fn drop(&mut self) {
        let mut open = lock(&self.open);
        match open.get_mut(&self.address) {
            Some(count) if *count > 1 => *count -= 1,
            _ => drop(open.remove(&self.address)),
        }
    }
}

fn lock(open: &Mutex<HashMap<IpAddr, usize>>) -> MutexGuard<'_, HashMap<IpAddr, usize>> {
    open.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_machine_leaves_connections_for_others() {
        let connections = Connections { open: Arc::default(), most: 8 };
        let admit = |address: &str| connections.admit(address.parse().unwrap());
        let first = [(); 3].map(|()| admit("10.0.0.1"));
        assert_eq!(first.each_ref().map(Option::is_some), [true, true, false]);
        assert!(admit("::ffff:10.0.0.1").is_none(), "another spelling of it");
        let own = [(); 7].map(|()| admit("127.0.0.1"));
        assert_eq!(own.iter().flatten().count(), 6);
        assert!(admit("10.0.0.2").is_none());
        drop((first, own));
        assert!(admit("10.0.0.1").is_some() && lock(&connections.open).is_empty());
    }
}
