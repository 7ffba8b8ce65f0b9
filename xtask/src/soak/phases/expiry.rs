//! Keys that expire among many that do not: they go in time, though nobody looks them up.

use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use kora_testkit::target::tcp::TcpConnection;
use kora_testkit::target::{Connection as _, encode};

use super::{Guide, order};

/// The database that nobody else uses.
const DATABASE: &str = "SELECT 9";

/// Keys without a deadline, in all and in one request.
const KEPT: usize = 400_000;
const KEPT_AT_ONCE: usize = 1000;

/// Keys with one.
const BRIEF: usize = 300;
const DEADLINE: Duration = Duration::from_millis(500);

/// All are gone so long after, on however busy a machine.
const GRACE: Duration = Duration::from_secs(1);

impl Guide<'_> {
    pub(super) fn expire(&mut self) -> anyhow::Result<()> {
        let mut connection = self.connect()?;
        order(&mut connection, DATABASE)?;
        if size(&mut connection)? < KEPT {
            fill(&mut connection)?;
        }
        let kept = size(&mut connection)?;
        for number in 0..BRIEF {
            order(&mut connection, &format!("SET brief:{number} value PX {}", DEADLINE.as_millis()))?;
        }
        let due = Instant::now() + DEADLINE;
        std::thread::sleep(DEADLINE);
        while size(&mut connection)? > kept {
            let left = size(&mut connection)?.saturating_sub(kept);
            ensure!(
                due.elapsed() < GRACE,
                "{left} of {BRIEF} keys are there {} ms after their deadline, among {kept} without",
                due.elapsed().as_millis()
            );
            std::thread::sleep(Duration::from_millis(20));
        }
        self.stage.figures.note_time("expiry after the deadline, ms", due.elapsed());
        self.stage.figures.add("crowds of keys that expired", 1);
        Ok(())
    }
}

fn size(connection: &mut TcpConnection) -> anyhow::Result<usize> {
    let size = order(connection, "DBSIZE")?.number().context("DBSIZE is a number")?;
    Ok(usize::try_from(size)?)
}

fn fill(connection: &mut TcpConnection) -> anyhow::Result<()> {
    for first in (0..KEPT).step_by(KEPT_AT_ONCE) {
        let pairs =
            (first..first + KEPT_AT_ONCE).flat_map(|number| [format!("kept:{number}"), "value".to_owned()]);
        let words: Vec<_> = std::iter::once("MSET".to_owned()).chain(pairs).map(String::into_bytes).collect();
        connection.send_raw(&encode(&words))?;
        let reply = connection.receive()?;
        ensure!(!reply.is_error(), "MSET: {reply}");
    }
    Ok(())
}
