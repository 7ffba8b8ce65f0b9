//! Threads: every thread of the engine and its server is started here, so that each tells the account of memory what it has allocated
//! and freed when it ends. One that moves much memory also tells as it goes: `memory::tell_if_much`.

mod processors;

pub use processors::Processors;

use std::io::{self, Write};
use std::thread::{Builder, JoinHandle, Scope, ScopedJoinHandle};

use crate::memory;

/// Starts a thread.
///
/// # Errors
/// If the system gives none.
pub fn spawn<T: Send + 'static>(
    name: impl Into<String>,
    body: impl FnOnce() -> T + Send + 'static,
) -> io::Result<JoinHandle<T>> {
    Builder::new().name(name.into()).spawn(|| run(body))
}

/// Starts a thread that ends with `scope`.
pub fn spawn_in<'scope, T: Send + 'scope>(
    scope: &'scope Scope<'scope, '_>,
    name: impl Into<String>,
    body: impl FnOnce() -> T + Send + 'scope,
) -> io::Result<ScopedJoinHandle<'scope, T>> {
    Builder::new().name(name.into()).spawn_scoped(scope, || run(body))
}

/// Tells when it is dropped.
struct Teller;

impl Drop for Teller {
    fn drop(&mut self) {
        memory::tell();
    }
}

fn run<T>(body: impl FnOnce() -> T) -> T {
    memory::open_share();
    let _teller = Teller;
    body()
}

/// Writes what a thread of somebody else's gives it, and tells for that thread: it frees what others have allocated.
#[derive(Debug)]
pub struct Telling<W>(pub W);

impl<W: Write> Write for Telling<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        memory::tell_if_much();
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        memory::tell();
        self.0.flush()
    }
}
