//! The server program that end-to-end tests run.
//!
//! `cargo test` runs the one it has just built, with debug assertions; `cargo xtask ci` names the one that users run, by
//! [`VARIABLE`]. Each test binary says once which it was, past the capture of its output, so that a run can be held to it.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

/// The environment variable that names another program than the one just built.
pub const VARIABLE: &str = "KORA_SERVER";

/// What the line begins with that tells which program a test binary runs.
pub const ANNOUNCEMENT: &str = "program under test: ";

/// The program under test: the one that [`VARIABLE`] names, or `built`, which is `env!("CARGO_BIN_EXE_kora-server")`.
///
/// # Panics
/// When the variable names what is no file: tests of another program than the one named prove nothing.
pub fn program_under_test(built: &str) -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| {
        let program = chosen(std::env::var_os(VARIABLE).map(PathBuf::from), built)
            .unwrap_or_else(|complaint| panic!("{complaint}"));
        // Not by a macro: the test harness captures what those print.
        let mut out = std::io::stdout().lock();
        let told = writeln!(out, "{ANNOUNCEMENT}{}", program.display()).and_then(|()| out.flush());
        told.expect("standard output takes a line");
        program
    })
}

fn chosen(named: Option<PathBuf>, built: &str) -> Result<PathBuf, String> {
    let Some(named) = named else { return Ok(built.into()) };
    let complaint = || format!("{VARIABLE} names {}, which is no file", named.display());
    if named.is_file() { named.canonicalize().map_err(|_| complaint()) } else { Err(complaint()) }
}

#[cfg(test)]
mod tests {
    use super::chosen;

    #[test]
    fn the_named_program_goes_before_the_built_one() {
        let file = tempfile::NamedTempFile::new().expect("a file can be made");
        let named = Some(file.path().to_owned());
        assert_eq!(chosen(named, "built"), Ok(file.path().canonicalize().expect("it exists")));
        assert_eq!(chosen(None, "built"), Ok("built".into()));
    }

    #[test]
    fn a_named_program_that_is_not_there_is_never_replaced() {
        let refusal = chosen(Some("/nowhere/kora-server".into()), "built").expect_err("there is none");
        assert!(refusal.contains("/nowhere/kora-server"), "{refusal}");
    }
}
