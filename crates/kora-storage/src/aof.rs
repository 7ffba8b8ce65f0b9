//! Reading Redis's append-only files: one file as before Redis 7, or the files that a manifest lists.
//!
//! A file is a snapshot, if it begins like one, then commands as a client would send them. MULTI ... EXEC is one
//! entry. An end that was not written whole is left out and reported, as with `aof-load-truncated yes`; whether that
//! is acceptable, the caller decides (Redis accepts it in the last file only). Memory follows what is in the file,
//! never a length that a header announces.

mod manifest;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};

pub use manifest::{Manifest, ManifestError, ManifestFile, ManifestKind};

use crate::disk::{Disk, DiskFile, read_full};
use crate::error::{Context, Damage, StorageError};

const CHUNK_BYTES: usize = 256 << 10;
/// Longest header or annotation, with its line end.
const LINE_BYTES_MAX: usize = 64 << 10;

/// A command's name and arguments.
pub type Command = Vec<Vec<u8>>;

/// What applies as a whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Entry {
    /// A command.
    Command(Command),
    /// The commands between MULTI and EXEC.
    Transaction(Vec<Command>),
}

/// The end of a file that was not written whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Truncated {
    /// Where it begins.
    pub offset: u64,
    /// How many bytes it has.
    pub bytes: u64,
}

/// Reads one file's entries in order.
#[derive(Debug)]
pub struct AofReader {
    path: PathBuf,
    file: Box<dyn DiskFile>,
    length: u64,
    chunk: Vec<u8>,
    /// Where in the file the chunk begins, and how far it was used.
    chunk_at: u64,
    used: usize,
    /// Where the last entry ends.
    valid_up_to: u64,
    truncated: Option<Truncated>,
}

/// Why a command can't be read.
enum Stop {
    /// The file ends in the middle.
    End,
    /// The bytes at this offset are no command.
    Bad(u64, &'static str),
    System(std::io::Error),
}

type Read<T> = Result<T, Stop>;

impl AofReader {
    /// Opens a file. If it begins with a snapshot, `preamble` loads that and returns the offset at which it ends.
    ///
    /// # Errors
    /// What the system or `preamble` says.
    pub fn open(
        disk: &dyn Disk,
        path: &Path,
        preamble: impl FnOnce(&dyn DiskFile) -> Result<u64, StorageError>,
    ) -> Result<Self, StorageError> {
        let file = disk.open_read(path).context("open", path)?;
        let length = file.len().context("read", path)?;
        let mut magic = [0; 5];
        let count = read_full(file.as_ref(), &mut magic, 0).context("read", path)?;
        let begin = if count == magic.len() && &magic == b"REDIS" { preamble(file.as_ref())? } else { 0 };
        Ok(Self {
            path: path.to_owned(),
            file,
            length,
            chunk: Vec::new(),
            chunk_at: begin,
            used: 0,
            valid_up_to: begin,
            truncated: None,
        })
    }

    /// Where the last entry ends, in bytes from the beginning of the file.
    #[must_use]
    pub fn offset(&self) -> u64 {
        self.valid_up_to
    }

    /// The file's length in bytes.
    #[must_use]
    pub fn length(&self) -> u64 {
        self.length
    }

    /// The end that was not written whole, once [`Self::next`] has come there.
    #[must_use]
    pub fn truncated(&self) -> Option<Truncated> {
        self.truncated
    }

    /// The next entry; none at the end.
    ///
    /// # Errors
    /// [`StorageError::Damage`] if there is something else than a command, or what the system says.
    #[allow(clippy::should_implement_trait, reason = "it fails like the other readers here")]
    pub fn next(&mut self) -> Result<Option<Entry>, StorageError> {
        if self.truncated.is_some() {
            return Ok(None);
        }
        match self.entry() {
            Ok(entry) => {
                self.valid_up_to = self.position();
                Ok(entry)
            }
            Err(Stop::End) => {
                let (offset, bytes) = (self.valid_up_to, self.length.saturating_sub(self.valid_up_to));
                self.truncated = Some(Truncated { offset, bytes });
                Ok(None)
            }
            Err(Stop::Bad(offset, what)) => Err(Damage::new(&self.path, offset, what).into()),
            Err(Stop::System(error)) => Err(error).context("read", &self.path),
        }
    }

    fn entry(&mut self) -> Read<Option<Entry>> {
        let at = self.position();
        let Some(command) = self.command()? else { return Ok(None) };
        if is_named(&command, b"EXEC") {
            return Err(Stop::Bad(at, "EXEC without MULTI"));
        }
        if !is_named(&command, b"MULTI") {
            return Ok(Some(Entry::Command(command)));
        }
        let mut commands = Vec::new();
        loop {
            let at = self.position();
            let command = self.command()?.ok_or(Stop::End)?;
            if is_named(&command, b"EXEC") {
                return Ok(Some(Entry::Transaction(commands)));
            }
            if is_named(&command, b"MULTI") {
                return Err(Stop::Bad(at, "MULTI inside of MULTI"));
            }
            commands.push(command);
        }
    }

    /// The next command; none at the end of the file.
    fn command(&mut self) -> Read<Option<Command>> {
        let (at, line) = loop {
            if self.position() >= self.length {
                return Ok(None);
            }
            let at = self.position();
            let line = self.line()?;
            // Annotations, as of the time.
            if line.first() != Some(&b'#') {
                break (at, line);
            }
        };
        let count = header(&line, b'*').filter(|count| *count > 0);
        let count = count.ok_or(Stop::Bad(at, "no command begins here"))?;
        let mut command = Command::new();
        for _ in 0..count {
            command.push(self.argument()?);
        }
        Ok(Some(command))
    }

    fn argument(&mut self) -> Read<Vec<u8>> {
        let at = self.position();
        let line = self.line()?;
        let length = header(&line, b'$').ok_or(Stop::Bad(at, "no argument begins here"))?;
        if length > self.length - self.position() {
            return Err(Stop::End);
        }
        let mut argument = Vec::with_capacity(usize::try_from(length).map_err(|_| Stop::End)?);
        while (argument.len() as u64) < length {
            let missing = length - argument.len() as u64;
            let available = self.available()?;
            let count = usize::try_from(missing).unwrap_or(usize::MAX).min(available.len());
            argument.extend_from_slice(available.get(..count).unwrap_or_default());
            self.used += count;
        }
        let at = self.position();
        if self.byte()? != b'\r' || self.byte()? != b'\n' {
            return Err(Stop::Bad(at, "an argument is longer than announced"));
        }
        Ok(argument)
    }

    fn position(&self) -> u64 {
        self.chunk_at + self.used as u64
    }

    /// Bytes not used yet, one at least.
    fn available(&mut self) -> Read<&[u8]> {
        if self.used >= self.chunk.len() {
            self.chunk_at += self.chunk.len() as u64;
            self.used = 0;
            self.chunk.resize(CHUNK_BYTES, 0);
            let count =
                read_full(self.file.as_ref(), &mut self.chunk, self.chunk_at).map_err(Stop::System)?;
            self.chunk.truncate(count);
        }
        self.chunk.get(self.used..).filter(|rest| !rest.is_empty()).ok_or(Stop::End)
    }

    fn byte(&mut self) -> Read<u8> {
        let byte = self.available()?.first().copied().ok_or(Stop::End)?;
        self.used += 1;
        Ok(byte)
    }

    /// A line without its end.
    fn line(&mut self) -> Read<Vec<u8>> {
        let at = self.position();
        let mut line = Vec::new();
        loop {
            match self.byte()? {
                b'\n' => break,
                byte if line.len() < LINE_BYTES_MAX => line.push(byte),
                _ => return Err(Stop::Bad(at, "a line is too long")),
            }
        }
        if line.pop_if(|byte| *byte == b'\r').is_none() && line.first() != Some(&b'#') {
            return Err(Stop::Bad(at, "a line doesn't end with CR and LF"));
        }
        Ok(line)
    }
}

fn is_named(command: &Command, name: &[u8]) -> bool {
    command.len() == 1 && command.first().is_some_and(|found| found.eq_ignore_ascii_case(name))
}

/// The number of a header like `*3`.
fn header(line: &[u8], kind: u8) -> Option<u64> {
    let digits = line.strip_prefix(&[kind])?;
    let is_number = !digits.is_empty() && digits.iter().all(u8::is_ascii_digit);
    std::str::from_utf8(digits).ok().filter(|_| is_number)?.parse().ok()
}
