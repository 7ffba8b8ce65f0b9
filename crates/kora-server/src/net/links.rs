//! A worker's links: connections to other servers in the same poller as its clients, so that nobody waits for one in a system call.
//!
//! [`Link`] says what is to be sent and what has come; here are its socket, the addresses of its peer, and the clock. A link whose user needs it no
//! longer can be kept for a while, under a name, for whoever asks for that name next.
//!
//! Commands run on their worker's thread and know nothing of the worker, so a worker's links belong to its thread: [`with`] lends them.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, unbounded};
use kora_core::shard::hub::Wake as _;

use super::link::{Cause, Link};
use super::poller::{PollWaker, Registrar};
use super::resolve::{literal, resolve};
use super::tls::Security;
use super::{Poller, Ready, Received, Transport};

/// Tokens from here on are links'.
pub(crate) const LINK_TOKENS: usize = 1 << 56;

/// How long a link is kept that nobody uses, as in Redis.
const KEPT_FOR: Duration = Duration::from_secs(10);

/// Links that a worker keeps at most.
pub(crate) const KEPT_MAX: usize = 4;

/// Bytes sent by one link in a round of its worker at most: others wait meanwhile.
const SEND_BYTES_MAX: usize = 1024 * 1024;

/// Bytes received at once, and how often in a round.
const RECEIVE_BYTES: usize = 16 * 1024;
const RECEIVE_TIMES_MAX: usize = 16;

/// A server to connect to.
#[derive(Clone, Debug)]
pub(crate) struct Remote {
    pub(crate) host: String,
    pub(crate) port: u16,
    /// How connections to it are encrypted, if they are.
    pub(crate) security: Option<Security>,
}

/// Names a link: never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LinkId {
    slot: usize,
    number: u64,
}

/// What a look-up of a name has found.
type Found = (LinkId, io::Result<Vec<SocketAddr>>);

/// A link with its socket.
#[derive(Debug)]
struct Wired {
    number: u64,
    link: Link,
    transport: Option<Transport>,
    /// How it is encrypted, if it is.
    security: Option<Security>,
    /// Addresses that are still to be tried.
    addresses: VecDeque<SocketAddr>,
    /// What it is kept as, and until when.
    kept: Option<(Vec<u8>, Instant)>,
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Links {
    wired: Vec<Option<Wired>>,
    last_number: u64,
    registrar: Registrar,
    waker: PollWaker,
    found: (Sender<Found>, Receiver<Found>),
    /// Places of those that can go on without a further word from the poller.
    restless: Vec<usize>,
    buffer: Vec<u8>,
}

thread_local! {
    static OF_THREAD: RefCell<Option<Links>> = const { RefCell::new(None) };
}

/// Gives the thread its links.
pub(crate) fn install(links: Links) {
    OF_THREAD.set(Some(links));
}

/// Calls `body` with the links of the thread; `None` if it has none.
pub(crate) fn with<T>(body: impl FnOnce(&mut Links) -> T) -> Option<T> {
    OF_THREAD.with_borrow_mut(|links| links.as_mut().map(body))
}

impl Links {
    /// No links yet, in this poller.
    pub(crate) fn new(poller: &Poller) -> io::Result<Self> {
        Ok(Self {
            wired: Vec::new(),
            last_number: 0,
            registrar: poller.registrar()?,
            waker: poller.waker(),
            found: unbounded(),
            restless: Vec::new(),
            buffer: Vec::new(),
        })
    }

    /// Begins to connect to a server. What comes of it is seen in the link.
    pub(crate) fn open(&mut self, to: &Remote, patience: Duration, now: Instant) -> LinkId {
        let Remote { host, port, security } = to;
        let (host, port) = (host.as_str(), *port);
        let slot = self.wired.iter().position(Option::is_none).unwrap_or(self.wired.len());
        if slot == self.wired.len() {
            self.wired.push(None);
        }
        self.last_number += 1;
        let id = LinkId { slot, number: self.last_number };
        let link = Link::new(patience, now);
        let address = literal(host, port);
        self.wired[slot] = Some(Wired {
            number: id.number,
            link,
            transport: None,
            security: security.clone(),
            addresses: address.into_iter().collect(),
            kept: None,
        });
        if address.is_some() {
            self.connect(slot, now);
        } else if let Err(error) = self.look_up(id, host, port) {
            tracing::warn!("can't look up {host}: {error}");
            self.fail(slot, Cause::System(error.kind()));
        }
        id
    }

    fn look_up(&self, id: LinkId, host: &str, port: u16) -> io::Result<()> {
        let (sender, waker) = (self.found.0.clone(), self.waker.clone());
        resolve(host.to_owned(), port, move |addresses| {
            // If the links are gone, so is the worker.
            let _ = sender.send((id, addresses));
            waker.wake();
        })
    }

    /// A link.
    pub(crate) fn get(&mut self, id: LinkId) -> Option<&mut Link> {
        self.of(id).map(|wired| &mut wired.link)
    }

    fn of(&mut self, id: LinkId) -> Option<&mut Wired> {
        self.wired.get_mut(id.slot)?.as_mut().filter(|wired| wired.number == id.number)
    }

    /// Sends `bytes` by a link, which lead to so many replies.
    pub(crate) fn send(
        &mut self,
        id: LinkId,
        bytes: Vec<u8>,
        replies: usize,
        patience: Duration,
        now: Instant,
    ) {
        if let Some(link) = self.get(id) {
            link.send(bytes, replies, patience, now);
            self.advance(id.slot, now);
        }
    }

    /// Ends a link.
    pub(crate) fn close(&mut self, id: LinkId) {
        if self.of(id).is_some() {
            self.wired[id.slot] = None;
        }
    }

    /// Keeps an idle link for whoever asks for `name` next; one that is not idle is closed.
    pub(crate) fn keep(&mut self, id: LinkId, name: Vec<u8>, now: Instant) {
        let Some(wired) = self.of(id) else { return };
        if !wired.link.is_idle() {
            return self.close(id);
        }
        wired.kept = Some((name, now + KEPT_FOR));
        if self.kept_count() > KEPT_MAX {
            let until = |wired: &Option<Wired>| wired.as_ref()?.kept.as_ref().map(|(_, until)| *until);
            let kept = self.wired.iter().enumerate().filter_map(|(slot, wired)| Some((until(wired)?, slot)));
            if let Some((_, oldest)) = kept.min() {
                self.wired[oldest] = None;
            }
        }
    }

    /// A link that was kept under `name`, if there is one that is still good.
    pub(crate) fn take_kept(&mut self, name: &[u8], now: Instant) -> Option<LinkId> {
        loop {
            let is_wanted = |wired: &Wired| wired.kept.as_ref().is_some_and(|(kept, _)| kept == name);
            let slot = self.wired.iter().position(|wired| wired.as_ref().is_some_and(is_wanted))?;
            // The other side may have closed it since the poller was last asked.
            if let Some(transport) = self.wired[slot].as_mut().and_then(|wired| wired.transport.as_mut()) {
                transport.look();
            }
            self.advance(slot, now);
            if let Some(wired) = &mut self.wired[slot] {
                wired.kept = None;
                return Some(LinkId { slot, number: wired.number });
            }
        }
    }

    /// Links that are kept.
    pub(crate) fn kept_count(&self) -> usize {
        self.wired.iter().flatten().filter(|wired| wired.kept.is_some()).count()
    }

    /// Notes what the poller says of one of them.
    pub(crate) fn note_ready(&mut self, ready: Ready, now: Instant) {
        let slot = ready.token - LINK_TOKENS;
        let wired = self.wired.get_mut(slot).and_then(Option::as_mut);
        if let Some(transport) = wired.and_then(|wired| wired.transport.as_mut()) {
            transport.note(ready);
            self.advance(slot, now);
        }
    }

    /// Whether [`Links::run`] has nothing to do, now or later.
    pub(crate) fn is_empty(&self) -> bool {
        self.wired.is_empty()
    }

    /// Does what is due.
    pub(crate) fn run(&mut self, now: Instant) {
        while let Ok((id, addresses)) = self.found.1.try_recv() {
            self.take_addresses(id, addresses, now);
        }
        for slot in std::mem::take(&mut self.restless) {
            self.advance(slot, now);
        }
        for slot in 0..self.wired.len() {
            let Some(wired) = &mut self.wired[slot] else { continue };
            if wired.kept.as_ref().is_some_and(|(_, until)| *until <= now) {
                self.wired[slot] = None;
            } else if wired.link.expire(now) {
                wired.transport = None;
                self.connect(slot, now);
            }
        }
        while self.wired.pop_if(|wired| wired.is_none()).is_some() {}
    }

    /// How long it is from `now` until [`Links::run`] has something to do.
    pub(crate) fn until_next(&self, now: Instant) -> Duration {
        if !self.restless.is_empty() {
            return Duration::ZERO;
        }
        let due = |wired: &Wired| match &wired.kept {
            Some((_, until)) => Some(*until),
            None => wired.link.deadline(),
        };
        let first = self.wired.iter().flatten().filter_map(due).min();
        first.map_or(Duration::MAX, |first| first.saturating_duration_since(now))
    }

    fn take_addresses(&mut self, id: LinkId, addresses: io::Result<Vec<SocketAddr>>, now: Instant) {
        let Some(wired) = self.of(id) else { return };
        match addresses {
            Ok(addresses) if wired.link.is_connecting() => {
                wired.addresses = addresses.into();
                wired.link.connect_anew(now);
                self.connect(id.slot, now);
            }
            Ok(_) => {}
            Err(error) => self.fail(id.slot, Cause::System(error.kind())),
        }
    }

    /// Begins to connect to the next address, if there is one; if it can't be, the link fails by that unless it has failed already.
    fn connect(&mut self, slot: usize, now: Instant) {
        let Some(wired) = &mut self.wired[slot] else { return };
        let mut cause = Cause::System(io::ErrorKind::NotFound);
        while let Some(address) = wired.addresses.pop_front() {
            wired.link.connect_anew(now);
            let connected = Transport::connect(address, wired.security.clone()).and_then(|mut transport| {
                self.registrar.add(&mut transport, LINK_TOKENS + slot)?;
                Ok(transport)
            });
            match connected {
                Ok(transport) => {
                    wired.transport = Some(transport);
                    return;
                }
                Err(error) => cause = Cause::System(error.kind()),
            }
        }
        wired.link.fail(cause);
    }

    fn fail(&mut self, slot: usize, cause: Cause) {
        if let Some(wired) = &mut self.wired[slot] {
            wired.transport = None;
            wired.link.fail(cause);
        }
    }

    /// Takes a link as far as it can go now.
    fn advance(&mut self, slot: usize, now: Instant) {
        let Some(wired) = self.wired.get_mut(slot).and_then(Option::as_mut) else { return };
        match wired.establish(now) {
            Ok(true) => {}
            Ok(false) => return,
            Err(error) => {
                if wired.transport.take().is_some_and(|transport| transport.is_encrypted()) {
                    tracing::warn!("an encrypted connection to another server failed: {error}");
                }
                if wired.addresses.is_empty() {
                    wired.link.fail(Cause::System(error.kind()));
                }
                return self.connect(slot, now);
            }
        }
        self.buffer.resize(RECEIVE_BYTES, 0);
        let has_more = wired.transfer(&mut self.buffer, now);
        if wired.link.failure().is_some() {
            wired.transport = None;
        }
        if wired.kept.is_some() && !wired.link.is_idle() {
            // Closed, or not in step.
            self.wired[slot] = None;
        } else if has_more && !self.restless.contains(&slot) {
            self.restless.push(slot);
        }
    }
}

impl Wired {
    /// Whether it is connected.
    fn establish(&mut self, now: Instant) -> io::Result<bool> {
        let Some(transport) = &mut self.transport else { return Ok(false) };
        let is_established = transport.establish()?;
        if is_established && self.link.is_connecting() {
            self.link.established(now);
            self.addresses.clear();
        }
        Ok(is_established)
    }

    /// Sends and receives; whether more could be done at once.
    fn transfer(&mut self, buffer: &mut [u8], now: Instant) -> bool {
        let Some(transport) = &mut self.transport else { return false };
        let (mut sent, mut failure) = (0, None);
        if transport.has_unsent() && transport.can_send() {
            failure = transport.flush().err().map(|error| Cause::System(error.kind()));
        }
        while sent < SEND_BYTES_MAX && transport.can_send() && !self.link.unsent().is_empty() {
            let unsent = self.link.unsent();
            match transport.write(&unsent[..unsent.len().min(SEND_BYTES_MAX)]) {
                Ok(count) if count > 0 => {
                    sent += count;
                    self.link.sent(count, now);
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Ok(_) => failure = Some(Cause::Closed),
                Err(error) => failure = Some(Cause::System(error.kind())),
            }
            if failure.is_some() {
                break;
            }
        }
        let mut times = 0;
        while times < RECEIVE_TIMES_MAX && transport.can_receive() && self.link.failure().is_none() {
            times += 1;
            match transport.receive(buffer) {
                Received::Bytes(count) => self.link.received(&buffer[..count], now),
                Received::Nothing => {}
                Received::End => self.link.fail(Cause::Closed),
            }
        }
        // What the other side said before it went has been heard.
        if let Some(cause) = failure {
            self.link.fail(cause);
        }
        let can_go_on = transport.can_receive() || transport.can_send() && !self.link.unsent().is_empty();
        self.link.failure().is_none() && can_go_on
    }
}

#[cfg(test)]
mod tests;
