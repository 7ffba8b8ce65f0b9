//! The server ends, by SIGTERM or SIGKILL, and starts again on its files: what was acknowledged is there.

use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};

use super::{Guide, order};
use crate::soak::stage::Provoked;

/// Under `everysec`, what was acknowledged longer ago than this is certain.
const EVERYSEC: Duration = Duration::from_secs(2);

/// How long the policy for syncs holds before the end.
const UNDER_POLICY: Duration = Duration::from_secs(1);

impl Guide<'_> {
    pub(super) fn restart(&mut self) -> anyhow::Result<()> {
        self.stage.figures.add("restarts by SIGTERM", 1);
        self.end(false)
    }

    pub(super) fn kill(&mut self) -> anyhow::Result<()> {
        self.fsync = *self.random.choose(&["always", "everysec"]);
        order(&mut self.connect()?, &format!("CONFIG SET appendfsync {}", self.fsync))?;
        std::thread::sleep(UNDER_POLICY);
        self.stage.figures.add("ends by SIGKILL", 1);
        self.end(true)
    }

    fn end(&mut self, is_kill: bool) -> anyhow::Result<()> {
        let stage = self.stage;
        let _window = stage.provoke(Provoked::Down);
        let mut server = self.server.lock();
        let certain = if is_kill {
            ensure!(server.is_running()?, "the process has ended by itself\n{}", server.last_words());
            server.kill()?;
            (self.fsync == "everysec").then(|| Instant::now() - EVERYSEC)
        } else {
            let status = server.terminate()?;
            ensure!(status.success(), "SIGTERM ended it with {status}\n{}", server.last_words());
            None
        };
        // Whoever was in the middle of something has seen the end; nobody begins anything until all is compared.
        let _quiet = stage.quiet();
        let begun = Instant::now();
        *server = self.launch.start()?;
        stage.figures.note_time("time to start and load, ms", begun.elapsed());
        stage.move_to(server.address());
        let mut connection = self.connect()?;
        for (client, ledger) in self.ledgers.iter().enumerate() {
            let verified = ledger.lock().verify(&mut connection, certain);
            let how = if is_kill { "SIGKILL" } else { "SIGTERM" };
            verified.with_context(|| {
                format!("ledger of client {client} after {how} under appendfsync {}", self.fsync)
            })?;
        }
        // What CONFIG SET changed went with the process.
        self.fsync = "everysec";
        Ok(())
    }
}
