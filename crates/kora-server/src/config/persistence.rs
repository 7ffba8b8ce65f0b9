//! What is kept on disk, when it is written, and when it is certain.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use kora_engine::settings::{PersistenceSettings, SaveRule};
use kora_storage::log::FsyncPolicy;

use super::field::{ByteCount, choice};
use super::value::{InvalidValue, Setting, parse_number, until_nul};

choice! {
    /// `appendfsync`: when what was written to the log is made certain.
    pub enum AppendFsync {
        /// Once a second.
        EverySecond = "everysec",
        /// Before a write is acknowledged.
        Always = "always",
        /// When the system likes.
        No = "no",
    }
}

/// The rules if data is to be kept and none are given: Redis's.
const DEFAULT_RULES: [SaveRule; 3] = [
    SaveRule { seconds: 3600, changes: 1 },
    SaveRule { seconds: 300, changes: 100 },
    SaveRule { seconds: 60, changes: 10_000 },
];

/// `save`: the rules, if any were given.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SaveRules(Option<Vec<SaveRule>>);

impl SaveRules {
    /// The rules; none if none were given.
    #[must_use]
    pub fn rules(&self) -> &[SaveRule] {
        self.0.as_deref().unwrap_or_default()
    }

    /// Whether anything was said about them, be it that there are none.
    #[must_use]
    pub fn is_given(&self) -> bool {
        self.0.is_some()
    }

    /// Redis's default.
    #[must_use]
    pub fn standard() -> Self {
        Self(Some(DEFAULT_RULES.to_vec()))
    }

    /// Reads `seconds changes` pairs.
    pub(super) fn parse(words: &[Vec<u8>]) -> Result<Self, InvalidValue> {
        let words = if matches!(words, [only] if until_nul(only).is_empty()) { &[] } else { words };
        let (pairs, rest) = words.as_chunks::<2>();
        if !rest.is_empty() {
            return Err("Invalid save parameters".into());
        }
        let rule = |[seconds, changes]: &[Vec<u8>; 2]| {
            let seconds = parse_number(seconds).filter(|seconds| *seconds >= 1)?;
            let changes = parse_number(changes).filter(|changes| *changes >= 0)?;
            Some(SaveRule { seconds: u32::try_from(seconds).ok()?, changes: changes.unsigned_abs() })
        };
        let rules: Option<Vec<_>> = pairs.iter().map(rule).collect();
        rules.map(|rules| Self(Some(rules))).ok_or_else(|| "Invalid save parameters".into())
    }

    pub(super) fn to_setting(&self) -> Setting {
        let words = self.rules().iter().flat_map(|rule| [rule.seconds.into(), rule.changes]);
        Setting::Words(words.map(|number| number.to_string().into_bytes()).collect())
    }

    /// Its lines in a configuration file: one for each rule, as Redis writes them.
    pub(super) fn lines(&self) -> Vec<Vec<u8>> {
        if self.rules().is_empty() {
            return vec![b"\"\"".to_vec()];
        }
        self.rules().iter().map(|rule| format!("{} {}", rule.seconds, rule.changes).into_bytes()).collect()
    }
}

/// Everything about files of data.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "fields are named after their directives, which redis.conf documents")]
pub struct PersistenceConfig {
    pub save: SaveRules,
    pub db_file_name: Vec<u8>,
    pub compression: bool,
    pub checksum: bool,
    pub stop_writes_on_bgsave_error: bool,
    pub append_only: bool,
    pub append_file_name: Vec<u8>,
    pub append_dir_name: Vec<u8>,
    pub append_fsync: AppendFsync,
    pub auto_rewrite_min_size: ByteCount,
    pub auto_rewrite_percentage: u32,
    pub load_truncated: bool,
}

impl Default for PersistenceConfig {
    fn default() -> Self {
        Self {
            save: SaveRules::default(),
            db_file_name: b"dump.rdb".to_vec(),
            compression: true,
            checksum: true,
            stop_writes_on_bgsave_error: true,
            append_only: false,
            append_file_name: b"appendonly.aof".to_vec(),
            append_dir_name: b"appendonlydir".to_vec(),
            append_fsync: AppendFsync::EverySecond,
            auto_rewrite_min_size: ByteCount(64 << 20),
            auto_rewrite_percentage: 100,
            load_truncated: true,
        }
    }
}

impl PersistenceConfig {
    /// What the engine needs to know of it, with files in `dir`.
    pub(super) fn settings(&self, dir: PathBuf) -> PersistenceSettings {
        PersistenceSettings {
            dir,
            save: self.save.rules().to_vec(),
            db_file_name: String::from_utf8_lossy(&self.db_file_name).into_owned(),
            compression: self.compression,
            checksum: self.checksum,
            stop_writes_on_bgsave_error: self.stop_writes_on_bgsave_error,
            append_only: self.append_only,
            append_file_name: String::from_utf8_lossy(&self.append_file_name).into_owned(),
            append_dir_name: OsStr::from_bytes(&self.append_dir_name).into(),
            append_fsync: self.append_fsync.into(),
            auto_rewrite_min_bytes: self.auto_rewrite_min_size.0,
            auto_rewrite_percentage: self.auto_rewrite_percentage,
            load_truncated: self.load_truncated,
        }
    }
}

impl From<AppendFsync> for FsyncPolicy {
    fn from(choice: AppendFsync) -> Self {
        match choice {
            AppendFsync::Always => Self::Always,
            AppendFsync::EverySecond => Self::EverySecond,
            AppendFsync::No => Self::No,
        }
    }
}

/// Reads the name of a file that lies in the data directory.
pub(super) fn file_name(setting: Setting, directive: &str) -> Result<Vec<u8>, InvalidValue> {
    let Setting::Text(name) = setting else { unreachable!("its shape is text") };
    if name.is_empty() || name.contains(&b'/') || matches!(&name[..], b"." | b"..") {
        return Err(format!("{directive} can't be a path, just a filename"));
    }
    if std::str::from_utf8(&name).is_err() {
        return Err(format!("{directive} must be UTF-8 text"));
    }
    Ok(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_are_pairs() {
        let words = |text: &str| text.split(' ').map(|word| word.as_bytes().to_vec()).collect::<Vec<_>>();
        let rules = SaveRules::parse(&words("900 1 60 1000")).unwrap();
        assert_eq!(rules.rules().len(), 2);
        assert_eq!(rules.lines(), [b"900 1".to_vec(), b"60 1000".to_vec()]);
        for wrong in ["900", "0 1", "900 -1", "x 1", "4294967296 1"] {
            SaveRules::parse(&words(wrong)).unwrap_err();
        }
        assert!(SaveRules::parse(&[]).unwrap().is_given());
    }
}
