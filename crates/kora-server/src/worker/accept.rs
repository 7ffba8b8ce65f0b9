//! New connections: accepted by the first worker, dealt to the one of those that serve connections that has fewest; and their end.

use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU8, AtomicU16, AtomicU32, AtomicU64, AtomicUsize, Ordering};

use kora_acl::users::DEFAULT;
use kora_core::db::DbIndex;
use kora_core::slot::WorkerId;
use kora_engine::counters::add;
use kora_engine::front::{Mail, Origin, Standing};
use kora_engine::session::{Choice, ReplyMode};
use kora_locks::RankedMutex;
use kora_protocol::Resp;

use super::{LISTENER_TOKENS, Worker};
use crate::net::listen::Change;
use crate::net::{Listener, Peer, Transport};
use crate::resp::Style;
use crate::shared::client::{Client, ClientText, flag};
use crate::shared::connection::{Connection, Session};
use crate::shared::mail::WorkerMail;

/// What a client from elsewhere is told while protected mode refuses it.
pub(super) const PROTECTED_MODE_ERROR: &str = "-DENIED Kora is running in protected mode because protected mode is enabled and \
    no password is set for the default user. In this mode connections are only accepted from the loopback interface. \
    To connect from other machines, set a password with 'requirepass' in the configuration file, or with CONFIG SET \
    requirepass from this machine; or, if the network keeps strangers out, turn the protection off with CONFIG SET \
    protected-mode no, and make it permanent with CONFIG REWRITE; or start the server with --protected-mode no.\r\n";

/// The listeners of a worker.
#[derive(Debug, Default)]
pub(super) struct Listening {
    listeners: Vec<Option<Listener>>,
    /// Accepting failed, and those who wait will not be told of again.
    is_behind: bool,
}

impl Worker {
    /// Listens on other addresses. Unix sockets stay.
    pub(super) fn listen_on(&mut self, Change { opened, places }: Change) -> io::Result<()> {
        for listener in self.listening.listeners.iter_mut().flatten() {
            self.poller.remove_listener(listener)?;
        }
        let stays = |listener: &Listener| listener.place().is_none_or(|place| places.contains(&place));
        let mut listeners: Vec<Listener> =
            self.listening.listeners.drain(..).flatten().filter(stays).collect();
        listeners.extend(opened);
        self.listen(listeners)
    }

    /// Listens on `listeners`; it has no others.
    pub(super) fn listen(&mut self, listeners: Vec<Listener>) -> io::Result<()> {
        self.listening.listeners = listeners.into_iter().map(Some).collect();
        for (index, listener) in self.listening.listeners.iter_mut().enumerate() {
            if let Some(listener) = listener {
                self.poller.add_listener(listener, LISTENER_TOKENS + index)?;
            }
        }
        Ok(())
    }

    /// Accepts what waits at listener `index`.
    pub(super) fn accept(&mut self, index: usize) {
        loop {
            let Some(Some(listener)) = self.listening.listeners.get(index) else { return };
            match listener.accept(self.config.contexts.server.as_ref()) {
                Ok(None) => return,
                Ok(Some((transport, peer))) => self.admit(transport, peer),
                Err(error) => {
                    tracing::warn!("accepting a connection failed: {error}");
                    self.listening.is_behind = true;
                    return;
                }
            }
        }
    }

    /// Accepts those whom a failure has left waiting.
    pub(super) fn accept_left_behind(&mut self) {
        if std::mem::take(&mut self.listening.is_behind) {
            (0..self.listening.listeners.len()).for_each(|index| self.accept(index));
        }
    }

    /// Deals a new connection to the worker that has fewest of those that serve any, or turns it away.
    pub(super) fn admit(&mut self, mut transport: Transport, peer: Peer) {
        // What is encrypted can be refused with words once a handshake is done.
        let is_plain = !transport.is_encrypted();
        let refusal = if !self.shared.clients.reserve(self.config.max_clients as usize) {
            Some("-ERR max number of clients reached\r\n")
        } else if is_plain && self.protects_from(peer.is_local) {
            self.shared.clients.release();
            Some(PROTECTED_MODE_ERROR)
        } else {
            None
        };
        if let Some(text) = refusal {
            add(&self.traffic().connections_rejected, 1);
            if is_plain {
                // The peer may be gone already; it is turned away either way.
                let _ = transport.write(text.as_bytes());
            }
            return;
        }
        add(&self.traffic().connections_received, 1);
        let least = self.least_busy(transport.is_encrypted());
        self.shared.traffic[least.index()].connections.fetch_add(1, Ordering::Relaxed);
        if least == self.turn.id() {
            self.adopt(transport, &peer);
        } else {
            let mail = Mail::Front(WorkerMail::Adopt(transport, peer));
            self.shared.engine.hub.send_driver_mail(least, mail);
        }
    }

    /// The worker that has fewest connections of those that serve any. Handshakes hold nobody up where workers do not serve: those come to
    /// their worker by themselves soon.
    fn least_busy(&self, has_handshake: bool) -> WorkerId {
        let connections =
            |worker: &WorkerId| self.shared.traffic[worker.index()].connections.load(Ordering::Relaxed);
        let least = |serves: bool| {
            let workers = self.shared.engine.hub.workers();
            workers.filter(|worker| self.shared.balance.serves(*worker) == serves).min_by_key(connections)
        };
        let at_rest = if has_handshake { least(false) } else { None };
        at_rest.or_else(|| least(true)).expect("at least one worker serves")
    }

    /// Serves a connection from now on.
    pub(super) fn adopt(&mut self, mut transport: Transport, peer: &Peer) {
        let slot = self.turn.sessions.next_slot();
        let registered = transport
            .set_up(u64::from(self.config.tcp_keepalive_seconds))
            .and_then(|()| self.poller.add(&mut transport, slot));
        if let Err(error) = registered {
            tracing::info!("a new connection failed: {error}");
            self.traffic().connections.fetch_sub(1, Ordering::Relaxed);
            self.shared.clients.release();
            return;
        }
        let client = Arc::new(self.new_client(&transport, peer, slot));
        self.shared.clients.insert(Arc::clone(&client));
        let choice = Choice {
            db: DbIndex(0),
            style: Style::of(Resp::V2),
            is_authenticated: false,
            no_touch: false,
            reply_mode: ReplyMode::On,
            is_local: peer.is_local,
        };
        if !transport.is_established() {
            self.handshakes.begin(client.origin(), self.round_begun);
        }
        let mut session = Box::new(Session::new(client, Connection::new(transport), choice));
        let user = self.shared.engine.access.default_user();
        let is_open = user.is_open();
        session.become_user((&self.shared.engine.access, &self.shared), user, is_open);
        self.turn.sessions.insert(session);
        self.turn.sessions.enqueue(slot);
    }

    /// Whether protected mode keeps a client out, who is on this machine or not: without a password a stranger may be the
    /// default user.
    pub(super) fn protects_from(&self, is_local: bool) -> bool {
        let needs_no_password =
            || self.shared.engine.access.read(|users| users.default_user().needs_no_password());
        self.config.protected_mode && !is_local && needs_no_password()
    }

    fn new_client(&self, transport: &Transport, peer: &Peer, slot: usize) -> Client {
        Client {
            standing: Standing::new(Origin {
                worker: self.turn.id(),
                slot,
                client: self.shared.clients.next_id(),
            }),
            address: peer.address.clone(),
            local_address: peer.local_address.clone().unwrap_or_else(|| transport.local_address()),
            descriptor: transport.descriptor(),
            created_ms: self.turn.now().0,
            text: RankedMutex::new(ClientText { user: DEFAULT.to_vec(), ..ClientText::default() }),
            last_active_ms: AtomicI64::new(self.turn.now().0),
            db: AtomicU16::new(0),
            resp: AtomicU8::new(2),
            flags: AtomicU8::new(if transport.is_unix() { flag::UNIX } else { 0 }),
            query_bytes: AtomicUsize::new(0),
            query_free_bytes: AtomicUsize::new(0),
            argument_bytes: AtomicUsize::new(0),
            output_bytes: AtomicUsize::new(0),
            output_chunk_bytes: AtomicUsize::new(0),
            output_chunks: AtomicU32::new(0),
            reply_buffer_bytes: AtomicU32::new(0),
            output_peak_bytes: AtomicUsize::new(0),
            memory_bytes: AtomicUsize::new(0),
            shared_bytes: AtomicUsize::new(0),
            queued: AtomicI64::new(-1),
            queued_bytes: AtomicUsize::new(0),
            watched: AtomicUsize::new(0),
            bytes_in: AtomicU64::new(0),
            bytes_out: AtomicU64::new(0),
        }
    }

    /// Ends a connection.
    pub(super) fn close(&mut self, slot: usize) {
        let Some(session) = self.turn.close(slot) else { return };
        self.forget_memory(&session);
        self.shared.clients.remove(session.client.id);
        self.traffic().connections.fetch_sub(1, Ordering::Relaxed);
    }
}
