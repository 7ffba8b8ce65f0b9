use kora_core::command::table::CommandTable;

use super::*;
use crate::command::{self, Family};
use crate::front::values::ValueFront;

type Anyone = ValueFront<(), ()>;

fn table() -> CommandTable<crate::engine::Handler<Anyone>> {
    command::table(&[], &[Family::<Anyone>::SUBSCRIPTION])
}

const GUEST: SessionState = SessionState {
    is_authenticated: true,
    is_subscribed: false,
    is_local: false,
    is_monitor: false,
    awaits_watches: false,
};

fn ask(facts: &'static Facts, path: Path, gates: &Gates, has_room: bool) -> Verdict {
    judge(&Asked { facts, flags: facts.flags, path }, gates, || Ok(()), || has_room)
}

fn facts(name: &str) -> &'static Facts {
    table().find_by_full_name(name.as_bytes()).expect("there is such a command").facts
}

fn refused(text: &'static str) -> Verdict {
    Verdict::Refuse(CommandError::text(text))
}

/// Every state of the gates that commands, whichever way they come, are asked about.
fn states() -> Vec<(Gates, bool)> {
    let open = || Gates { debug: Permission::Yes, ..Gates::default() };
    vec![
        (open(), true),
        (open(), false),
        (Gates { unkeepable: Some(CommandError::text("MISCONF")), ..open() }, true),
        (Gates { unkeepable: Some(CommandError::text("MISCONF")), ..open() }, false),
        (Gates { is_loading: true, ..open() }, true),
        (Gates { busy: Some(CommandError::text("BUSY")), ..open() }, false),
        (Gates { pause: Some(PauseMode::Write), ..open() }, true),
        (Gates { pause: Some(PauseMode::All), ..open() }, false),
        (Gates { holds_publishers: true, ..open() }, true),
        (Gates { debug: Permission::No, ..open() }, true),
    ]
}

/// A command is queued exactly if it would run, and is refused with the same words.
#[test]
fn the_queue_gives_the_verdict_of_the_direct_way() {
    for (gates, has_room) in states() {
        for command in table().all() {
            let facts = command.facts;
            let direct = ask(facts, Path::Direct(GUEST), &gates, has_room);
            let queued = ask(facts, Path::Queue(GUEST), &gates, has_room);
            let is_debug = facts.traits.has(Traits::DEBUG) && gates.debug == Permission::No;
            let expected = match direct {
                _ if facts.flags.has(Flags::NO_MULTI) && !is_debug => {
                    refused("ERR Command not allowed inside a transaction")
                }
                Verdict::Run if !facts.traits.has(Traits::NEVER_QUEUED) => Verdict::Queue,
                other => other,
            };
            assert_eq!(queued, expected, "{} {gates:?}", facts.name);
        }
    }
}

/// What a script calls is refused for want of memory, or of a disk, exactly if a client's command would be.
#[test]
fn a_script_hears_the_verdict_of_the_direct_way() {
    let script = Path::Script(ScriptState::default());
    for (gates, has_room) in states() {
        for command in table().all() {
            let facts = command.facts;
            let called = ask(facts, script, &gates, has_room);
            if facts.flags.has(Flags::NOSCRIPT) {
                assert_eq!(called, Verdict::Refuse(NOT_FROM_SCRIPT), "{}", facts.name);
                continue;
            }
            // The others held the script itself back.
            let only = Gates { unkeepable: gates.unkeepable.clone(), debug: gates.debug, ..Gates::default() };
            let direct = ask(facts, Path::Direct(GUEST), &only, has_room);
            // With both shut, Redis names memory to a client, and the disk to a script.
            match (&gates.unkeepable, &direct) {
                (Some(error), Verdict::Refuse(CommandError::OutOfMemory))
                    if facts.flags.has(Flags::WRITE) =>
                {
                    assert_eq!(called, Verdict::Refuse(error.clone()), "{}", facts.name);
                }
                _ => assert_eq!(called, direct, "{} {gates:?}", facts.name),
            }
        }
    }
}

#[test]
fn gates_are_asked_in_the_order_of_redis() {
    let shut = Gates {
        pause: Some(PauseMode::All),
        busy: Some(CommandError::text("BUSY")),
        is_loading: true,
        unkeepable: Some(CommandError::text("MISCONF")),
        holds_publishers: true,
        debug: Permission::Local,
    };
    let stranger = SessionState { is_authenticated: false, is_subscribed: true, ..SessionState::default() };
    let direct = |name, standing, gates: &Gates| ask(facts(name), Path::Direct(standing), gates, false);
    assert!(
        matches!(direct("debug", stranger, &shut), Verdict::Refuse(error) if error.to_string().contains("DEBUG"))
    );
    assert_eq!(direct("set", stranger, &shut), refused("NOAUTH Authentication required."));
    let subscriber = SessionState { is_subscribed: true, ..GUEST };
    assert_eq!(direct("set", subscriber, &shut), refused("MISCONF"));
    let kept = Gates { unkeepable: None, ..shut };
    let Verdict::Refuse(error) = direct("get", subscriber, &kept) else { panic!("it runs") };
    assert!(error.to_string().starts_with("ERR Can't execute 'get': only"));
    assert_eq!(direct("get", GUEST, &kept), refused("LOADING Redis is loading the dataset in memory"));
    let loaded = Gates { is_loading: false, ..kept };
    assert_eq!(direct("set", GUEST, &loaded), refused("BUSY"), "no room is made while a script takes long");
    let quiet = Gates { busy: None, ..loaded };
    assert_eq!(direct("set", GUEST, &quiet), Verdict::Refuse(CommandError::OutOfMemory));
    let watching = SessionState { awaits_watches: true, ..GUEST };
    assert_eq!(direct("get", watching, &quiet), Verdict::AwaitWatches);
    assert_eq!(direct("get", GUEST, &quiet), Verdict::AwaitPause);
}

#[test]
fn room_is_made_only_for_what_may_need_it() {
    let gates = Gates::default();
    for (name, is_asked) in [("get", false), ("set", true), ("eval", true), ("del", false)] {
        let mut asked = false;
        let command = Asked { facts: facts(name), flags: facts(name).flags, path: Path::Direct(GUEST) };
        let verdict = judge(
            &command,
            &gates,
            || Ok(()),
            || {
                asked = true;
                false
            },
        );
        assert_eq!(asked, is_asked, "{name}");
        assert_eq!(verdict == Verdict::Refuse(CommandError::OutOfMemory), name == "set", "{name}");
    }
}

#[test]
fn a_script_that_only_reads_calls_nothing_that_writes() {
    let reader = Path::Script(ScriptState { is_read_only: true, may_debug: false });
    let gates = Gates::default();
    for command in table().all() {
        let writes = command.facts.flags.has_any(Flags::WRITE.with(Flags::MAY_REPLICATE));
        let expected = match command.facts.flags {
            flags if flags.has(Flags::NOSCRIPT) => Verdict::Refuse(NOT_FROM_SCRIPT),
            _ if writes => refused("ERR Write commands are not allowed from read-only scripts."),
            _ => Verdict::Run,
        };
        assert_eq!(ask(command.facts, reader, &gates, true), expected, "{}", command.facts.name);
    }
    let debugger = Path::Script(ScriptState { is_read_only: false, may_debug: true });
    assert_eq!(ask(facts("debug|object"), debugger, &gates, true), Verdict::Run);
    assert_eq!(
        ask(facts("debug|reload"), debugger, &gates, true),
        Verdict::Refuse(NOT_FROM_SCRIPT),
        "it is about everything that there is"
    );
}
