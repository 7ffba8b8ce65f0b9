//! FT.CONFIG.

use kora_core::command::spec::{Arg, CommandSpec, Facts, Flags};
use kora_core::context::Ctx;
use kora_core::error::{CommandError, CommandResult};
use kora_core::reply::Reply;

use super::{READS, is_word, refusal, service, write_word};
use crate::service::{SETTINGS, Service, Setting, WITHOUT_EFFECT};

pub(super) const CONFIG: CommandSpec = CommandSpec {
    facts: Facts {
        name: "ft.config",
        summary: "Shows and changes settings of searches",
        complexity: "O(N) with N settings",
        args: &[Arg::string("action"), Arg::string("option"), Arg::string("value").optional()],
        flags: Flags::ADMIN.with(Flags::MODULE),
        ..READS
    },
    handler: config,
};

fn config(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    let service = service(ctx)?;
    match &args[1..] {
        [action, name, ..] if is_word(action, "GET") => {
            show(&service, &chosen(name), out, false);
            Ok(())
        }
        [action, name, ..] if is_word(action, "HELP") => {
            show(&service, &chosen(name), out, true);
            Ok(())
        }
        [action, name, value] if is_word(action, "SET") => set(&service, name, value, out),
        [action, _] if is_word(action, "SET") => {
            Err(CommandError::text("Expected an argument, but none provided"))
        }
        [action, _, _, ..] if is_word(action, "SET") => {
            out.simple("EXCESSARGS");
            Ok(())
        }
        [_, _, ..] => {
            out.simple("No such configuration action");
            Ok(())
        }
        _ => Err(CommandError::Arity("FT.CONFIG".into())),
    }
}

/// The settings of a name, or all for `*`.
fn chosen(name: &[u8]) -> Vec<&'static Setting> {
    SETTINGS.iter().filter(|setting| name == b"*" || is_word(name, setting.name)).collect()
}

fn show(service: &Service, settings: &[&Setting], out: &mut dyn Reply, is_help: bool) {
    let values = service.state().settings.clone();
    if out.is_resp3() {
        out.map(settings.len())
    } else {
        out.array(settings.len())
    }
    for setting in settings {
        match (out.is_resp3(), is_help) {
            (false, false) => out.array(2),
            (false, true) => out.array(5),
            (true, _) => {}
        }
        write_word(out, setting.name);
        if is_help {
            if out.is_resp3() {
                out.map(2);
            }
            write_word(out, "Description");
            write_word(out, setting.help);
            write_word(out, "Value");
        }
        out.bulk(setting.show(&values).as_bytes());
    }
}

fn set(service: &Service, name: &[u8], value: &[u8], out: &mut dyn Reply) -> CommandResult {
    if let Some(known) = WITHOUT_EFFECT.iter().find(|known| is_word(name, known)) {
        return Err(refusal(format_args!("{known} is not supported: it would have no effect")));
    }
    let setting = SETTINGS.iter().find(|setting| is_word(name, setting.name));
    let setting = setting.ok_or(CommandError::text("Invalid option"))?;
    setting.set(&mut service.state().settings, value).map_err(CommandError::text)?;
    out.ok();
    Ok(())
}
