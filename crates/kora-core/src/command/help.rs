//! The reply to HELP, alike for every container command. It names the command as the client did, which may have another name than it was
//! declared with (`rename-command`).

use crate::reply::Reply;
use crate::text;

/// The name that a command was called by, as HELP and hints at it show it.
#[must_use]
pub fn shown_name(sent: &[u8]) -> String {
    text::of(&sent.to_ascii_uppercase()).into_owned()
}

/// Writes what HELP of the container that `args` call answers: a line that shows the form, `lines` (each subcommand's form, followed by
/// indented lines that explain it), and HELP itself.
pub fn write_help(out: &mut dyn Reply, args: &[&[u8]], lines: &[&str]) {
    out.array(lines.len() + 3);
    let container = shown_name(args[0]).replace(['\r', '\n'], " ");
    out.simple(&format!("{container} <subcommand> [<arg> [value] [opt] ...]. Subcommands are:"));
    for line in lines.iter().copied().chain(["HELP", "    Print this help."]) {
        out.simple(line);
    }
}
