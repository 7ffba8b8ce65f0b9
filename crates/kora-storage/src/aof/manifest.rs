//! The list of files of which a multi-part append-only file consists.

/// Longest line, with its end, as Redis has it.
const LINE_BYTES_MAX: usize = 1024;

/// What a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ManifestKind {
    /// The state to begin with: a snapshot, or commands.
    Base,
    /// Superseded, to be deleted.
    History,
    /// Commands that follow.
    Incremental,
}

/// One file of the list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ManifestFile {
    /// Its name, in the directory of the manifest.
    pub name: String,
    /// Its number among those of its kind.
    pub sequence: u64,
    /// What it is.
    pub kind: ManifestKind,
}

/// What is wrong with a manifest, in Redis's words.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {what}")]
pub struct ManifestError {
    /// The line, from 1.
    pub line: usize,
    /// What is wrong with it.
    pub what: &'static str,
}

/// A list of files.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Manifest {
    /// In the order of the list.
    pub files: Vec<ManifestFile>,
}

impl Manifest {
    /// Reads a manifest.
    ///
    /// # Errors
    /// The first line that is wrong.
    pub fn parse(text: &[u8]) -> Result<Self, ManifestError> {
        let mut manifest = Self::default();
        let mut line = 0;
        let mut rest = text;
        while !rest.is_empty() {
            line += 1;
            let error = |what| ManifestError { line, what };
            let end = rest.iter().take(LINE_BYTES_MAX).position(|byte| *byte == b'\n');
            let end = end.ok_or(error("The AOF manifest file contains too long line"))?;
            let (text, after) = rest.split_at_checked(end + 1).unwrap_or((rest, &[]));
            rest = after;
            if text.starts_with(b"#") {
                continue;
            }
            let file = parse_line(text.trim_ascii()).map_err(error)?;
            manifest.add(file).map_err(error)?;
        }
        if line == 0 {
            return Err(ManifestError { line: 1, what: "Found an empty AOF manifest" });
        }
        Ok(manifest)
    }

    fn add(&mut self, file: ManifestFile) -> Result<(), &'static str> {
        let before = self.files.iter().rfind(|before| before.kind == file.kind);
        match (file.kind, before) {
            (ManifestKind::Base, Some(_)) => return Err("Found duplicate base file information"),
            (ManifestKind::Incremental, Some(before)) if before.sequence >= file.sequence => {
                return Err("Found a non-monotonic sequence number");
            }
            _ => {}
        }
        self.files.push(file);
        Ok(())
    }

    /// The files to be loaded, in order: the base, then the others.
    pub fn to_load(&self) -> impl Iterator<Item = &ManifestFile> {
        let of_kind = |kind| self.files.iter().filter(move |file| file.kind == kind);
        of_kind(ManifestKind::Base).chain(of_kind(ManifestKind::Incremental))
    }
}

fn parse_line(line: &[u8]) -> Result<ManifestFile, &'static str> {
    const INVALID: &str = "Invalid AOF manifest file format";
    let words = split_words(line).ok_or(INVALID)?;
    if words.len() < 6 || words.len() % 2 != 0 {
        return Err(INVALID);
    }
    let (mut name, mut sequence, mut kind) = (None, None, None);
    for pair in words.chunks_exact(2) {
        let [key, value] = pair else { continue };
        let text = std::str::from_utf8(value).map_err(|_| INVALID)?;
        if key.eq_ignore_ascii_case(b"file") {
            if text.contains('/') || text.contains('\\') {
                return Err("File can't be a path, just a filename");
            }
            name = Some(text.to_owned());
        } else if key.eq_ignore_ascii_case(b"seq") {
            sequence = text.parse().ok().filter(|sequence| *sequence > 0);
        } else if key.eq_ignore_ascii_case(b"type") {
            kind = Some(match text {
                "b" => ManifestKind::Base,
                "h" => ManifestKind::History,
                "i" => ManifestKind::Incremental,
                _ => return Err("Unknown AOF file type"),
            });
        }
        // Other keys are from the future.
    }
    let name = name.filter(|name| !name.is_empty() && name != "." && name != "..").ok_or(INVALID)?;
    Ok(ManifestFile { name, sequence: sequence.ok_or(INVALID)?, kind: kind.ok_or(INVALID)? })
}

/// Splits a line as Redis's configuration does: words, some of them in quotes. None if a quote is not closed.
fn split_words(mut line: &[u8]) -> Option<Vec<Vec<u8>>> {
    let mut words = Vec::new();
    loop {
        line = line.trim_ascii_start();
        let Some(&first) = line.first() else { return Some(words) };
        let (word, rest) = match first {
            b'"' | b'\'' => take_quoted(line)?,
            _ => {
                let end = line.iter().position(u8::is_ascii_whitespace).unwrap_or(line.len());
                let (word, rest) = line.split_at_checked(end)?;
                (word.to_vec(), rest)
            }
        };
        words.push(word);
        line = rest;
    }
}

/// A word in quotes, which a space or the end must follow.
fn take_quoted(line: &[u8]) -> Option<(Vec<u8>, &[u8])> {
    let (&quote, mut rest) = line.split_first()?;
    let mut word = Vec::new();
    loop {
        let (&byte, after) = rest.split_first()?;
        rest = after;
        match byte {
            byte if byte == quote => break,
            b'\\' if quote == b'"' => {
                let (&escaped, after) = rest.split_first()?;
                let code = after.get(..2).and_then(|digits| std::str::from_utf8(digits).ok());
                let code = code.and_then(|digits| u8::from_str_radix(digits, 16).ok());
                (rest, word) = match (escaped, code) {
                    (b'x', Some(code)) => (after.get(2..)?, with(word, code)),
                    _ => (after, with(word, unescaped(escaped))),
                };
            }
            b'\\' if rest.first() == Some(&b'\'') => {
                rest = rest.get(1..)?;
                word.push(b'\'');
            }
            byte => word.push(byte),
        }
    }
    rest.first().is_none_or(u8::is_ascii_whitespace).then_some((word, rest))
}

fn with(mut word: Vec<u8>, byte: u8) -> Vec<u8> {
    word.push(byte);
    word
}

fn unescaped(byte: u8) -> u8 {
    match byte {
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        b'b' => 8,
        b'a' => 7,
        byte => byte,
    }
}
