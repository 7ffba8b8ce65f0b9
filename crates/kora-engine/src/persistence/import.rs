//! Redis's own logs, read at a start that finds no log of ours: the files that a manifest lists, or one file as before Redis 7.
//! They stay as they are; what was read goes on in a log of ours.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use kora_core::db::DbIndex;
use kora_core::services::Services;
use kora_core::store::ShardStore;
use kora_core::time::UnixMs;
use kora_storage::aof::{AofReader, Entry, Manifest};
use kora_storage::{Damage, StorageError};

use super::Persistence;
use super::loader::{LoadError, Replay, Target, load_snapshot};
use super::restore::io_error;
use crate::settings::PersistenceSettings;

/// Longest manifest that is read.
const MANIFEST_BYTES_MAX: u64 = 16 << 20;

impl Persistence {
    /// Loads a log of Redis's, if there is one; says whether there is.
    pub(super) fn import(
        &self,
        settings: &PersistenceSettings,
        (stores, services, now): (&mut [Box<ShardStore>], &Arc<Services>, UnixMs),
    ) -> Result<bool, LoadError> {
        let files = self.redis_files(settings)?;
        let mut target = self.target(stores, services, now);
        for (index, path) in files.iter().enumerate() {
            tracing::info!("importing {}", path.display());
            let is_last = index + 1 == files.len();
            self.import_file(&mut target, path, is_last && settings.load_truncated)?;
        }
        Ok(!files.is_empty())
    }

    /// The files of a log of Redis's, in order.
    fn redis_files(&self, settings: &PersistenceSettings) -> Result<Vec<PathBuf>, LoadError> {
        let name = &settings.append_file_name;
        let dir = self.log_dir(settings);
        let path = dir.join(format!("{name}.manifest"));
        if let Some(file) = self.open(&path)? {
            let mut text = Vec::new();
            let len = file.len().map_err(|source| io_error("read", &path, source))?;
            text.resize(usize::try_from(len.min(MANIFEST_BYTES_MAX)).unwrap_or(0), 0);
            let mut filled = 0;
            while filled < text.len() {
                let count = file.read_at(&mut text[filled..], filled as u64);
                match count.map_err(|source| io_error("read", &path, source))? {
                    0 => break,
                    count => filled += count,
                }
            }
            let manifest = Manifest::parse(&text[..filled]).map_err(|error| {
                let what = format!("line {}: {}", error.line, error.what);
                StorageError::from(Damage { path: path.clone(), offset: 0, what })
            })?;
            return Ok(manifest.to_load().map(|file| dir.join(&file.name)).collect());
        }
        let plain = self.dir.join(name);
        Ok(Vec::from_iter(self.open(&plain)?.map(|_| plain)))
    }

    fn import_file(&self, target: &mut Target<'_>, path: &Path, may_be_cut: bool) -> Result<(), LoadError> {
        let mut failure = None;
        let opened = AofReader::open(&*self.disk, path, |file| {
            target.loading.add_total(file.len().unwrap_or(0));
            load_snapshot(target, (file, path), true).map(|loaded| loaded.bytes).map_err(
                |error| match error {
                    LoadError::Storage(error) => error,
                    other => {
                        failure = Some(other);
                        StorageError::from(Damage { path: path.to_owned(), offset: 0, what: String::new() })
                    }
                },
            )
        });
        if let Some(failure) = failure {
            return Err(failure);
        }
        let mut reader = opened?;
        let mut db = DbIndex(0);
        let mut replay = Replay::new(target);
        loop {
            let at = reader.offset();
            let damage = |what| StorageError::from(Damage { path: path.to_owned(), offset: at, what });
            let commands = match reader.next()? {
                None => break,
                Some(Entry::Command(command)) => vec![command],
                Some(Entry::Transaction(commands)) => commands,
            };
            for command in commands {
                let args: Vec<&[u8]> = command.iter().map(|arg| &arg[..]).collect();
                if let Some(error) = replay.run_of_redis(&mut db, &args).map_err(damage)? {
                    tracing::warn!("{}: the command at offset {at} is refused: {error}", path.display());
                }
            }
            replay.note_progress(reader.offset() - at)?;
        }
        match reader.truncated() {
            None => Ok(()),
            Some(cut) if may_be_cut => {
                let (bytes, offset) = (cut.bytes, cut.offset);
                tracing::warn!(
                    "{}: {bytes} bytes from offset {offset} on are left out: not written whole",
                    path.display()
                );
                Ok(())
            }
            Some(cut) => {
                let what = "the file ends in the midst of a command".to_owned();
                Err(StorageError::from(Damage { path: path.to_owned(), offset: cut.offset, what }).into())
            }
        }
    }
}
