//! What the process owes to whoever started it: notifications, a file with its number, the background, a stock configuration.

use std::io::Read as _;
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::process::{Command, Stdio};

use kora_testkit::durability::program::Launch;
use kora_testkit::process::free_port;
use kora_testkit::target::Connection as _;
use kora_testkit::target::tcp::TcpTarget;
use rustix::process::{Pid, Signal, WaitOptions, kill_process, waitpid};

use crate::{PATIENCE, launch, line, program, text, wait_until};

fn number_in(path: &Path) -> Option<Pid> {
    let text = std::fs::read_to_string(path).ok()?;
    text.strip_suffix('\n')?.parse().ok().and_then(Pid::from_raw)
}

/// The next message of a server to its service manager.
fn told(socket: &UnixDatagram) -> String {
    let mut bytes = [0; 500];
    let count = socket.recv(&mut bytes).expect("the server tells something");
    String::from_utf8_lossy(&bytes[..count]).into_owned()
}

fn with_variable(mut launch: Launch, name: &str, value: &str) -> Launch {
    launch.environment.push((name.into(), value.into()));
    launch
}

#[test]
fn systemd_is_told_how_the_server_is() {
    for workers in ["1", "4"] {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("notify");
        let socket = UnixDatagram::bind(&path).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        for mode in ["systemd", "auto"] {
            let options = ["--workers", workers, "--supervised", mode, "--daemonize", "yes"];
            let launch = launch(&home.path().join("data"), &options);
            let mut program = with_variable(launch, "NOTIFY_SOCKET", path.to_str().unwrap()).start().unwrap();
            assert_eq!(told(&socket), "STATUS=Loading the data\n");
            assert_eq!(told(&socket), "READY=1\nSTATUS=Ready to accept connections\n");
            let info = text(&line(&mut program.connect().unwrap(), "INFO server"));
            assert!(info.contains("\r\nprocess_supervised:systemd\r\n"), "{info}");
            program.signal(Signal::HUP).unwrap();
            let reload = told(&socket);
            assert!(reload.starts_with("RELOADING=1\nMONOTONIC_USEC="), "{reload}");
            assert_eq!(told(&socket), "READY=1\n");
            assert!(program.terminate().unwrap().success());
            assert_eq!(told(&socket), "STOPPING=1\nSTATUS=Ending\n");
        }
    }
}

#[test]
fn a_server_that_cannot_load_its_data_is_not_ready_for_systemd() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("notify");
    let socket = UnixDatagram::bind(&path).unwrap();
    let launch = launch(&home.path().join("data"), &["--supervised", "systemd", "--save", "1 1"]);
    std::fs::create_dir(&launch.dir).unwrap();
    std::fs::write(launch.dir.join("dump.rdb"), b"REDIS0011 and nothing that makes sense").unwrap();
    with_variable(launch, "NOTIFY_SOCKET", path.to_str().unwrap()).refusal().unwrap();
    socket.set_nonblocking(true).unwrap();
    let mut bytes = [0; 500];
    while let Ok(count) = socket.recv(&mut bytes) {
        assert!(!bytes[..count].starts_with(b"READY"));
    }
}

#[test]
fn a_supervisor_that_is_not_there_is_missed_in_the_log_alone() {
    let home = tempfile::tempdir().unwrap();
    for (mode, complaint) in [
        ("systemd", "systemd supervision requested, but NOTIFY_SOCKET not found"),
        ("upstart", "upstart supervision requested, but UPSTART_JOB not found"),
    ] {
        let launch = launch(&home.path().join("data"), &["--supervised", mode]);
        let program = launch.start().unwrap();
        wait_until("the log says so", || program.last_words().contains(complaint));
    }
}

#[test]
fn upstart_continues_a_server_that_has_stopped_to_say_that_it_is_ready() {
    let home = tempfile::tempdir().unwrap();
    let launch = launch(&home.path().join("data"), &["--supervised", "upstart"]);
    let mut program = with_variable(launch, "UPSTART_JOB", "kora").spawn().unwrap();
    let (_, status) = waitpid(Some(program.id()), WaitOptions::UNTRACED).unwrap().unwrap();
    assert!(status.stopped(), "{status:?}");
    program.signal(Signal::CONT).unwrap();
    program.wait_until_ready().unwrap();
    assert!(program.terminate().unwrap().success());
}

#[test]
fn the_number_of_the_process_is_in_a_file_until_its_end() {
    let home = tempfile::tempdir().unwrap();
    for workers in ["1", "4"] {
        let launch = launch(&home.path().join("data"), &["--workers", workers, "--pidfile", "kora.pid"]);
        let mut program = launch.start().unwrap();
        let file = launch.dir.join("kora.pid");
        wait_until("the file is there", || number_in(&file) == Some(program.id()));
        assert!(program.terminate().unwrap().success());
        assert!(!file.exists());
    }
    let nowhere = home.path().join("none/kora.pid");
    let launch = launch(&home.path().join("data"), &["--pidfile", nowhere.to_str().unwrap()]);
    let program = launch.start().unwrap();
    wait_until("the log says so", || program.last_words().contains("Failed to write PID file"));
}

/// Starts the program in the background, with `input` to read; whether it says that this succeeded, and what it printed.
fn in_background(dir: &Path, options: &[&str], input: &str) -> (bool, String) {
    let mut child = Command::new(program())
        .args(options)
        .args(["--daemonize", "yes", "-"])
        .current_dir(dir)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    std::io::Write::write_all(&mut child.stdin.take().unwrap(), input.as_bytes()).unwrap();
    let status = child.wait().unwrap();
    // Both ends only if the server has let go of them.
    let mut said = String::new();
    child.stdout.take().unwrap().read_to_string(&mut said).unwrap();
    child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    (status.success(), said)
}

#[test]
fn a_server_goes_into_the_background_once_it_has_its_addresses() {
    for workers in ["1", "4"] {
        let home = tempfile::tempdir().unwrap();
        let (file, log) = (home.path().join("pid"), home.path().join("log"));
        let port = free_port().unwrap().to_string();
        let options = ["--workers", workers, "--pidfile", file.to_str().unwrap(), "--logfile", "log"];
        let input = format!("port {port}\ndir {}\n", home.path().display());
        let (succeeded, said) = in_background(home.path(), &options, &input);
        assert!(succeeded, "{said}");
        let number = number_in(&file).expect("the file is there when the first process ends");
        let target = TcpTarget::new(&format!("127.0.0.1:{port}")).unwrap();
        let mut client = target.open().unwrap();
        wait_until("it serves", || text(&client.call(&["PING"]).unwrap()) == "PONG");
        let info = text(&line(&mut client, "INFO server"));
        assert!(info.contains(&format!("process_id:{}\r\n", number.as_raw_nonzero())), "{info}");
        assert_eq!(rustix::process::getsid(Some(number)).unwrap(), number, "it leads a session");
        // What keeps a second one from its address is said where it was started.
        let (succeeded, said) = in_background(home.path(), &["--port", &port, "--bind", "127.0.0.1"], "");
        assert!(!succeeded && said.contains("kora-server: "), "{said}");
        assert_eq!(number_in(&file), Some(number));
        kill_process(number, Signal::TERM).unwrap();
        wait_until("it ends", || !file.exists());
        wait_until("it says so", || std::fs::read_to_string(&log).unwrap().contains(", bye"));
    }
}

#[test]
fn the_stock_configurations_start_the_server() {
    let packaging = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../packaging"));
    for file in ["kora.conf", "debian/kora.conf"] {
        let home = tempfile::tempdir().unwrap();
        // The directories of the service belong to a system that has it.
        let own = home.path().to_str().unwrap();
        let stock = std::fs::read_to_string(packaging.join(file)).unwrap();
        let copy = home.path().join("kora.conf");
        std::fs::write(&copy, stock.replace("/var/lib/kora", own).replace("/var/log/kora", own)).unwrap();
        let mut launch = launch(&home.path().join("data"), &[]);
        launch.file = Some(copy);
        let mut program = launch.start().unwrap();
        assert_eq!(text(&line(&mut program.connect().unwrap(), "PING")), "PONG");
        assert!(program.terminate().unwrap().success());
    }
}
