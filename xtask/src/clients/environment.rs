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
    rust: PathBuf,
}

impl Environment {
    /// Fetches what the scripts in `folder` need, and only that, into folders in `dir`.
    pub(super) fn install(dir: &Path, folder: &Path, scripts: &[&Script]) -> anyhow::Result<Self> {
        let environment =
            Self { python: dir.join("python"), javascript: dir.join("javascript"), rust: dir.join("rust") };
        let python = packages(scripts, Runtime::Python);
        if !python.is_empty() {
            environment.install_python(&python)?;
        }
        let javascript = packages(scripts, Runtime::JavaScript);
        if !javascript.is_empty() {
            environment.install_javascript(&javascript)?;
        }
        let rust: Vec<_> = scripts.iter().filter(|script| script.runtime == Runtime::Rust).collect();
        if !rust.is_empty() {
            let files: Vec<PathBuf> = rust.iter().map(|script| folder.join(script.file)).collect();
            environment.build_rust(&packages(scripts, Runtime::Rust), &files)?;
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

    /// Builds programs in a workspace of their own.
    fn build_rust(&self, packages: &BTreeSet<&str>, files: &[PathBuf]) -> anyhow::Result<()> {
        std::fs::create_dir_all(&self.rust)?;
        let mut manifest = String::from("[workspace]\n\n[package]\nname = \"clients\"\nedition = \"2024\"\n");
        for file in files {
            let path = file.canonicalize().with_context(|| file.display().to_string())?;
            let (name, path) = (program_name(file), path.display());
            manifest += &format!("\n[[bin]]\nname = \"{name}\"\npath = \"{path}\"\n");
        }
        manifest += "\n[dependencies]\n";
        packages.iter().for_each(|line| manifest += &format!("{line}\n"));
        std::fs::write(self.rust.join("Cargo.toml"), manifest)?;
        let mut build = Command::new(env!("CARGO"));
        build.args(["build", "--quiet", "--manifest-path"]).arg(self.rust.join("Cargo.toml"));
        succeed(build.arg("--target-dir").arg(self.rust.join("target")))
    }

    /// A command that runs a script, its arguments still to be added.
    pub(super) fn command(&self, runtime: Runtime, script: &Path) -> Command {
        let mut command = match runtime {
            Runtime::Python => Command::new(self.python.join("bin/python")),
            Runtime::JavaScript => Command::new("node"),
            Runtime::Rust => {
                return Command::new(self.rust.join("target/debug").join(program_name(script)));
            }
        };
        match runtime {
            // Scripts import one another: what that compiles is not to lie beside them.
            Runtime::Python => command.env("PYTHONDONTWRITEBYTECODE", "1"),
            Runtime::JavaScript => command.env("NODE_PATH", self.javascript.join("node_modules")),
            Runtime::Rust => &mut command,
        };
        command.arg(script);
        command
    }
}

/// The name of a program of Rust: that of its file.
fn program_name(file: &Path) -> String {
    file.file_stem().unwrap_or_default().to_string_lossy().into_owned()
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
