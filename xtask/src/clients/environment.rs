//! Folders that hold the packages of the scripts, apart from whatever else is installed on the machine.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, ensure};

use super::scripts::{Runtime, Script};

/// Where the packages lie.
pub(super) struct Environment {
    python: PathBuf,
    javascript: PathBuf,
}

impl Environment {
    /// Fetches what the scripts need, and only that, into folders in `dir`.
    pub(super) fn install(dir: &Path, scripts: &[&Script]) -> anyhow::Result<Self> {
        let environment = Self { python: dir.join("python"), javascript: dir.join("javascript") };
        let python = packages(scripts, Runtime::Python);
        if !python.is_empty() {
            environment.install_python(&python)?;
        }
        let javascript = packages(scripts, Runtime::JavaScript);
        if !javascript.is_empty() {
            environment.install_javascript(&javascript)?;
        }
        Ok(environment)
    }

    fn install_python(&self, packages: &BTreeSet<&str>) -> anyhow::Result<()> {
        if !self.python.exists() {
            succeed(Command::new("python3").args(["-m", "venv"]).arg(&self.python))?;
        }
        let mut pip = Command::new(self.python.join("bin/pip"));
        succeed(pip.args(["install", "--quiet", "--disable-pip-version-check"]).args(packages))
    }

    fn install_javascript(&self, packages: &BTreeSet<&str>) -> anyhow::Result<()> {
        std::fs::create_dir_all(&self.javascript)?;
        let mut npm = Command::new("npm");
        npm.args(["install", "--silent", "--no-audit", "--no-fund", "--prefix"]).arg(&self.javascript);
        succeed(npm.args(packages))
    }

    /// A command that runs a script, its arguments still to be added.
    pub(super) fn command(&self, runtime: Runtime, script: &Path) -> Command {
        let mut command = match runtime {
            Runtime::Python => Command::new(self.python.join("bin/python")),
            Runtime::JavaScript => Command::new("node"),
        };
        match runtime {
            // Scripts import one another: what that compiles is not to lie beside them.
            Runtime::Python => command.env("PYTHONDONTWRITEBYTECODE", "1"),
            Runtime::JavaScript => command.env("NODE_PATH", self.javascript.join("node_modules")),
        };
        command.arg(script);
        command
    }
}

fn packages<'a>(scripts: &[&'a Script], runtime: Runtime) -> BTreeSet<&'a str> {
    let of_runtime = scripts.iter().filter(|script| script.runtime == runtime);
    of_runtime.flat_map(|script| script.packages.iter().copied()).collect()
}

fn succeed(command: &mut Command) -> anyhow::Result<()> {
    let name = command.get_program().to_string_lossy().into_owned();
    let status = command.status().with_context(|| name.clone())?;
    ensure!(status.success(), "{name} failed: {status}");
    Ok(())
}
