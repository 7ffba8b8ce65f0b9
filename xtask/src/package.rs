//! `cargo xtask package`: the Debian package, by cargo-deb, and a look at it.
//!
//! What is to go into it is put below target/package/release, where cargo-deb looks for programs: nothing here touches what cargo has
//! built. The metadata stand in crates/kora-server/Cargo.toml, the other files in packaging/debian.

mod licences;
#[cfg(test)]
mod tests;

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, ensure};
use kora_server::config::table::Directive;

/// Where everything is put.
const TARGET: &str = "target/package";

/// What shells `kora-cli` knows completions for.
const SHELLS: [&str; 3] = ["bash", "zsh", "fish"];

/// What to pack, and what to do with it.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// A server that is built already, instead of building one
    #[arg(long)]
    server: Option<PathBuf>,
    /// A client that is built already, instead of building one
    #[arg(long)]
    cli: Option<PathBuf>,
    /// A Debian tree (debootstrap --variant=minbase) to install, use and purge the package in; needs root
    #[arg(long)]
    try_in: Option<PathBuf>,
}

/// Makes the package, and looks at it.
pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    let server = program(args.server.as_deref(), "kora-server")?;
    let cli = program(args.cli.as_deref(), "kora-cli")?;
    let release = Path::new(TARGET).join("release");
    std::fs::create_dir_all(&release)?;
    for (program, name) in [(&server, "kora-server"), (&cli, "kora-cli")] {
        let to = release.join(name);
        std::fs::copy(program, &to)
            .with_context(|| format!("can't copy {} to {}", program.display(), to.display()))?;
    }
    let share = release.join("share");
    crate::man::write(&share.join("man"))?;
    completions(&cli, &share)?;
    std::fs::create_dir_all(share.join("doc"))?;
    std::fs::write(share.join("doc/licences.txt"), licences::text()?)?;
    std::fs::copy("CHANGELOG.md", share.join("doc/changelog"))?;
    for folder in ["doc", "man"] {
        compress(&share.join(folder))?;
    }
    let absolute = std::path::absolute(TARGET)?;
    let mut pack = Command::new(env!("CARGO"));
    pack.args(["deb", "--no-build", "--strip", "-p", "kora-server", "-o", &format!("{TARGET}/")]);
    let packed = pack.env("CARGO_TARGET_DIR", absolute).status().context("can't run cargo")?;
    ensure!(packed.success(), "cargo deb failed; `cargo install cargo-deb` installs it");
    let package = newest_package()?;
    println!("{}", package.display());
    look(&package)?;
    if let Some(tree) = &args.try_in {
        must("packaging/debian/check.sh", &[package.as_os_str(), tree.as_os_str()])?;
    }
    Ok(())
}

/// Compresses the files of a folder, as Debian wants its pages; what was made before is replaced.
fn compress(folder: &Path) -> anyhow::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_none_or(|extension| extension != "gz") {
            must("gzip", &["-9nf".as_ref(), path.as_os_str()])?;
        }
    }
    Ok(())
}

/// The program that is given, or the one that is built for users.
fn program(given: Option<&Path>, name: &str) -> anyhow::Result<PathBuf> {
    if let Some(given) = given {
        return Ok(given.into());
    }
    let built = Command::new(env!("CARGO")).args(["build", "--release", "-p", name]).status();
    ensure!(built.context("can't run cargo")?.success(), "{name} was not built");
    Ok(PathBuf::from("target/release").join(name))
}

/// The client's page of the manual, and what shells complete.
fn completions(cli: &Path, share: &Path) -> anyhow::Result<()> {
    let dir = share.join("completions");
    std::fs::create_dir_all(&dir)?;
    std::fs::write(share.join("man/kora-cli.1"), printed(cli, &["--generate-man"])?)?;
    for shell in SHELLS {
        let text = printed(cli, &["--generate-completion", shell])?;
        std::fs::write(dir.join(format!("kora-cli.{shell}")), text)?;
    }
    Ok(std::fs::write(dir.join("kora-server.bash"), server_completion())?)
}

/// What bash completes for the server: its options, and every directive as one.
fn server_completion() -> String {
    let mut words: Vec<String> =
        ["--check-config", "--print-config", "--check", "--repair", "--version", "--help"]
            .map(str::to_owned)
            .into();
    words.extend(Directive::all().map(|directive| format!("--{}", directive.name)));
    let mut text = String::from("# Completion of kora-server for bash.\n_kora_server() {\n");
    let _ = write!(
        text,
        "    local word=${{COMP_WORDS[COMP_CWORD]}}\n    if [[ $word == -* ]]; then\n        \
         COMPREPLY=($(compgen -W \"{}\" -- \"$word\"))\n    else\n        \
         COMPREPLY=($(compgen -f -- \"$word\"))\n    fi\n}}\ncomplete -o filenames -F _kora_server kora-server\n",
        words.join(" ")
    );
    text
}

fn printed(program: &Path, args: &[&str]) -> anyhow::Result<Vec<u8>> {
    let output = Command::new(program).args(args).output().with_context(|| program.display().to_string())?;
    let complaint = || format!("{} {} failed", program.display(), args.join(" "));
    ensure!(output.status.success() && !output.stdout.is_empty(), complaint());
    Ok(output.stdout)
}

/// The package that was made last.
fn newest_package() -> anyhow::Result<PathBuf> {
    let mut packages = Vec::new();
    for entry in std::fs::read_dir(TARGET)? {
        let entry = entry?;
        if entry.path().extension().is_some_and(|extension| extension == "deb") {
            packages.push((entry.metadata()?.modified()?, entry.path()));
        }
    }
    packages.sort();
    packages.pop().map(|(_, path)| path).context("cargo deb has left no package")
}

/// Shows what others say of the package and its unit, as far as they are installed.
fn look(package: &Path) -> anyhow::Result<()> {
    must("dpkg-deb", &["--info".as_ref(), package.as_os_str()])?;
    must("dpkg-deb", &["--contents".as_ref(), package.as_os_str()])?;
    verify_unit()?;
    for (program, args) in [
        ("lintian", vec!["--info".as_ref(), package.as_os_str()]),
        ("systemd-analyze", vec!["security".as_ref(), "--offline=yes".as_ref(), UNIT.as_ref()]),
    ] {
        match Command::new(program).args(&args).status() {
            // What they say is to be read, and stops nothing.
            Ok(_) => {}
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                println!("{program} is not installed")
            }
            Err(error) => return Err(error).context(program),
        }
    }
    Ok(())
}

/// Has systemd read the service, with the program where it lies here.
fn verify_unit() -> anyhow::Result<()> {
    let program = std::path::absolute(TARGET)?.join("release/kora-server");
    let text = std::fs::read_to_string(UNIT)?.replace("/usr/bin/kora-server", &program.display().to_string());
    let unit = Path::new(TARGET).join("kora.service");
    std::fs::write(&unit, text)?;
    // Its pages of the manual are not installed here.
    match Command::new("systemd-analyze").args(["verify", "--man=no"]).arg(&unit).status() {
        Ok(status) => {
            ensure!(status.success(), "systemd does not take {UNIT}");
            Ok(())
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            println!("systemd-analyze is not installed");
            Ok(())
        }
        Err(error) => Err(error).context("systemd-analyze"),
    }
}

/// The service.
const UNIT: &str = "packaging/debian/kora.service";

fn must(program: &str, args: &[&std::ffi::OsStr]) -> anyhow::Result<()> {
    let status = Command::new(program).args(args).status().with_context(|| format!("can't run {program}"))?;
    ensure!(status.success(), "{program} failed");
    Ok(())
}
