//! How many connections may be open, all together and for one client; shared by all workers.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::Mutex;
use rustc_hash::{FxBuildHasher, FxHashMap};

use crate::model::Reason;

const SHARDS: usize = 32;

/// Counts open connections and refuses those that are too many.
#[derive(Debug)]
pub struct ConnectionLimits {
    most: usize,
    most_of_client: usize,
    open: AtomicUsize,
    clients: [Mutex<FxHashMap<u128, usize>>; SHARDS],
}

/// A connection that was admitted; dropping it gives the place free.
#[derive(Debug)]
pub struct Admitted {
    limits: Arc<ConnectionLimits>,
    client: Option<u128>,
}

impl ConnectionLimits {
    /// Limits for all connections together and for those of one client.
    #[must_use]
    pub fn new(most: usize, most_of_client: usize) -> Arc<Self> {
        let clients = std::array::from_fn(|_| Mutex::default());
        Arc::new(Self { most, most_of_client, open: AtomicUsize::new(0), clients })
    }

    /// Open connections.
    #[must_use]
    pub fn open(&self) -> usize {
        self.open.load(Ordering::Relaxed)
    }

    /// Takes a place for a connection whose client is not known yet.
    ///
    /// # Errors
    /// [`Reason::Overloaded`] when all places are taken.
    pub fn admit(self: &Arc<Self>) -> Result<Admitted, Reason> {
        if self.open.fetch_add(1, Ordering::Relaxed) >= self.most {
            self.open.fetch_sub(1, Ordering::Relaxed);
            return Err(Reason::Overloaded);
        }
        Ok(Admitted { limits: Arc::clone(self), client: None })
    }

    fn shard(&self, client: u128) -> Option<&Mutex<FxHashMap<u128, usize>>> {
        use std::hash::BuildHasher;
        let hash = FxBuildHasher.hash_one(client) >> 32;
        self.clients.get(usize::try_from(hash).unwrap_or(0) % SHARDS)
    }
}

impl Admitted {
    /// Counts the connection for its client: one IPv4 address, or one /64 of IPv6, since a single machine has all of it.
    ///
    /// # Errors
    /// [`Reason::TooManyConnections`] when the client holds too many.
    pub fn count_for(&mut self, client: IpAddr) -> Result<(), Reason> {
        let key = match client.to_canonical() {
            IpAddr::V4(address) => u128::from(u32::from(address)),
            IpAddr::V6(address) => u128::from(address) >> 64 << 64,
        };
        let Some(shard) = self.limits.shard(key) else { return Err(Reason::InternalFault) };
        let mut shard = shard.lock();
        let count = shard.entry(key).or_default();
        if *count >= self.limits.most_of_client {
            return Err(Reason::TooManyConnections);
        }
        *count += 1;
        self.client = Some(key);
        Ok(())
    }
}

impl Drop for Admitted {
    fn drop(&mut self) {
        self.limits.open.fetch_sub(1, Ordering::Relaxed);
        let Some(client) = self.client else { return };
        let Some(shard) = self.limits.shard(client) else { return };
        let mut shard = shard.lock();
        if let Some(count) = shard.get_mut(&client) {
            *count -= 1;
            // What has no connection takes no memory.
            if *count == 0 {
                shard.remove(&client);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_is_refused_beyond_its_share_and_admitted_again_afterwards() {
        let limits = ConnectionLimits::new(10, 2);
        let admit = |address: &str| {
            let mut admitted = limits.admit()?;
            admitted.count_for(address.parse().unwrap()).map(|()| admitted)
        };
        let first = admit("192.0.2.1").unwrap();
        let _second = admit("::ffff:192.0.2.1").unwrap();
        assert_eq!(admit("192.0.2.1").unwrap_err(), Reason::TooManyConnections);
        assert!(admit("192.0.2.2").is_ok());
        drop(first);
        assert!(admit("192.0.2.1").is_ok());
    }

    #[test]
    fn a_network_of_64_bits_is_one_client() {
        let limits = ConnectionLimits::new(10, 1);
        let mut first = limits.admit().unwrap();
        first.count_for("2001:db8::1".parse().unwrap()).unwrap();
        let mut second = limits.admit().unwrap();
        assert_eq!(second.count_for("2001:db8::ffff:1".parse().unwrap()), Err(Reason::TooManyConnections));
        assert_eq!(second.count_for("2001:db8:0:1::1".parse().unwrap()), Ok(()));
    }

    #[test]
    fn nothing_is_kept_of_clients_that_left() {
        let limits = ConnectionLimits::new(1, 1);
        let mut admitted = limits.admit().unwrap();
        admitted.count_for("192.0.2.1".parse().unwrap()).unwrap();
        assert_eq!(limits.admit().unwrap_err(), Reason::Overloaded);
        drop(admitted);
        assert_eq!(limits.open(), 0);
        assert!(limits.clients.iter().all(|shard| shard.lock().is_empty()));
    }
}
