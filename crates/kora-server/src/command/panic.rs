//! DEBUG PANIC: a bug on demand, for tests of how the process ends.

use kora_core::command::spec::{CommandSpec, Facts};
use kora_core::error::{CommandError, CommandResult};

use super::debug::DEBUG;
use super::{Call, Handler};

/// `DEBUG PANIC [thread]`.
pub(super) const DEBUG_PANIC: CommandSpec<Handler> =
    CommandSpec { facts: Facts { name: "debug|panic", ..DEBUG }, handler: Handler::Session(panic_now) };

fn panic_now(_: &mut Call<'_>, args: &[&[u8]]) -> CommandResult {
    let name = match args[2..] {
        [] => panic!("DEBUG PANIC was called"),
        [name] => String::from_utf8_lossy(name).into_owned(),
        _ => return Err(CommandError::DebugSubcommand(kora_core::text::of(args[1]).into_owned())),
    };
    let body = || panic!("DEBUG PANIC was called");
    let thread = kora_engine::threads::spawn(name, body);
    // The process ends before the thread does.
    thread.map_err(|_| CommandError::text("ERR no thread can be started"))?.join().unwrap_or(());
    Ok(())
}
