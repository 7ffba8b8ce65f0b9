//! What a panic comes to: a bug, after which no thread's data can be trusted. The process says so and ends, in whatever thread
//! it is, whoever might catch it; but the log gets what was acknowledged first.
//!
//! Rust unwinds in this program only for the sake of Lua, whose errors pass through its frames.

use std::backtrace::Backtrace;
use std::panic::PanicHookInfo;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock, mpsc};
use std::time::Duration;

use crate::server::Ender;

/// How long the last acts may take: a panic under a lock must not make the process hang.
const LAST_ACTS_MAX: Duration = Duration::from_secs(3);

/// The thread that writes the log.
const LOG_THREAD: &str = "kora-log";

/// The server whose log is to be brought to its end, once there is one.
#[derive(Clone, Debug, Default)]
pub struct LastWords(Arc<OnceLock<Ender>>);

impl LastWords {
    /// Makes panics end the process from now on.
    #[must_use]
    pub fn install() -> Self {
        let words = Self::default();
        let own = words.clone();
        std::panic::set_hook(Box::new(move |panic| own.end(panic)));
        words
    }

    /// Tells it the server.
    pub fn serve(&self, ender: Ender) {
        // It is told once.
        let _ = self.0.set(ender);
    }

    /// Ends the process. Threads that panic meanwhile wait for that.
    fn end(&self, panic: &PanicHookInfo<'_>) -> ! {
        static IS_ENDING: AtomicBool = AtomicBool::new(false);
        if IS_ENDING.swap(true, Ordering::SeqCst) {
            loop {
                std::thread::park();
            }
        }
        let thread = std::thread::current();
        let name = thread.name().unwrap_or("without a name").to_owned();
        let text = format!("thread {name} panicked: {panic}");
        eprintln!("kora-server: {text}\n{}", Backtrace::capture());
        // This thread may hold anything: the rest is another's, and is not waited for without end.
        let (words, (done, is_done)) = (self.clone(), mpsc::channel());
        let acts = move || {
            tracing::error!("{}: this is a bug, the process ends", text.replace('\n', " "));
            // Nobody else can write what the log's own thread has not written.
            let is_whole = words.0.get().filter(|_| name != LOG_THREAD).and_then(Ender::bring_log_to_its_end);
            if is_whole == Some(true) {
                tracing::error!("the log holds everything that was acknowledged");
            }
            // The line is written by a thread of its own, which does not say when.
            std::thread::sleep(Duration::from_millis(20));
            let _ = done.send(());
            // What is held is not let go: nothing more may be acknowledged.
            loop {
                std::thread::park();
            }
        };
        if kora_engine::threads::spawn("kora-last-words", acts).is_ok() {
            let _ = is_done.recv_timeout(LAST_ACTS_MAX);
        }
        std::process::abort()
    }
}
