//! The users of the configuration and of the file `aclfile`: at the start, for ACL LOAD and SAVE, and for CONFIG REWRITE.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use kora_acl::rules::Context;
use kora_acl::{Catalog, Users, files};
use kora_core::error::{CommandError, CommandResult};
use kora_engine::Engine;
use kora_engine::front::Front;

use crate::config::{Config, PubsubDefault};

const NO_FILE: CommandError = CommandError::text(
    "ERR This Redis instance is not configured to use an ACL file. You may want to specify users via the ACL SETUSER \
     command and then issue a CONFIG REWRITE (assuming you have a Redis configuration file set) in order to store \
     users in the Redis configuration.",
);

const NOT_SAVED: CommandError = CommandError::text(
    "ERR There was an error trying to save the ACLs. Please check the server logs for more information",
);

/// The users that a configuration declares.
///
/// # Errors
/// What is wrong with them.
pub(crate) fn declared(config: &Config, catalog: &Catalog) -> Result<Users, String> {
    let all_channels = config.pubsub_default == PubsubDefault::AllChannels;
    let context = Context { catalog, all_channels };
    if !config.acl_file.is_empty() {
        if !config.user_lines.is_empty() {
            return Err(
                "users are declared by 'user' lines and by 'aclfile': only one of the two may be used".into(),
            );
        }
        return from_file(config, context);
    }
    let mut users = Users::new(catalog);
    users.set_default_password(&config.password);
    let mut names = BTreeSet::new();
    for line in &config.user_lines {
        files::declare(&mut users, &mut names, &line.words, context).map_err(|(word, error)| {
            let (word, text) = (String::from_utf8_lossy(&word), line.text());
            format!("{}: '{text}': Error in user declaration '{word}': {error}", line.place)
        })?;
    }
    Ok(users)
}

fn from_file(config: &Config, context: Context<'_>) -> Result<Users, String> {
    let name = String::from_utf8_lossy(&config.acl_file);
    let text = std::fs::read(path(config))
        .map_err(|error| format!("Error loading ACLs, opening file '{name}': {error}"))?;
    files::parse(&text, &name, context)
}

fn path(config: &Config) -> &Path {
    Path::new(OsStr::from_bytes(&config.acl_file))
}

/// Puts the users of a configuration in force, at the start.
pub(crate) fn establish<F: Front>(engine: &Engine<F>, config: &Config) -> io::Result<()> {
    configure(engine, config);
    let users = declared(config, engine.access.catalog()).map_err(io::Error::other)?;
    for user in users.iter().filter(|user| !user.is_on()) {
        let name = String::from_utf8_lossy(user.name());
        tracing::info!("the user '{name}' is off: there is no 'on' among its rules");
    }
    engine.change_users(|known| known.replace(users));
    Ok(())
}

/// Puts settings about users in force.
pub(crate) fn configure<F: Front>(engine: &Engine<F>, config: &Config) {
    let entries_max = usize::try_from(config.acl_log_entries_max).unwrap_or(usize::MAX);
    engine.access.configure(config.pubsub_default == PubsubDefault::AllChannels, entries_max);
}

/// ACL LOAD: the names of those who are users no more.
pub(crate) fn reload<F: Front>(engine: &Engine<F>, config: &Config) -> CommandResult<Vec<Vec<u8>>> {
    if config.acl_file.is_empty() {
        return Err(NO_FILE);
    }
    let users = from_file(config, engine.access.context())
        .map_err(|error| CommandError::Other(format!("ERR {error}").into()))?;
    Ok(engine.change_users(|known| {
        let before: Vec<Vec<u8>> = known.iter().map(|user| user.name().to_vec()).collect();
        known.replace(users);
        before.into_iter().filter(|name| known.get(name).is_none()).collect()
    }))
}

/// ACL SAVE. The old file is replaced in one step.
pub(crate) fn save<F: Front>(engine: &Engine<F>, config: &Config) -> CommandResult {
    if config.acl_file.is_empty() {
        return Err(NO_FILE);
    }
    let text = engine.access.read(files::print);
    replace_file(path(config), &text).map_err(|error| {
        tracing::error!("the users could not be saved to {}: {error}", path(config).display());
        NOT_SAVED
    })
}

fn replace_file(path: &Path, text: &[u8]) -> io::Result<()> {
    let path = path.canonicalize().unwrap_or_else(|_| path.into());
    let mut temporary = path.clone().into_os_string();
    temporary.push(format!(".tmp-{}", std::process::id()));
    let written = (|| {
        let mut file = OpenOptions::new().write(true).create(true).truncate(true).open(&temporary)?;
        if let Ok(old) = std::fs::metadata(&path) {
            file.set_permissions(old.permissions())?;
        }
        file.write_all(text)?;
        file.sync_all()?;
        std::fs::rename(&temporary, &path)
    })();
    if written.is_err() {
        // The first error is what matters; a file left behind is overwritten by the next try.
        let _ = std::fs::remove_file(&temporary);
    }
    written?;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(folder)?.sync_all()
}

/// The lines of a configuration file that declare the users: none if `requirepass` says it all, or another file does.
pub(crate) fn lines<F: Front>(engine: &Engine<F>, config: &Config) -> Vec<Vec<u8>> {
    let mut plain = Users::new(engine.access.catalog());
    plain.set_default_password(&config.password);
    engine.access.read(|users| {
        let is_plain = users.len() == 1 && users.default_user() == plain.default_user();
        if is_plain || !config.acl_file.is_empty() {
            return Vec::new();
        }
        users.iter().map(|user| user.file_line()).collect()
    })
}
