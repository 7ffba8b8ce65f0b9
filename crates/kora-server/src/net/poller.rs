//! What tells a worker which of its sockets may go on.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use kora_core::shard::hub::Wake;
use mio::{Events, Interest, Poll, Registry, Token, Waker};

use super::{Listener, Transport};

/// Events taken from the system at once.
const EVENTS_MAX: usize = 1024;

/// Token of the waker; all others are smaller.
const WAKE_TOKEN: Token = Token(usize::MAX);

/// One worker's view of readiness.
#[derive(Debug)]
pub(crate) struct Poller {
    poll: Poll,
    events: Events,
    waker: PollWaker,
}

/// A socket that became ready.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ready {
    /// The token it was registered with.
    pub(crate) token: usize,
    /// There may be something to read, an end of stream or an error included.
    pub(crate) is_readable: bool,
    /// What there is to read has an end, or the socket is broken: it will not be told again.
    pub(crate) has_ended: bool,
    /// There may be room to write.
    pub(crate) is_writable: bool,
}

/// Makes one poller's present or next wait return.
#[derive(Clone, Debug)]
pub(crate) struct PollWaker(Arc<Waker>);

impl Wake for PollWaker {
    fn wake(&self) {
        // The only errors are of a poller that is gone, whose worker needs no waking.
        let _ = self.0.wake();
    }
}

/// Adds transports to a poller.
#[derive(Debug)]
pub(super) struct Registrar(Registry);

impl Registrar {
    /// Has the poller tell from now on of a transport.
    pub(super) fn add(&self, transport: &mut Transport, token: usize) -> io::Result<()> {
        add(&self.0, transport, token)
    }
}

fn add(registry: &Registry, transport: &mut Transport, token: usize) -> io::Result<()> {
    registry.register(transport.source(), Token(token), Interest::READABLE | Interest::WRITABLE)
}

impl Poller {
    pub(crate) fn new() -> io::Result<Self> {
        let poll = Poll::new()?;
        let waker = PollWaker(Arc::new(Waker::new(poll.registry(), WAKE_TOKEN)?));
        Ok(Self { poll, events: Events::with_capacity(EVENTS_MAX), waker })
    }

    /// What makes its wait return.
    pub(crate) fn waker(&self) -> PollWaker {
        self.waker.clone()
    }

    /// Waits until something is ready, a waker is used, or `timeout` has passed.
    pub(crate) fn wait(&mut self, timeout: Duration, ready: &mut Vec<Ready>) -> io::Result<()> {
        match self.poll.poll(&mut self.events, Some(timeout)) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return Ok(()),
            result => result?,
        }
        ready.extend(self.events.iter().filter(|event| event.token() != WAKE_TOKEN).map(|event| Ready {
            token: event.token().0,
            is_readable: event.is_readable() || event.is_read_closed() || event.is_error(),
            has_ended: event.is_read_closed() || event.is_error(),
            is_writable: event.is_writable() || event.is_write_closed(),
        }));
        Ok(())
    }

    /// Tells from now on of a transport.
    pub(crate) fn add(&self, transport: &mut Transport, token: usize) -> io::Result<()> {
        add(self.poll.registry(), transport, token)
    }

    /// Tells of a transport no longer.
    pub(crate) fn remove(&self, transport: &mut Transport) -> io::Result<()> {
        self.poll.registry().deregister(transport.source())
    }

    /// Somebody else's handle to add transports with.
    pub(super) fn registrar(&self) -> io::Result<Registrar> {
        Ok(Registrar(self.poll.registry().try_clone()?))
    }

    /// Tells from now on of a listener.
    pub(crate) fn add_listener(&self, listener: &mut Listener, token: usize) -> io::Result<()> {
        self.poll.registry().register(listener.source(), Token(token), Interest::READABLE)
    }

    /// Tells of a listener no longer.
    pub(crate) fn remove_listener(&self, listener: &mut Listener) -> io::Result<()> {
        self.poll.registry().deregister(listener.source())
    }
}
