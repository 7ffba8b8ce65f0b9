//! `help`: about the client, a command, or a group of commands.

use std::io::{self, Write};

use anstyle::{AnsiColor, Style};

use crate::catalog::{Catalog, Command};

const GENERAL: &str = "\
To learn about commands of the server:
      help COMMAND       about one command, such as \"help set\"
      help @GROUP        about a group, such as \"help @string\"
      help <Tab>         for what there is
Commands of the client:
      peek KEY           type, lifetime, size and beginning of a key
      :set               list the preferences, such as \":set nohints\"
      :connect HOST PORT go to another server, or :connect NAME to one of the configuration file
      :clear             clear the screen
      :quit              leave, as do \"quit\", \"exit\" and Ctrl-D
A number before a command repeats it, as in \"5 INCR counter\".
What follows a bar gets the reply, as in \"GET document | jq .\"; quote a bar that is meant as such.
A quote that is not closed goes on in the next line; Ctrl-C drops all of them.
A line that begins with a blank is not kept in the history; one with a password never is.
After SUBSCRIBE any key goes back to the prompt, and Ctrl-C ends all subscriptions; it ends MONITOR and any command that
waits, too.
";

/// Writes what is known about `topic`.
pub(super) fn write(
    catalog: &Catalog,
    topic: &[&str],
    coloured: bool,
    out: &mut dyn Write,
) -> io::Result<()> {
    let Some(first) = topic.first() else {
        writeln!(out, "kora-cli {}", env!("CARGO_PKG_VERSION"))?;
        return out.write_all(GENERAL.as_bytes());
    };
    let found: Vec<&Command> = match first.strip_prefix('@') {
        Some(group) => {
            catalog.commands().filter(|command| command.group.eq_ignore_ascii_case(group)).collect()
        }
        None => {
            let name = topic.join(" ").to_ascii_uppercase();
            let under = format!("{name} ");
            let matches = |command: &&Command| command.name == name || command.name.starts_with(&under);
            catalog.commands().filter(matches).collect()
        }
    };
    if found.is_empty() {
        return writeln!(out, "Nothing is known about \"{}\".", topic.join(" "));
    }
    writeln!(out)?;
    for command in found {
        write_command(command, coloured, out)?;
    }
    Ok(())
}

fn write_command(command: &Command, coloured: bool, out: &mut dyn Write) -> io::Result<()> {
    let style = |style: Style| if coloured { style } else { Style::new() };
    let name = style(Style::new().bold());
    let faint = style(AnsiColor::BrightBlack.on_default());
    let label = style(AnsiColor::Yellow.on_default());
    writeln!(out, "  {name}{}{name:#} {faint}{}{faint:#}", command.name, command.syntax())?;
    let facts = [
        ("summary", &command.summary),
        ("since", &command.since),
        ("group", &command.group),
        ("complexity", &command.complexity),
    ];
    for (title, text) in facts.into_iter().filter(|(_, text)| !text.is_empty()) {
        writeln!(out, "  {label}{title}:{label:#} {text}")?;
    }
    writeln!(out)
}
