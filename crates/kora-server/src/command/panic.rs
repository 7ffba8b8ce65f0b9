//! DEBUG PANIC: a bug on demand, for tests of how the process ends.

use kora_core::command::spec::{CommandSpec, Facts, Flags, Group};
use kora_core::error::{CommandError, CommandResult};

use super::{Call, ServerHandler};

/// `DEBUG PANIC [thread]`.
pub(super) const DEBUG_PANIC: CommandSpec<ServerHandler> = CommandSpec {
    facts: Facts {
        name: "debug|panic",
        hidden: true,
        is_syscmd: true,
        arity: -2,
        flags: Flags::ADMIN.with(Flags::NOSCRIPT).with(Flags::LOADING).with(Flags::STALE),
        group: Group::Server,
        complexity: "O(1)",
        ..Facts::NONE
    },
    handler: panic_now,
};

fn panic_now(_: &mut Call<'_>, args: &[&[u8]]) -> CommandResult {
    let name = match args[2..] {
        [] => panic!("DEBUG PANIC was called"),
        [name] => String::from_utf8_lossy(name).into_owned(),
        _ => return Err(CommandError::DebugSubcommand(String::from_utf8_lossy(args[1]).into_owned())),
    };
    let body = || panic!("DEBUG PANIC was called");
    let thread = std::thread::Builder::new().name(name).spawn(body);
    // The process ends before the thread does.
    thread.map_err(|_| CommandError::text("ERR no thread can be started"))?.join().unwrap_or(());
    Ok(())
}
