//! Disks in trouble: a small file system that fills up or becomes read-only, and a device that returns errors.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use kora_testkit::durability::program::{Launch, Program};
use kora_testkit::frame::Frame;
use kora_testkit::target::Connection as _;
use kora_testkit::target::tcp::TcpConnection;
use tempfile::TempDir;

use crate::{launch, line, text};

/// What is to happen by itself happens within this time, on however busy a machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(40);

/// What does not depend on the disk is answered within this time. A machine that does much else is slow, but a reply that
/// waits for a disk comes after seconds, or never.
pub(crate) const AT_ONCE: Duration = Duration::from_secs(2);

pub(crate) fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < PATIENCE, "waited in vain: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Bytes that do not compress.
pub(crate) fn noise(seed: u64, length: usize) -> String {
    let mut random = kora_testkit::simulation::random::Random::new(seed);
    (0..length).map(|_| char::from(b'!' + u8::try_from(random.below(90)).unwrap())).collect()
}

/// Whether writes are refused, in Redis's words.
pub(crate) fn is_refused(frame: &Frame, why: &str) -> bool {
    text(frame) == format!("MISCONF Errors writing to the AOF file: {why}")
}

/// Sends a command, and expects an answer that did not wait for a disk.
pub(crate) fn at_once(connection: &mut TcpConnection, words: &[&str]) -> Frame {
    let begun = Instant::now();
    let reply = connection.call(words).unwrap();
    assert!(begun.elapsed() < AT_ONCE, "{} took {:?}", words[0], begun.elapsed());
    reply
}

/// A directory of its own, in which a server keeps its data.
pub(crate) struct Home {
    pub(crate) home: TempDir,
    is_mounted: bool,
}

fn run(program: &str, args: &[&str]) -> bool {
    Command::new(program).args(args).output().is_ok_and(|output| output.status.success())
}

impl Home {
    /// In the system's directory for temporary files.
    pub(crate) fn new() -> Self {
        let home = tempfile::tempdir().unwrap();
        std::fs::create_dir(home.path().join("data")).unwrap();
        Self { home, is_mounted: false }
    }

    /// A file system of so many megabytes; none where nothing can be mounted, which is said.
    pub(crate) fn mounted(megabytes: u32) -> Option<Self> {
        let mut home = Self::new();
        let size = format!("size={megabytes}m");
        home.is_mounted = run("mount", &["-t", "tmpfs", "-o", &size, "tmpfs", home.dir().to_str().unwrap()]);
        if !home.is_mounted {
            eprintln!("NOT TESTED: no file system can be mounted here, which takes root");
            return None;
        }
        Some(home)
    }

    /// Where the server keeps its data.
    pub(crate) fn dir(&self) -> PathBuf {
        self.home.path().join("data")
    }

    /// Changes a file system that is mounted.
    pub(crate) fn remount(&self, option: &str) {
        assert!(
            run("mount", &["-o", &format!("remount,{option}"), self.dir().to_str().unwrap()]),
            "{option}"
        );
    }

    /// Fills the file system but for so many bytes.
    pub(crate) fn fill(&self, left: u64) {
        let stat = rustix::fs::statvfs(self.dir()).unwrap();
        let bytes = (stat.f_bavail * stat.f_frsize).saturating_sub(left);
        std::fs::write(self.dir().join("filler"), vec![b'x'; usize::try_from(bytes).unwrap()]).unwrap();
    }

    pub(crate) fn make_room(&self) {
        std::fs::remove_file(self.dir().join("filler")).unwrap();
    }

    pub(crate) fn launch(&self, options: &[&str]) -> Launch {
        launch(&self.dir(), options)
    }

    /// The names of all files but the filler, with the folder of the log.
    pub(crate) fn files(&self) -> Vec<String> {
        fn list(dir: &Path, into: &mut Vec<String>) {
            for entry in std::fs::read_dir(dir).into_iter().flatten().filter_map(Result::ok) {
                let name = entry.file_name().into_string().unwrap();
                if entry.path().is_dir() {
                    list(&entry.path(), into);
                } else if !["filler", "kora.lock", "log.newest"].contains(&name.as_str()) {
                    into.push(name);
                }
            }
        }
        let mut files = Vec::new();
        list(&self.dir(), &mut files);
        files.sort();
        files
    }

    /// Waits until the server has logged something.
    pub(crate) fn await_logged(&self, what: &str) {
        let log = self.home.path().join("data.log");
        wait_until(what, || std::fs::read_to_string(&log).unwrap().contains(what));
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        if self.is_mounted {
            run("umount", &["-l", self.dir().to_str().unwrap()]);
        }
    }
}

/// A device that fails on demand, under a server's files.
pub(crate) struct Device {
    control: PathBuf,
    library: PathBuf,
}

impl Device {
    /// Builds what stands between the server and the system.
    pub(crate) fn new(home: &Home) -> Self {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/durability/shim.c");
        let library = home.home.path().join("shim.so");
        let output = Command::new("cc")
            .args(["-shared", "-fPIC", "-O1", "-o"])
            .arg(&library)
            .arg(&source)
            .arg("-ldl")
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        Self { control: home.home.path().join("failing"), library }
    }

    /// The program on this device.
    pub(crate) fn launch(&self, home: &Home, options: &[&str]) -> Launch {
        let dir = home.dir().canonicalize().unwrap();
        let variables = [
            ("LD_PRELOAD", self.library.to_str().unwrap()),
            ("FAILING_DISK", self.control.to_str().unwrap()),
            ("FAILING_DIR", dir.to_str().unwrap()),
        ];
        let environment = variables.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
        Launch { environment, ..home.launch(options) }
    }

    /// Makes calls of a kind return an error number.
    pub(crate) fn fail(&self, kind: &str, errno: i32) {
        // Under another name first: who reads it finds all or nothing.
        let unnamed = self.control.with_extension("new");
        std::fs::write(&unnamed, format!("{kind} {errno}")).unwrap();
        std::fs::rename(unnamed, &self.control).unwrap();
    }

    /// Makes each sync take so much longer.
    pub(crate) fn linger(&self, ms: i32) {
        self.fail("slow", ms);
    }

    pub(crate) fn work(&self) {
        std::fs::remove_file(&self.control).unwrap();
    }
}

/// Checks for a while that reads are answered and writes refused, both at once.
pub(crate) fn check_refusing(program: &Program, why: &str, (key, value): (&str, &str), rounds: usize) {
    let mut reader = program.connect().unwrap();
    let mut writer = program.connect().unwrap();
    for _ in 0..rounds {
        assert!(text(&at_once(&mut reader, &["GET", key])) == value, "{key} is another");
        let refusal = at_once(&mut writer, &["SET", "refused", "value"]);
        assert!(is_refused(&refusal, why), "{refusal}");
        assert!(is_refused(&at_once(&mut writer, &["PING"]), why));
        assert!(text(&line(&mut reader, "INFO persistence")).contains("aof_last_write_status:err"));
        std::thread::sleep(Duration::from_millis(10));
    }
    assert_eq!(line(&mut reader, "EXISTS refused").number(), Some(0));
}
