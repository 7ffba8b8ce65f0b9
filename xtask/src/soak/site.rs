//! Where the data lie, and how that place is filled.
//!
//! With the rights to mount, the data directory is a small file system in memory, which a file of nothing fills to the last page.
//! Without them, a limit on the size of the server's files takes its part: writes to them fail in the same way, but new
//! small files can be made. The run says which it is.

use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, ensure};
use kora_testkit::durability::program::Program;
use rustix::process::{Resource, Rlimit, prlimit};

/// Size of the file system.
const DISK_MB: usize = 512;

/// Under the limit, files may grow by so much beyond the largest there is.
const SLACK_BYTES: u64 = 64 * 1024;

/// The place of one run.
pub(super) struct Site {
    home: tempfile::TempDir,
    dir: PathBuf,
    is_mounted: bool,
}

impl Site {
    /// Makes a place.
    ///
    /// # Errors
    /// When there is no room for it.
    pub(super) fn new() -> anyhow::Result<Self> {
        let home = tempfile::tempdir()?;
        let dir = home.path().join("data");
        std::fs::create_dir(&dir)?;
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &format!("size={DISK_MB}m,mode=700"), "kora-soak"])
            .arg(&dir)
            .output();
        let is_mounted = mounted.is_ok_and(|output| output.status.success());
        Ok(Self { home, dir, is_mounted })
    }

    pub(super) fn dir(&self) -> &Path {
        &self.dir
    }

    /// How the disk is filled, in words.
    pub(super) fn describe(&self) -> String {
        if self.is_mounted {
            format!("the data lie on a file system of {DISK_MB} MB, which is filled to the last page")
        } else {
            "a file system can't be mounted here: a full disk is a limit on the size of files".to_owned()
        }
    }

    /// Whether the server must be told of limits by errors instead of a signal.
    pub(super) fn needs_errors(&self) -> bool {
        !self.is_mounted
    }

    fn filler(&self) -> PathBuf {
        self.dir.join("filler")
    }

    /// Leaves no room.
    ///
    /// # Errors
    /// What the system says.
    pub(super) fn fill(&self, server: &Program) -> anyhow::Result<()> {
        if !self.is_mounted {
            let limit = self.largest()? + SLACK_BYTES;
            prlimit(Some(server.id()), Resource::Fsize, Rlimit { current: Some(limit), maximum: None })?;
            return Ok(());
        }
        let mut filler = File::create(self.filler())?;
        for chunk in [vec![0; 1 << 20], vec![0; 4096]] {
            while filler.write_all(&chunk).is_ok() {}
        }
        Ok(())
    }

    /// There is room again.
    ///
    /// # Errors
    /// What the system says.
    pub(super) fn free(&self, server: &Program) -> anyhow::Result<()> {
        if self.is_mounted {
            std::fs::remove_file(self.filler()).context("the filler is there")?;
        } else {
            prlimit(Some(server.id()), Resource::Fsize, Rlimit { current: None, maximum: None })?;
        }
        Ok(())
    }

    fn largest(&self) -> anyhow::Result<u64> {
        let sizes =
            files(&self.dir)?.into_iter().map(|path| std::fs::metadata(path).map_or(0, |data| data.len()));
        Ok(sizes.max().unwrap_or(0))
    }

    /// Number of files.
    ///
    /// # Errors
    /// When the directory can't be read.
    pub(super) fn file_count(&self) -> anyhow::Result<usize> {
        Ok(files(&self.dir)?.len())
    }

    /// Keeps the files as evidence; says where.
    pub(super) fn keep(mut self) -> anyhow::Result<PathBuf> {
        let kept = self.home.path().join("evidence");
        // The filler is none.
        let _ = std::fs::remove_file(self.filler());
        let status = Command::new("cp").arg("-a").arg(&self.dir).arg(&kept).status()?;
        ensure!(status.success(), "the files can't be kept");
        self.unmount();
        let path = self.home.path().to_owned();
        self.home.disable_cleanup(true);
        Ok(path)
    }

    fn unmount(&mut self) {
        if std::mem::take(&mut self.is_mounted) {
            // A process that was just killed may hold it for a moment.
            let _ = Command::new("umount").arg("-l").arg(&self.dir).status();
        }
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        self.unmount();
    }
}

/// The files below a directory.
fn files(dir: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir)? {
        let path = entry?.path();
        if path.is_dir() {
            // It may be gone by now.
            found.extend(files(&path).unwrap_or_default());
        } else {
            found.push(path);
        }
    }
    Ok(found)
}
