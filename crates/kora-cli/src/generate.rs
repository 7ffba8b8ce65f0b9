//! Files for shells and for `man`, made from the declaration of the command line, so that they say what it says.

use std::io::{self, Write};
use std::process::ExitCode;

use anyhow::Result;
use clap::CommandFactory;
use clap_complete::Shell;
use clap_mangen::Man;
use clap_mangen::roff::{Roff, roman};

use crate::args::Args;

/// The name under which the program is installed.
const PROGRAM: &str = "kora-cli";

/// Sections of the manual page that no option is about: heading and paragraphs.
const SECTIONS: [(&str, &[&str]); 4] = [
    (
        "INTERACTIVE MODE",
        &[
            "Tab completes commands, subcommands, words among arguments, keys seen before, names of indexes and of configuration directives. \
             A quote that is not closed goes on in the next line. \":help\" lists the commands of the client, \":set\" the preferences.",
            "A line that begins with a blank is not kept in the history; one with a password never is.",
        ],
    ),
    (
        "FILES",
        &[
            "~/.config/kora/clirc: preferences (\":set nohints\") and names of servers (\":dsn NAME URI\"), a line for each. \
             ~/.redisclirc is read before it.",
            "~/.local/state/kora-cli/history: the lines typed.",
        ],
    ),
    (
        "ENVIRONMENT",
        &[
            "KORACLI_AUTH, REDISCLI_AUTH: the password.",
            "KORACLI_HISTFILE, REDISCLI_HISTFILE: the file of the history; /dev/null keeps none.",
            "KORACLI_RCFILE: the only configuration file to read. REDISCLI_RCFILE: the one to read instead of ~/.redisclirc.",
            "PAGER: what shows replies longer than the screen. NO_COLOR: no colours.",
        ],
    ),
    (
        "EXIT STATUS",
        &[
            "0, or 1 if the server can't be reached, the command line is wrong, a tool fails, or a command with -e.",
        ],
    ),
];

/// Prints the file that makes `shell` complete the command line.
///
/// # Errors
/// If standard output cannot be written.
pub(crate) fn completion(shell: Shell) -> Result<ExitCode> {
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut <Args as CommandFactory>::command(), PROGRAM, &mut text);
    io::stdout().write_all(&text)?;
    Ok(ExitCode::SUCCESS)
}

/// Prints the manual page.
///
/// # Errors
/// If standard output cannot be written.
pub(crate) fn manual() -> Result<ExitCode> {
    let mut text = Vec::new();
    let man = Man::new(<Args as CommandFactory>::command());
    man.render_title(&mut text)?;
    man.render_name_section(&mut text)?;
    man.render_synopsis_section(&mut text)?;
    man.render_description_section(&mut text)?;
    man.render_options_section(&mut text)?;
    let mut rest = Roff::new();
    for (heading, paragraphs) in SECTIONS {
        rest.control("SH", [heading]);
        for paragraph in paragraphs {
            rest.control("PP", []);
            rest.text([roman(*paragraph)]);
        }
    }
    rest.to_writer(&mut text)?;
    man.render_version_section(&mut text)?;
    io::stdout().write_all(&text)?;
    Ok(ExitCode::SUCCESS)
}
