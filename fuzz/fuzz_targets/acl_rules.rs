//! Rules of users, and files of them.
#![no_main]

use std::sync::LazyLock;

use kora_acl::fuzz::Commands;

static COMMANDS: LazyLock<Commands> = LazyLock::new(Commands::new);

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    COMMANDS.take(input);
});
