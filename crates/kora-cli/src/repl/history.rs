//! The history file: readable by its owner alone, and without the lines that carry passwords.

use std::fs::OpenOptions;
use std::io;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use etcetera::{AppStrategy, AppStrategyArgs, choose_app_strategy};
use reedline::{
    FileBackedHistory, History, HistoryItem, HistoryItemId, HistorySessionId, Result, SearchQuery,
};

use crate::words::secrets;

/// Lines kept.
const LINES_MAX: usize = 1000;

/// Only the owner reads and writes.
const OWNER_ONLY: u32 = 0o600;

/// The history of earlier sessions; one that is forgotten if there is no place for a file.
pub(super) fn open() -> Box<dyn History> {
    match path().and_then(|path| open_at(&path).ok()) {
        Some(history) => Box::new(history),
        None => Box::new(DiscreetHistory(FileBackedHistory::default())),
    }
}

/// `KORACLI_HISTFILE` or `REDISCLI_HISTFILE` if set, otherwise a file in the user's state directory.
fn path() -> Option<PathBuf> {
    let named = ["KORACLI_HISTFILE", "REDISCLI_HISTFILE"].into_iter().find_map(std::env::var_os);
    if let Some(named) = named {
        return Some(PathBuf::from(named)).filter(|path| path != Path::new("/dev/null"));
    }
    let application = AppStrategyArgs {
        top_level_domain: "db".to_owned(),
        author: "kora".to_owned(),
        app_name: "kora-cli".to_owned(),
    };
    choose_app_strategy(application).ok()?.in_state_dir("history")
}

fn open_at(path: &Path) -> io::Result<DiscreetHistory> {
    if let Some(directory) = path.parent() {
        std::fs::create_dir_all(directory)?;
    }
    // The file is made before the editor would make it, which would let others read it.
    let file = OpenOptions::new().append(true).create(true).mode(OWNER_ONLY).open(path)?;
    file.set_permissions(std::fs::Permissions::from_mode(OWNER_ONLY))?;
    FileBackedHistory::with_file(LINES_MAX, path.to_owned())
        .map(DiscreetHistory)
        .map_err(|error| io::Error::other(error.to_string()))
}

/// A history that keeps no line with a secret, and writes each other line at once.
#[derive(Debug)]
struct DiscreetHistory(FileBackedHistory);

impl History for DiscreetHistory {
    fn save(&mut self, item: HistoryItem) -> Result<HistoryItem> {
        if !secrets(&item.command_line).is_empty() {
            return Ok(item);
        }
        let saved = self.0.save(item)?;
        self.0.sync()?;
        Ok(saved)
    }

    fn load(&self, id: HistoryItemId) -> Result<HistoryItem> {
        self.0.load(id)
    }

    fn count(&self, query: SearchQuery) -> Result<i64> {
        self.0.count(query)
    }

    fn search(&self, query: SearchQuery) -> Result<Vec<HistoryItem>> {
        self.0.search(query)
    }

    fn update(&mut self, id: HistoryItemId, updater: &dyn Fn(HistoryItem) -> HistoryItem) -> Result<()> {
        self.0.update(id, updater)
    }

    fn clear(&mut self) -> Result<()> {
        self.0.clear()
    }

    fn delete(&mut self, id: HistoryItemId) -> Result<()> {
        self.0.delete(id)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.0.sync()
    }

    fn session(&self) -> Option<HistorySessionId> {
        self.0.session()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_with_passwords_are_not_kept() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("deep/history");
        let mut history = open_at(&path).expect("a history");
        for line in ["get a", "AUTH secret", "config set requirepass secret", "get b"] {
            history.save(HistoryItem::from_command_line(line)).expect("saved");
        }
        assert_eq!(std::fs::read_to_string(&path).expect("a file"), "get a\nget b\n");
    }

    #[test]
    fn others_may_not_read_it() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("history");
        std::fs::write(&path, "get a\n").expect("written");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).expect("set");
        open_at(&path).expect("a history");
        let mode = std::fs::metadata(&path).expect("a file").permissions().mode();
        assert_eq!(mode & 0o777, OWNER_ONLY);
    }
}
