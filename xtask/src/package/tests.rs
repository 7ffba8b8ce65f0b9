//! The names in the package's files fit together, and fit the program.

use std::path::Path;

fn file(name: &str) -> String {
    let path = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/..")).join(name);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The values of a key of the unit.
fn unit(key: &str) -> Vec<String> {
    let unit = file("packaging/debian/kora.service");
    let lines = unit.lines().filter_map(|line| line.split_once('='));
    lines.filter(|(name, _)| *name == key).map(|(_, value)| value.to_owned()).collect()
}

fn only(key: &str) -> String {
    let mut values = unit(key);
    assert_eq!(values.len(), 1, "{key}");
    values.remove(0)
}

/// What the configuration that the package installs sets.
fn setting(name: &str) -> String {
    let configuration = file("packaging/debian/kora.conf");
    let mut lines = configuration.lines().filter_map(|line| line.split_once(' '));
    let found = lines.find(|(found, _)| *found == name);
    found.unwrap_or_else(|| panic!("{name} is not set")).1.to_owned()
}

/// Where the package puts a file of the workspace.
fn installed_as(source: &str) -> String {
    let manifest = file("crates/kora-server/Cargo.toml");
    let asset = manifest.lines().find(|line| line.contains(&format!("\"{source}\"")));
    let asset = asset.unwrap_or_else(|| panic!("the package has no {source}"));
    let parts: Vec<&str> = asset.split('"').collect();
    let name = Path::new(source).file_name().unwrap_or_default().to_string_lossy().into_owned();
    if parts[3].ends_with('/') { format!("/{}{name}", parts[3]) } else { format!("/{}", parts[3]) }
}

#[test]
fn the_unit_starts_what_is_installed_with_what_is_installed() {
    let program = installed_as("target/release/kora-server");
    let configuration = installed_as("../../packaging/debian/kora.conf");
    assert_eq!(only("ExecStart"), format!("{program} {configuration}"));
    assert_eq!(only("Type"), "notify");
}

#[test]
fn the_server_writes_where_the_unit_lets_it() {
    assert_eq!(setting("dir"), format!("/var/lib/{}", only("StateDirectory")));
    let logs = format!("/var/log/{}", only("LogsDirectory"));
    assert_eq!(Path::new(&setting("logfile")).parent(), Some(Path::new(&logs)));
    assert_eq!(setting("supervised"), "auto", "the unit waits for the server's notification");
}

#[test]
fn logrotate_rotates_the_server_s_log() {
    let rotation = file("packaging/debian/kora.logrotate");
    let pattern = rotation.lines().find_map(|line| line.strip_suffix(" {")).expect("it names files");
    let log = setting("logfile");
    let (folder, name) = pattern.rsplit_once('/').expect("a path");
    assert_eq!((Path::new(&log).parent(), name), (Some(Path::new(folder)), "*.log"));
    assert!(log.ends_with(".log"));
    let (user, group) = (only("User"), only("Group"));
    assert!(rotation.contains(&format!("su {user} {group}\n")));
}

#[test]
fn one_user_owns_everything() {
    let user = only("User");
    assert!(file("packaging/debian/sysusers.d/kora.conf").starts_with(&format!("u {user} ")));
    let name = installed_as("../../packaging/debian/sysusers.d/kora.conf");
    let name = name.strip_prefix("/usr/lib/sysusers.d/").expect("it is where systemd looks").to_owned();
    let script = file("packaging/debian/postinst");
    assert!(script.contains(&format!("systemd-sysusers {name}\n")));
    let dir = setting("dir");
    for script in [script, file("packaging/debian/postrm")] {
        assert!(script.contains(&dir) && script.contains("/var/log/kora"), "{script}");
    }
}

#[test]
fn the_package_has_the_version_of_the_programs() {
    let version = env!("CARGO_PKG_VERSION");
    assert!(file("packaging/debian/changelog").starts_with(&format!("kora ({version}-1) ")));
}

#[test]
fn shells_complete_directives() {
    let text = super::server_completion();
    assert!(
        text.contains(" --maxmemory-policy ") && text.contains(" --check-config")
            || text.contains("--check-config ")
    );
}
