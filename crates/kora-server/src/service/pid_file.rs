//! `pidfile`: the process's number in a file, for scripts that send signals.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// The file; removed when this is dropped, unless somebody else has written it since.
#[derive(Debug)]
pub struct PidFile {
    path: PathBuf,
    text: String,
}

impl PidFile {
    /// Writes the number of this process to the file at `path`, in place of what was there.
    ///
    /// # Errors
    /// If that fails.
    pub fn write(path: &Path) -> io::Result<Self> {
        let path = std::path::absolute(path)?;
        let text = format!("{}\n", std::process::id());
        fs::write(&path, &text)?;
        Ok(Self { path, text })
    }
}

impl Drop for PidFile {
    fn drop(&mut self) {
        if fs::read_to_string(&self.path).is_ok_and(|found| found == self.text)
            && let Err(error) = fs::remove_file(&self.path)
        {
            tracing::warn!("Failed to remove PID file {}: {error}", self.path.display());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::PidFile;
    use std::fs;

    #[test]
    fn a_file_is_removed_by_whom_it_names() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("pid");
        fs::write(&path, "of an earlier run").unwrap();
        let file = PidFile::write(&path).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), format!("{}\n", std::process::id()));
        drop(file);
        assert!(!path.exists());
        let file = PidFile::write(&path).unwrap();
        fs::write(&path, "1\n").unwrap();
        drop(file);
        assert_eq!(fs::read_to_string(&path).unwrap(), "1\n");
        PidFile::write(&home.path().join("none/pid")).unwrap_err();
    }
}
