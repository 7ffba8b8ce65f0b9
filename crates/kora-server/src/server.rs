//! Starts the workers, and ends them.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Instant;

use kora_acl::Catalog;
use kora_core::catalog::Cataloged;
use kora_core::entry::data_type::{DataType, Extensions};
use kora_core::services::Services;
use kora_core::shard::executor::Executor;
use kora_core::shard::hub::Wake;
use kora_core::store::ShardStore;
use kora_engine::assembly::{self, Assembly};
use kora_engine::entropy;
use kora_engine::front::{Mail, Workers};
use kora_engine::persistence::{Drive, LoadError};
use kora_storage::disk::RealDisk;

use crate::clock::clock;
use crate::command::{FAMILIES, SHARD_FAMILIES};
use crate::config::Config;
use crate::disk_times::{DiskTimes, TimedDisk};
use crate::http;
use crate::log::LevelHandle;
use crate::net::listener::Place;
use crate::net::tls::contexts;
use crate::net::{self, Poller};
use crate::shared::{Identity, Shared};
use crate::worker::Worker;
use kora_engine::threads;

/// The data types that the core does not have.
const EXTENSIONS: &[&DataType] = &[&kora_json::JSON, &kora_search::SUGGESTIONS, &kora_vector::VECTOR_SET];

/// Checks the users that a configuration declares.
///
/// # Errors
/// What is wrong with them.
pub fn check_users(config: &Config) -> io::Result<()> {
    let catalog = Catalog::new(crate::command::table().all().iter().map(|command| command.facts));
    crate::users::declared(config, &catalog).map(drop).map_err(io::Error::other)
}

/// A running server. Dropping it ends it.
#[derive(Debug)]
pub struct Server {
    shared: Arc<Shared>,
    /// Those of the workers, and the one that loads the data.
    threads: Vec<JoinHandle<io::Result<()>>>,
    places: Vec<Place>,
    /// What serves metrics and the console.
    port: Option<http::Port>,
    ended: crossbeam_channel::Receiver<()>,
    /// Told once the data are there; gone without if they can't be loaded.
    loaded: crossbeam_channel::Receiver<()>,
}

/// An engine with the server as its front.
pub(crate) struct Assembled {
    pub(crate) shared: Arc<Shared>,
    services: Arc<Services>,
    executors: Vec<Executor<Workers<Shared>>>,
    /// Told when the server is to end.
    ended: crossbeam_channel::Receiver<()>,
}

/// Builds the engine and what the workers share around it: one worker for each waker.
pub(crate) fn assemble(
    config: Config,
    wakers: Vec<Box<dyn Wake>>,
    log_level: Option<LevelHandle>,
) -> io::Result<Assembled> {
    let shard_count = config.shard_count();
    let identity = Identity { started: clock(), run_id: entropy::id()?, replication_id: entropy::id()? };
    let disk_times = Arc::new(DiskTimes::default());
    let assembly = assembly::assemble(assembly::Options {
        settings: config.settings(),
        wakers,
        seed: entropy::number()?,
        started: identity.started,
        disk: Arc::new(TimedDisk::new(RealDisk, Arc::clone(&disk_times))),
        drive: Drive::Thread { begin: Instant::now(), entropy: entropy::number },
        shard_count,
        extensions: Extensions::new(EXTENSIONS),
        shard_families: SHARD_FAMILIES,
        families: FAMILIES,
        script_bytes_max: None,
        script_looks: None,
    })?;
    let Assembly { engine, services, mut executors, ended } = assembly;
    crate::users::establish(&engine, &config)?;
    let shared = Arc::new(Shared::new(engine, config, identity, disk_times, log_level));
    let services = services.with(Arc::new(kora_vector::Pacing::by_clock(Instant::now)));
    let (services, searches) = kora_search::Service::new().with_clock(Instant::now).among(services);
    let (services, collections) = kora_doc::Service::new().with_clock(Instant::now).among(services);
    let services = services.with(Arc::new(Cataloged::new(vec![searches, collections])));
    let services = Arc::new(services.with(Arc::clone(&shared)));
    executors.iter_mut().for_each(|executor| executor.set_services(Arc::clone(&services)));
    Ok(Assembled { shared, services, executors, ended })
}

/// Ends a server from anywhere: a signal handler, a command.
#[derive(Clone, Debug)]
pub struct Ender(Arc<Shared>);

impl Ender {
    /// Makes the workers finish what runs and end.
    pub fn end(&self) {
        self.0.engine.ending.begin();
    }

    /// Whether the data are being loaded.
    #[must_use]
    pub fn is_loading(&self) -> bool {
        self.0.engine.persistence.loading.is_on()
    }

    /// Whether the server is ending, or about to once the last snapshot is there.
    #[must_use]
    pub fn is_asked(&self) -> bool {
        self.0.engine.ending.is_asked()
    }

    /// Brings the log to its end for a process that can't go on: nothing is recorded or acknowledged any more. `None`
    /// without a log; else whether everything recorded is in the file.
    #[must_use]
    pub fn bring_log_to_its_end(&self) -> Option<bool> {
        self.0.engine.persistence.stop_recording()
    }

    /// The same as [`Ender::end`], after a last snapshot if there are rules for snapshots. If that fails, the server goes on.
    pub fn save_and_end(&self) {
        if self.is_loading() {
            return self.0.engine.ending.begin();
        }
        if !self.0.engine.ending.ask() {
            return;
        }
        let first = self.0.engine.hub.workers().next().expect("there is at least one worker");
        self.0.engine.hub.send_driver_mail(first, Mail::End);
    }
}

impl Server {
    /// Listens and starts one thread per worker. CONFIG SET loglevel works through `log_level`.
    ///
    /// # Errors
    /// If an address can't be listened on, or the system refuses a thread, a poller or random bytes.
    pub fn start(mut config: Config, log_level: Option<LevelHandle>) -> io::Result<Self> {
        config.contexts = contexts::build(&config.tls)
            .map_err(|error| io::Error::other(format!("can't set up TLS: {error}")))?;
        let listeners = net::listen::open_some(&config)?;
        let metrics = net::listen::metrics(&config)?;
        let places: Vec<_> = listeners.iter().filter_map(net::Listener::place).collect();
        let worker_count = config.worker_count();
        let pollers: Vec<_> = (0..worker_count).map(|_| Poller::new()).collect::<io::Result<_>>()?;
        let wakers = pollers.iter().map(|poller| Box::new(poller.waker()) as Box<dyn Wake>).collect();
        let Assembled { shared, services, executors, ended } = assemble(config, wakers, log_level)?;
        let (loaded_sender, loaded) = crossbeam_channel::bounded(1);
        let mut server =
            Self { shared: Arc::clone(&shared), threads: Vec::new(), places, port: None, ended, loaded };
        if shared.engine.persistence.has_something_to_restore() {
            shared.engine.persistence.loading.begin();
            let stores = shared.engine.hub.take_stores();
            server.restore(stores, Arc::clone(&services), loaded_sender)?;
        } else {
            // Its receiver is in `server`, and has room.
            let _ = loaded_sender.send(());
        }
        let mut listeners = Some(listeners);
        for (index, (executor, poller)) in executors.into_iter().zip(pollers).enumerate() {
            let listeners = listeners.take().unwrap_or_default();
            let worker = Worker::new(executor, Arc::clone(&shared), poller, listeners, clock)?;
            let ender = Ender(Arc::clone(&shared));
            let processors = shared.config().server_processors.clone();
            let body = move || {
                processors.bind();
                let result = worker.run();
                ender.end();
                result
            };
            server.threads.push(threads::spawn(format!("kora-worker-{index}"), body)?);
        }
        server.port = http::Port::open(&shared, metrics)?;
        shared.engine.account.note_started();
        warn_of_small_limit(&shared);
        Ok(server)
    }

    /// Loads the data, in a thread of its own: meanwhile clients are told so.
    #[expect(clippy::vec_box, reason = "a store keeps its box on the way home")]
    fn restore(
        &mut self,
        mut stores: Vec<Box<ShardStore>>,
        services: Arc<Services>,
        loaded: crossbeam_channel::Sender<()>,
    ) -> io::Result<()> {
        let (shared, ender) = (Arc::clone(&self.shared), self.ender());
        let body = move || {
            let restored = shared.engine.persistence.restore(&mut stores, &services, clock());
            if let Err(error) = restored {
                ender.end();
                return match error {
                    LoadError::Ending => Ok(()),
                    error => Err(io::Error::other(format!("can't load the data: {error}"))),
                };
            }
            stores.into_iter().for_each(|store| shared.engine.hub.send_store(store));
            kora_engine::memory::tell();
            shared.engine.persistence.loading.end();
            shared.engine.hub.bells().ring_all();
            // Nobody need wait for it.
            let _ = loaded.send(());
            Ok(())
        };
        self.threads.push(threads::spawn("kora-loader", body)?);
        Ok(())
    }

    /// The TCP addresses it listens on for connections in plain text.
    #[must_use]
    pub fn addresses(&self) -> Vec<SocketAddr> {
        self.places(false)
    }

    /// Those for encrypted connections.
    #[must_use]
    pub fn encrypted_addresses(&self) -> Vec<SocketAddr> {
        self.places(true)
    }

    fn places(&self, is_encrypted: bool) -> Vec<SocketAddr> {
        let places = self.places.iter().filter(|place| place.is_encrypted == is_encrypted);
        places.map(|place| place.address).collect()
    }

    /// Number of workers.
    #[must_use]
    pub fn worker_count(&self) -> usize {
        usize::from(self.shared.engine.hub.worker_count())
    }

    /// A handle that ends it.
    #[must_use]
    pub fn ender(&self) -> Ender {
        Ender(Arc::clone(&self.shared))
    }

    /// Waits until the data are loaded; whether they are.
    #[must_use]
    pub fn wait_until_loaded(&self) -> bool {
        self.loaded.recv().is_ok()
    }

    /// Waits until it begins to end, which nothing stops then.
    pub fn wait_until_ending(&self) {
        // An error means that all senders are gone: ended, too.
        let _ = self.ended.recv();
    }

    /// Waits until a server that is ending has ended.
    ///
    /// # Errors
    /// What stopped a worker, why the data were not loaded, or why the end of the log was not written.
    ///
    /// # Panics
    /// If a worker did.
    pub fn finish(mut self) -> io::Result<()> {
        self.join()
    }

    fn join(&mut self) -> io::Result<()> {
        let mut result = Ok(());
        drop(self.port.take());
        for thread in self.threads.drain(..) {
            result = result.and(thread.join().expect("workers do not panic"));
        }
        self.shared.engine.hub.drop_shards();
        // Nobody records anything any more.
        result.and(self.shared.engine.persistence.close_log().map_err(io::Error::other))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.shared.engine.ending.begin();
        if let Err(error) = self.join() {
            tracing::error!("{error}");
        }
    }
}

/// Says so where the limit leaves no room for keys at all.
fn warn_of_small_limit(shared: &Shared) {
    let (limit, needs) = (shared.config().max_memory.0, shared.engine.account.startup_bytes());
    if limit > 0 && limit <= needs {
        tracing::warn!(
            "maxmemory is {limit} bytes and the server needs {needs} by itself: there is no room for keys"
        );
    }
}
