//! ACL and its subcommands: users, their rules, and what was refused to them.

use kora_acl::catalog::{categories, category};
use kora_acl::log::Entry;
use kora_acl::rules::merge_selectors;
use kora_acl::selector::Selector;
use kora_acl::users::DEFAULT;
use kora_acl::{RuleError, User};
use kora_core::command::help::write_help;
use kora_core::command::spec::CommandSpec;
use kora_core::error::{CommandError, CommandResult};
use kora_core::number::parse_i64;
use kora_core::reply::Reply;
use kora_engine::access::refusal_text;
use kora_engine::entropy;

use super::client::end_clients_of;
use super::{Call, Handler, ServerCall, facts};
use crate::users;

/// The family's commands.
pub(crate) const COMMANDS: &[CommandSpec<Handler>] = &[
    CommandSpec { facts: facts::ACL, handler: Handler::Session(super::container) },
    CommandSpec { facts: facts::ACL_CAT, handler: Handler::Session(cat) },
    CommandSpec { facts: facts::ACL_DELUSER, handler: Handler::Session(deluser) },
    CommandSpec { facts: facts::ACL_DRYRUN, handler: Handler::Session(dryrun) },
    CommandSpec { facts: facts::ACL_GENPASS, handler: Handler::Session(genpass) },
    CommandSpec { facts: facts::ACL_GETUSER, handler: Handler::Session(getuser) },
    CommandSpec { facts: facts::ACL_HELP, handler: Handler::Server(acl_help) },
    CommandSpec { facts: facts::ACL_LIST, handler: Handler::Session(list) },
    CommandSpec { facts: facts::ACL_LOAD, handler: Handler::Session(load) },
    CommandSpec { facts: facts::ACL_LOG, handler: Handler::Session(log) },
    CommandSpec { facts: facts::ACL_SAVE, handler: Handler::Session(save) },
    CommandSpec { facts: facts::ACL_SETUSER, handler: Handler::Session(setuser) },
    CommandSpec { facts: facts::ACL_USERS, handler: Handler::Session(list_users) },
    CommandSpec { facts: facts::ACL_WHOAMI, handler: Handler::Session(whoami) },
];

/// Lines of ACL HELP.
const HELP: &[&str] = &[
    "CAT [<category>]",
    "    List all commands that belong to <category>, or all command categories",
    "    when no category is specified.",
    "DELUSER <username> [<username> ...]",
    "    Delete a list of users.",
    "DRYRUN <username> <command> [<arg> ...]",
    "    Returns whether the user can execute the given command without executing the command.",
    "GETUSER <username>",
    "    Get the user's details.",
    "GENPASS [<bits>]",
    "    Generate a secure 256-bit user password. The optional `bits` argument can",
    "    be used to specify a different size.",
    "LIST",
    "    Show users details in config file format.",
    "LOAD",
    "    Reload users from the ACL file.",
    "LOG [<count> | RESET]",
    "    Show the ACL log entries.",
    "SAVE",
    "    Save the current config to the ACL file.",
    "SETUSER <username> <attribute> [<attribute> ...]",
    "    Create or modify a user with the specified attributes.",
    "USERS",
    "    List all the registered usernames.",
    "WHOAMI",
    "    Return the current connection username.",
];

/// Entries that ACL LOG shows if it is not told how many.
const LOG_ENTRIES_SHOWN: usize = 10;

/// Bits of a password if it is not said how many, and how many may be said.
const PASSWORD_BITS: (usize, usize) = (256, 4096);

fn acl_help(_: ServerCall<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    write_help(out, args, HELP);
    Ok(())
}

fn text(bytes: &[u8]) -> String {
    kora_core::text::of(bytes).into_owned()
}

fn wrong_form(args: &[&[u8]]) -> CommandError {
    CommandError::SubcommandForm(text(args[1]), "ACL")
}

fn bulks<T: AsRef<[u8]>>(call: &mut Call<'_>, texts: &[T]) -> CommandResult {
    let mut out = call.reply();
    out.array(texts.len());
    texts.iter().for_each(|text| out.bulk(text.as_ref()));
    Ok(())
}

fn cat(call: &mut Call<'_>, args: &[&[u8]]) -> CommandResult {
    match args {
        [_, _] => bulks(call, &categories().collect::<Vec<_>>()),
        [_, _, name] => {
            let unknown = || CommandError::Other(format!("ERR Unknown category '{}'", text(name)).into());
            let category = category(name).ok_or_else(unknown)?;
            let names: Vec<_> = call.engine.access.catalog().names_in(category).collect();
            bulks(call, &names)
        }
        _ => Err(wrong_form(args)),
    }
}

fn list(call: &mut Call<'_>, _: &[&[u8]]) -> CommandResult {
    let lines: Vec<_> = call.engine.access.read(|users| users.iter().map(|user| user.line()).collect());
    bulks(call, &lines)
}

fn list_users(call: &mut Call<'_>, _: &[&[u8]]) -> CommandResult {
    let names: Vec<_> =
        call.engine.access.read(|users| users.iter().map(|user| user.name().to_vec()).collect());
    bulks(call, &names)
}

fn whoami(call: &mut Call<'_>, _: &[&[u8]]) -> CommandResult {
    let name = call.session.identity.user().map_or(DEFAULT.to_vec(), |user| user.name().to_vec());
    call.reply().bulk(&name);
    Ok(())
}

fn getuser(call: &mut Call<'_>, args: &[&[u8]]) -> CommandResult {
    match call.engine.access.read(|users| users.get(args[2]).cloned()) {
        Some(user) => describe(&user, &mut call.reply()),
        None => call.reply().null(),
    }
    Ok(())
}

fn describe(user: &User, out: &mut dyn Reply) {
    let flags: Vec<_> = user.flags().collect();
    out.map(6);
    out.bulk(b"flags");
    out.set(flags.len());
    flags.iter().for_each(|flag| out.bulk(flag.as_bytes()));
    out.bulk(b"passwords");
    out.array(user.passwords().len());
    user.passwords().iter().for_each(|digest| out.bulk(digest.digits().as_bytes()));
    describe_selector(user.root(), out);
    out.bulk(b"selectors");
    out.array(user.selectors().len());
    for selector in user.selectors() {
        out.map(3);
        describe_selector(selector, out);
    }
}

fn describe_selector(selector: &Selector, out: &mut dyn Reply) {
    let fields: [(&str, Vec<u8>); 3] =
        [("commands", selector.commands()), ("keys", selector.keys()), ("channels", selector.channels())];
    for (name, rules) in fields {
        out.bulk(name.as_bytes());
        out.bulk(&rules);
    }
}

fn setuser(call: &mut Call<'_>, args: &[&[u8]]) -> CommandResult {
    let (name, words) = (args[2], &args[3..]);
    if name.iter().any(|byte| *byte == 0 || byte.is_ascii_whitespace() || *byte == 0x0b) {
        return Err(CommandError::text("ERR Usernames can't contain spaces or null characters"));
    }
    let rules = merge_selectors(words).map_err(|at| {
        let word = text(words[at]);
        let text = format!("ERR Unmatched parenthesis in acl selector starting at '{word}'.");
        CommandError::Other(text.into())
    })?;
    let context = call.engine.access.context();
    let set = call.engine.change_users(|users| users.set(name, &rules, context));
    set.map_err(|(at, error): (usize, RuleError)| {
        let rule = text(&rules[at]);
        CommandError::Other(format!("ERR Error in ACL SETUSER modifier '{rule}': {error}").into())
    })?;
    call.reply().ok();
    Ok(())
}

fn deluser(call: &mut Call<'_>, args: &[&[u8]]) -> CommandResult {
    let names = &args[2..];
    if names.iter().any(|name| *name == DEFAULT) {
        return Err(CommandError::text("ERR The 'default' user cannot be removed"));
    }
    let removed: Vec<&[u8]> =
        call.engine.change_users(|users| names.iter().copied().filter(|name| users.remove(name)).collect());
    end_clients_of(call, &removed);
    call.reply().integer(i64::try_from(removed.len()).expect("no allocation is longer than isize::MAX"));
    Ok(())
}

fn dryrun(call: &mut Call<'_>, args: &[&[u8]]) -> CommandResult {
    let (name, command) = (args[2], &args[3..]);
    let not_found = |what: &str, name: &[u8]| {
        CommandError::Other(format!("ERR {what} '{}' not found", text(name)).into())
    };
    let user = call.engine.access.read(|users| users.get(name).cloned());
    let user = user.ok_or_else(|| not_found("User", name))?;
    let found = call.engine.table.resolve(command).map_err(|error| match error {
        CommandError::Arity(_) => error,
        _ => not_found("Command", command[0]),
    })?;
    let verdict = call.engine.access.judge(&user, (found.id, found.facts), command);
    match verdict {
        Ok(()) => call.reply().ok(),
        Err(denial) => {
            let told = refusal_text(denial, (&user, found.facts), command, true);
            call.reply().bulk(&kora_core::text::bytes(&told));
        }
    }
    Ok(())
}

fn genpass(call: &mut Call<'_>, args: &[&[u8]]) -> CommandResult {
    let (usual, most) = PASSWORD_BITS;
    let bits = match args {
        [_, _] => usual,
        [_, _, bits] => {
            let bits = parse_i64(bits).ok_or(CommandError::NotInteger)?;
            usize::try_from(bits).ok().filter(|bits| (1..=most).contains(bits)).ok_or(CommandError::text(
                "ERR ACL GENPASS argument must be the number of bits for the output password, a positive number up to \
                 4096",
            ))?
        }
        _ => return Err(wrong_form(args)),
    };
    let digits = bits.div_ceil(4);
    let mut password = String::new();
    while password.len() < digits {
        let number = entropy::number()
            .map_err(|error| CommandError::Other(format!("ERR there is no entropy: {error}").into()))?;
        password.push_str(&format!("{number:016x}"));
    }
    password.truncate(digits);
    call.reply().bulk(password.as_bytes());
    Ok(())
}

fn load(call: &mut Call<'_>, _: &[&[u8]]) -> CommandResult {
    let removed = users::reload(call.engine, &call.front.config())?;
    let removed: Vec<&[u8]> = removed.iter().map(|name| &name[..]).collect();
    end_clients_of(call, &removed);
    call.reply().ok();
    Ok(())
}

fn save(call: &mut Call<'_>, _: &[&[u8]]) -> CommandResult {
    users::save(call.engine, &call.front.config())?;
    call.reply().ok();
    Ok(())
}

fn log(call: &mut Call<'_>, args: &[&[u8]]) -> CommandResult {
    let count = match args {
        [_, _] => LOG_ENTRIES_SHOWN,
        [_, _, word] if word.eq_ignore_ascii_case(b"reset") => {
            call.engine.access.forget_refusals();
            call.reply().ok();
            return Ok(());
        }
        [_, _, count] => {
            let count = parse_i64(count).ok_or(CommandError::NotInteger)?;
            usize::try_from(count).unwrap_or(0)
        }
        _ => return Err(wrong_form(args)),
    };
    let entries = call.engine.access.refusals(count);
    let now_ms = call.now.0;
    let mut out = call.reply();
    out.array(entries.len());
    entries.iter().for_each(|entry| describe_entry(entry, now_ms, &mut out));
    Ok(())
}

fn describe_entry(Entry { last, count, id, first_ms }: &Entry, now_ms: i64, out: &mut dyn Reply) {
    let number = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
    let texts: [(&str, &[u8]); 4] = [
        ("reason", last.reason.name().as_bytes()),
        ("context", last.place.name().as_bytes()),
        ("object", &last.object),
        ("username", &last.user),
    ];
    out.map(10);
    out.bulk(b"count");
    out.integer(number(*count));
    for (name, value) in texts {
        out.bulk(name.as_bytes());
        out.bulk(value);
    }
    out.bulk(b"age-seconds");
    #[expect(clippy::cast_precision_loss, reason = "milliseconds of an age are few")]
    out.double((now_ms - last.at_ms) as f64 / 1000.0);
    out.bulk(b"client-info");
    out.bulk(&last.client);
    let numbers =
        [("entry-id", number(*id)), ("timestamp-created", *first_ms), ("timestamp-last-updated", last.at_ms)];
    for (name, value) in numbers {
        out.bulk(name.as_bytes());
        out.integer(value);
    }
}
