//! What all workers share of the server: its configuration, its clients, what they count, and the engine.

pub(crate) mod balance;
pub(crate) mod client;
pub(crate) mod connection;
pub(crate) mod describe;
pub(crate) mod mail;

use std::io;
use std::net::SocketAddr;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use kora_core::time::UnixMs;
use kora_engine::Engine;
use kora_engine::front::probe::NoProbe;
use kora_engine::front::{ClientId, Front, Mail, SessionFigures};
use kora_engine::pubsub::{Publication, Via};
use kora_locks::{RankedMutex, RankedRwLock, rank};
use kora_protocol::Resp;
use rustix::time::{ClockId, clock_gettime};

use crate::config::Config;
use crate::disk_times::DiskTimes;
use crate::introspect::cpu::cpu_seconds;
use crate::log::LevelHandle;
use crate::net::{self, Peer};
use crate::output::Output;
use crate::output::buffers::Buffers;
use crate::push::{Head, tail};
use crate::replication_id::ReplicationId;
use crate::resp::{RespReplies, Style};
use crate::shared::mail::WorkerMail;
use crate::traffic::Traffic;
use balance::Balance;
use client::{Client, Clients, flag};
use connection::{Connection, publish};

/// See the module.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) engine: Arc<Engine<Self>>,
    config: RankedRwLock<{ rank::CONFIG }, Arc<Config>>,
    config_version: AtomicU64,
    /// Held while CONFIG SET puts settings in force, so that two do not overwrite each other.
    pub(crate) config_change: RankedMutex<{ rank::CONFIG_CHANGE }, ()>,
    /// CONFIG REWRITE is at work.
    pub(crate) is_config_rewritten: AtomicBool,
    pub(crate) clients: Clients,
    /// Which workers serve connections.
    pub(crate) balance: Balance,
    /// By worker.
    pub(crate) traffic: Box<[Traffic]>,
    /// What is allocated for those who ask over HTTP.
    pub(crate) http_bytes: AtomicU64,
    /// When [`Front::elapsed`] began.
    began: Instant,
    pub(crate) started: UnixMs,
    pub(crate) run_id: String,
    pub(crate) replication_id: ReplicationId,
    /// How long the disk takes.
    pub(crate) disk_times: Arc<DiskTimes>,
    /// Changes the level of the log, if the process has one of ours.
    pub(crate) log_level: Option<LevelHandle>,
}

impl Front for Shared {
    type Replies = RespReplies;
    type Output = Output;
    type Head = Head;
    type Link = Connection;
    type Client = Client;
    type Buffers = Buffers;
    type Mail = WorkerMail;
    type Probe = NoProbe;

    fn elapsed(&self) -> Duration {
        self.began.elapsed()
    }

    fn nanoseconds() -> u64 {
        nanoseconds_of(ClockId::Monotonic)
    }

    fn ticks() -> u64 {
        nanoseconds_of(ClockId::MonotonicCoarse)
    }

    fn unix_us(&self) -> u64 {
        nanoseconds_of(ClockId::Realtime) / 1000
    }

    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "seconds since the start")]
    fn cpu_ms(&self) -> (u64, u64) {
        let (user, system) = cpu_seconds("/proc/self/stat");
        ((user * 1000.0) as u64, (system * 1000.0) as u64)
    }

    fn names_of(&self, client: ClientId) -> (Vec<u8>, Vec<u8>) {
        self.clients.get(client).map_or_else(Default::default, |client| {
            let name = client.text.lock().name.clone();
            (client.address.clone().into_bytes(), name)
        })
    }

    fn show_monitor(client: &Client, is_monitor: bool) {
        client.set_flag(flag::MONITOR, is_monitor);
    }

    fn plain() -> Style {
        Style::of(Resp::V2)
    }

    fn tells_messages_apart(style: Style) -> bool {
        style.resp == Resp::V3
    }

    fn style_of(tells_apart: bool) -> Style {
        Style::of(if tells_apart { Resp::V3 } else { Resp::V2 })
    }

    fn prepare(buffers: &mut Buffers, output: &mut Output, is_subscriber: bool) {
        if is_subscriber {
            buffers.fill_for_messages(output);
        } else {
            buffers.fill(output);
        }
    }

    fn with_head<T>(via: Via<'_>, body: impl FnOnce(&Head) -> T) -> T {
        Head::with(via, body)
    }

    fn push(output: &mut Output, style: Style, head: &Head, publication: &Publication) {
        output.add_shared(head.of(style.resp), publication.encoded(tail));
    }

    fn has_input(link: &Connection) -> bool {
        link.transport.can_receive() || !link.input.is_empty()
    }

    fn is_stray(&self, client: &Client, args: &[&[u8]]) -> bool {
        let is_stray = is_stray_http(args[0]);
        if is_stray {
            tracing::warn!(
                client = client.id.0,
                "possible attack: an HTTP request came from {}; closing the connection",
                client.address
            );
        }
        is_stray
    }

    fn show(client: &Client, link: &Connection, output: &Output, figures: SessionFigures, now: UnixMs) {
        publish((client, link, output), figures, now);
    }

    fn client_line(&self, client: &Client, now: UnixMs) -> Vec<u8> {
        let mut line = Vec::new();
        describe::describe(self, client, now).write_line(&mut line);
        line.pop();
        line
    }

    fn client_count(&self) -> u64 {
        self.clients.all().len() as u64
    }

    fn client_bytes(&self) -> u64 {
        self.sum(|traffic| &traffic.client_bytes) + self.http_bytes.load(Ordering::Relaxed)
    }

    fn shared_client_bytes(&self) -> u64 {
        self.sum(|traffic| &traffic.shared_bytes)
    }

    fn reset_stats(&self) {
        self.traffic.iter().for_each(Traffic::reset);
    }
}

/// What a clock of the system shows.
#[inline]
fn nanoseconds_of(clock: ClockId) -> u64 {
    let now = clock_gettime(clock);
    let part = |value: i64| u64::try_from(value).unwrap_or_default();
    part(now.tv_sec).saturating_mul(1_000_000_000).saturating_add(part(now.tv_nsec))
}

/// Whether a browser was made to send this: requests that another site forged reach a local port as HTTP.
fn is_stray_http(name: &[u8]) -> bool {
    name.eq_ignore_ascii_case(b"post") || name.eq_ignore_ascii_case(b"host:")
}

/// What names a run of the server.
pub(crate) struct Identity {
    pub(crate) started: UnixMs,
    pub(crate) run_id: String,
    pub(crate) replication_id: String,
}

impl Shared {
    pub(crate) fn new(
        engine: Arc<Engine<Self>>,
        config: Config,
        identity: Identity,
        disk_times: Arc<DiskTimes>,
        log_level: Option<LevelHandle>,
    ) -> Self {
        let Identity { started, run_id, replication_id } = identity;
        Self {
            balance: Balance::new(engine.hub.workers().count(), config.gather_connections),
            traffic: engine.hub.workers().map(|_| Traffic::default()).collect(),
            http_bytes: AtomicU64::new(0),
            engine,
            config: RankedRwLock::new(Arc::new(config)),
            config_version: AtomicU64::new(0),
            config_change: RankedMutex::new(()),
            is_config_rewritten: AtomicBool::new(false),
            clients: Clients::default(),
            began: Instant::now(),
            started,
            run_id,
            replication_id: ReplicationId::new(replication_id),
            disk_times,
            log_level,
        }
    }

    /// The configuration in force.
    pub(crate) fn config(&self) -> Arc<Config> {
        Arc::clone(&self.config.read())
    }

    /// Changes with every [`Shared::set_config`].
    #[inline]
    pub(crate) fn config_version(&self) -> u64 {
        self.config_version.load(Ordering::Acquire)
    }

    /// Puts a configuration in force. Every worker takes it up before it runs another command.
    pub(crate) fn set_config(&self, config: Config) {
        let settings = config.settings();
        self.balance.set_gathers(config.gather_connections);
        crate::users::configure(&self.engine, &config);
        *self.config.write() = Arc::new(config);
        self.config_version.fetch_add(1, Ordering::Release);
        self.engine.set_settings(settings);
    }

    /// Connects as a client on behalf of somebody who has connected in another way: that is whose address is shown, and who is on this machine or
    /// not.
    ///
    /// # Errors
    /// If the system refuses a pair of sockets.
    pub(crate) fn connect_inside(
        &self,
        peer: &SocketAddr,
        local: Option<SocketAddr>,
    ) -> io::Result<UnixStream> {
        let (transport, other) = net::inside::pair()?;
        let is_local = peer.ip().to_canonical().is_loopback();
        let local_address = local.map(|address| address.to_string());
        let peer = Peer { address: peer.to_string(), local_address, is_local };
        let first = self.engine.hub.workers().next().expect("there is at least one worker");
        self.engine.hub.send_driver_mail(first, Mail::Front(WorkerMail::Admit(transport, peer)));
        Ok(other)
    }

    /// The sum of a counter of connections over all workers.
    pub(crate) fn sum(&self, counter: impl Fn(&Traffic) -> &AtomicU64) -> u64 {
        self.traffic.iter().map(|traffic| counter(traffic).load(Ordering::Relaxed)).sum()
    }
}
