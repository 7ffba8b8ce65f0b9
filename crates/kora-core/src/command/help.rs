//! The reply to HELP, alike for every container command.

use crate::reply::Reply;

/// Writes what `container HELP` answers: a line that shows the form, `lines` (each subcommand's form, followed by
/// indented lines that explain it), and HELP itself.
pub fn write_help(out: &mut dyn Reply, container: &str, lines: &[&str]) {
    out.array(lines.len() + 3);
    out.simple(&format!("{container} <subcommand> [<arg> [value] [opt] ...]. Subcommands are:"));
    for line in lines.iter().copied().chain(["HELP", "    Print this help."]) {
        out.simple(line);
    }
}
