//! The addresses that a name stands for.
//!
//! The system's resolver blocks, for many seconds if no name server answers, so each look-up has a thread: a worker never waits for one.
//! An address needs no look-up. There are few such threads at a time; whoever asks for one more is refused.

use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::sync::atomic::{AtomicUsize, Ordering};

use kora_engine::threads;

/// Look-ups at a time.
const LOOKUPS_MAX: usize = 8;

/// Look-ups under way.
static LOOKUPS: AtomicUsize = AtomicUsize::new(0);

/// A look-up under way, counted.
struct Lookup(&'static AtomicUsize);

impl Lookup {
    fn begin(count: &'static AtomicUsize) -> io::Result<Self> {
        let taken = |count| (count < LOOKUPS_MAX).then_some(count + 1);
        match count.fetch_update(Ordering::AcqRel, Ordering::Acquire, taken) {
            Ok(_) => Ok(Self(count)),
            Err(_) => Err(io::Error::other("too many look-ups of names")),
        }
    }
}

impl Drop for Lookup {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

/// The address, if `host` is one.
pub(super) fn literal(host: &str, port: u16) -> Option<SocketAddr> {
    host.parse::<IpAddr>().ok().map(|address| SocketAddr::new(address, port))
}

/// Looks a name up, and calls `answer` with what came of it, in another thread.
///
/// # Errors
/// If there are too many look-ups, or the system gives no thread.
pub(super) fn resolve(
    host: String,
    port: u16,
    answer: impl FnOnce(io::Result<Vec<SocketAddr>>) + Send + 'static,
) -> io::Result<()> {
    let lookup = Lookup::begin(&LOOKUPS)?;
    threads::spawn("kora-resolver", move || {
        let addresses = (&*host, port).to_socket_addrs().map(Iterator::collect);
        drop(lookup);
        answer(addresses);
    })?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_needs_no_look_up() {
        assert_eq!(literal("127.0.0.1", 7), Some(SocketAddr::from(([127, 0, 0, 1], 7))));
        assert!(literal("::1", 7).is_some_and(|address| address.is_ipv6()));
        assert_eq!(literal("localhost", 7), None);
    }

    #[test]
    fn a_name_is_looked_up_elsewhere() {
        let (sender, answers) = crossbeam_channel::unbounded();
        resolve("localhost".to_owned(), 7, move |addresses| sender.send(addresses).unwrap()).unwrap();
        let addresses = answers.recv().unwrap().unwrap();
        assert!(!addresses.is_empty() && addresses.iter().all(|address| address.ip().is_loopback()));
    }

    #[test]
    fn there_are_few_look_ups_at_a_time() {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let lookups: Vec<_> = (0..LOOKUPS_MAX).map(|_| Lookup::begin(&COUNT).unwrap()).collect();
        assert!(Lookup::begin(&COUNT).is_err());
        drop(lookups);
        assert!(Lookup::begin(&COUNT).is_ok());
    }
}
