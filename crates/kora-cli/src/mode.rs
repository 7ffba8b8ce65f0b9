//! The tools: modes that are more than a command and its reply.

mod figures;
pub(crate) mod hotkeys;
pub(crate) mod intrinsic;
mod keys;
pub(crate) mod keysizes;
pub(crate) mod keystats;
pub(crate) mod latency;
pub(crate) mod lru;
pub(crate) mod pipe;
pub(crate) mod scan;
pub(crate) mod spectrum;
pub(crate) mod stat;

pub(crate) use figures::human_bytes;

use std::io;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// Status of a process that the user ended.
const ENDED: i32 = 130;

/// A flag that Ctrl-C sets from now on, instead of ending the process; a second one ends it.
///
/// # Errors
/// If the system refuses.
fn stop_on_interrupt() -> io::Result<Arc<AtomicBool>> {
    let flag = Arc::new(AtomicBool::new(false));
    signal_hook::flag::register_conditional_shutdown(signal_hook::consts::SIGINT, ENDED, Arc::clone(&flag))?;
    signal_hook::flag::register(signal_hook::consts::SIGINT, Arc::clone(&flag))?;
    Ok(flag)
}
