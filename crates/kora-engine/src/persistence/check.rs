//! `--check DIR` and `--repair DIR`: files looked at, and mended, without a server.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use kora_core::rdb::RdbError;
use kora_core::rdb::file::{self, Piece};
use kora_storage::StorageError;
use kora_storage::disk::{Disk, DiskFile, RealDisk};
use kora_storage::format::TRACE_NAME;
use kora_storage::recovery::{self, GivenUp};

use super::loader::LoadError;
use super::source::Source;

/// What was found or done, in words, and whether all is well.
#[derive(Clone, Debug, Default)]
pub struct Verdict {
    /// Lines for people.
    pub text: String,
    /// Whether a server would start on the files with all that was ever certain.
    pub is_sound: bool,
}

/// The folders of a data directory that may hold a log: itself, and those in it that do.
fn log_dirs(disk: &dyn Disk, dir: &Path) -> Result<Vec<PathBuf>, StorageError> {
    let names =
        disk.list(dir).map_err(|source| StorageError::Io { action: "list", path: dir.to_owned(), source })?;
    // The trace stays where everything else of a log is gone.
    let is_of_log = |name: &String| name.ends_with(".klog") || name == TRACE_NAME || is_base(name);
    let has_log = |names: &[String]| names.iter().any(is_of_log);
    let mut dirs = Vec::new();
    if has_log(&names) {
        dirs.push(dir.to_owned());
    }
    for name in names {
        let inner = dir.join(name);
        if disk.list(&inner).is_ok_and(|names| has_log(&names)) {
            dirs.push(inner);
        }
    }
    Ok(dirs)
}

fn is_base(name: &str) -> bool {
    matches!(kora_storage::format::parse_name(name), kora_storage::format::Named::Base(_))
}

/// How bad what was found is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Finding {
    Whole,
    /// A start cuts an end that was not written whole.
    Torn,
    /// And whole records with it.
    Lossy,
    Damaged,
}

impl Finding {
    fn conclusion(self) -> &'static str {
        match self {
            Self::Whole => "All files are whole.",
            Self::Torn => "Nothing that was certain is damaged. A start cuts the end named above.",
            Self::Lossy => {
                "Nothing is damaged that is known to have been certain, but a start gives up the whole records named above."
            }
            Self::Damaged => "There is damage.",
        }
    }
}

/// Verifies every snapshot and log in a data directory; changes nothing.
///
/// # Errors
/// What the system says. Damage is no error, but part of the verdict.
pub fn check(dir: &Path) -> Result<Verdict, StorageError> {
    let (mut verdict, finding) = look(dir)?;
    verdict.is_sound = finding <= Finding::Torn;
    Ok(verdict)
}

fn look(dir: &Path) -> Result<(Verdict, Finding), StorageError> {
    let disk = RealDisk;
    let mut verdict = Verdict { is_sound: true, ..Verdict::default() };
    let mut finding = Finding::Whole;
    for log_dir in log_dirs(&disk, dir)? {
        let report = recovery::check(&disk, &log_dir)?;
        for file in &report.files {
            let what = format!("{} bytes, {} records", file.bytes, file.records);
            verdict.say(format_args!("{}: {what}", file.path.display()));
        }
        report.damage.iter().for_each(|damage| verdict.say(damage));
        if let Some(refused) = &report.refused {
            verdict.say(format_args!("{}: the log can't be read: {refused}", log_dir.display()));
        }
        if let Some(cut) = &report.cut {
            verdict.say(format_args!("a start would cut its end: {cut}"));
            finding = finding.max(if report.gives_up_records() { Finding::Lossy } else { Finding::Torn });
        }
        verdict.is_sound &= report.is_sound();
        verdict.check_snapshots(&disk, &log_dir)?;
    }
    verdict.check_snapshots(&disk, dir)?;
    let finding = if verdict.is_sound { finding } else { Finding::Damaged };
    verdict.say(finding.conclusion());
    Ok((verdict, finding))
}

/// Makes the logs of a data directory readable up to their first damage. What is taken out is kept under other names.
///
/// # Errors
/// What the system says, or that another process has the directory.
pub fn repair(dir: &Path) -> Result<Verdict, StorageError> {
    let disk = RealDisk;
    let _lock = kora_storage::disk::lock(&disk, dir)?;
    let mut verdict = Verdict::default();
    for log_dir in log_dirs(&disk, dir)? {
        let repaired = recovery::repair(&disk, &log_dir)?;
        match &repaired.problem {
            None => verdict.say(format_args!("{}: the log is readable as it is", log_dir.display())),
            Some(problem) => verdict.say(problem),
        }
        for (from, to) in &repaired.kept {
            verdict.say(format_args!("{} is kept as {}", from.display(), to.display()));
        }
        if let Some((path, bytes)) = &repaired.shortened {
            verdict.say(format_args!("{} now ends before the damage, at {bytes} bytes", path.display()));
        }
        if repaired.problem.is_some() {
            let GivenUp { bytes, records } = repaired.given_up;
            verdict.say(format_args!("given up: {bytes} bytes, among them {records} whole records"));
        }
    }
    let (after, finding) = look(dir)?;
    verdict.say(after.text.trim_end());
    verdict.is_sound = finding < Finding::Damaged;
    Ok(verdict)
}

impl Verdict {
    fn say(&mut self, line: impl std::fmt::Display) {
        writeln!(self.text, "{line}").expect("a string takes whatever is written");
    }

    /// Reads every snapshot of a folder to its end.
    fn check_snapshots(&mut self, disk: &dyn Disk, dir: &Path) -> Result<(), StorageError> {
        let failed = |source| StorageError::Io { action: "read", path: dir.to_owned(), source };
        for name in disk.list(dir).map_err(failed)?.iter().filter(|name| name.ends_with(".rdb")) {
            if name.starts_with("temp-") {
                continue;
            }
            let path = dir.join(name);
            let file = disk.open_read(&path).map_err(failed)?;
            match count_keys(&*file, &path) {
                Ok(keys) => self.say(format_args!("{}: {keys} keys", path.display())),
                Err(error) => {
                    self.is_sound = false;
                    self.say(error);
                }
            }
        }
        Ok(())
    }
}

/// Goes through a snapshot; how many keys there are.
fn count_keys(file: &dyn DiskFile, path: &Path) -> Result<u64, LoadError> {
    let mut source = Source::new(file, path, None);
    let version = source.read_header()?;
    let mut keys = 0;
    loop {
        match file::next_piece(source.rest(), version) {
            Ok((Piece::End { checksum }, len)) => {
                source.check_end(len, checksum)?;
                return Ok(keys);
            }
            Ok((piece, len)) => {
                keys += u64::from(matches!(piece, Piece::Entry(_)));
                source.used += len;
            }
            Err(RdbError::Incomplete(more)) => {
                if !source.fill(more)? {
                    return Err(source.damage("the file ends too early"));
                }
            }
            Err(error) => return Err(source.damage(error.to_string())),
        }
    }
}
