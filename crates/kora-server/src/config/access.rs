//! CONFIG GET and CONFIG SET.

use super::Config;
use super::table::{Apply, Change, Directive, Meaning};
use super::value::InvalidValue;
use kora_core::error::CommandError;
use kora_core::glob;

/// Lines of CONFIG HELP.
pub const HELP: &[&str] = &[
    "GET <pattern>",
    "    Return parameters matching the glob-like <pattern> and their values.",
    "SET <directive> <value>",
    "    Set the configuration <directive> to <value>.",
    "RESETSTAT",
    "    Reset statistics reported by the INFO command.",
    "REWRITE",
    "    Rewrite the configuration file.",
];

/// What a CONFIG SET did.
#[derive(Debug, Default)]
pub struct Changes {
    /// Directives whose value is another now.
    pub changed: Vec<&'static Directive>,
    /// Directives that were accepted but have no effect, with the reason: to be logged.
    pub without_effect: Vec<(&'static str, &'static str)>,
}

impl Changes {
    /// Whether a directive changed that needs `apply`.
    #[must_use]
    pub fn need(&self, apply: Apply) -> bool {
        self.changed.iter().any(|directive| directive.apply == apply)
    }
}

/// The error of a CONFIG SET that failed because of `directive`.
#[must_use]
pub fn set_failed(directive: &str, reason: &str) -> CommandError {
    let text = format!("ERR CONFIG SET failed (possibly related to argument '{directive}') - {reason}");
    CommandError::Other(text.into())
}

impl Config {
    /// Names and values of the directives that match any of `patterns`, each once.
    ///
    /// A pattern without wildcards answers in the spelling it was asked in, as Redis does.
    #[must_use]
    pub fn get(&self, patterns: &[&[u8]]) -> Vec<(Vec<u8>, Vec<u8>)> {
        let mut found: Vec<(Vec<u8>, Vec<u8>)> = Vec::new();
        for pattern in patterns {
            let is_exact = !pattern.iter().any(|byte| b"*?[".contains(byte));
            for directive in Directive::all() {
                for name in directive.names().map(str::as_bytes) {
                    let is_match = if is_exact {
                        name.eq_ignore_ascii_case(pattern)
                    } else {
                        glob::matches_ignore_case(pattern, name)
                    };
                    if is_match && !found.iter().any(|(known, _)| known.eq_ignore_ascii_case(name)) {
                        let shown = if is_exact { pattern } else { name };
                        found.push((shown.to_vec(), directive.get(self).shown()));
                    }
                }
            }
        }
        found
    }

    /// Sets all of `pairs`, names and values in turn, or none of them.
    ///
    /// # Errors
    /// As Redis words them: of the first pair that is unknown, fixed, repeated or refused.
    pub fn set(&mut self, pairs: &[&[u8]]) -> Result<Changes, CommandError> {
        let (pairs, rest) = pairs.as_chunks::<2>();
        if pairs.is_empty() || !rest.is_empty() {
            return Err(CommandError::Syntax);
        }
        let mut directives: Vec<(&[u8], &'static Directive)> = Vec::with_capacity(pairs.len());
        for [name, _] in pairs {
            let directive = settable(name)?;
            if directives.iter().any(|(known, _)| known.eq_ignore_ascii_case(name)) {
                return Err(set_failed(&kora_core::text::of(name), "duplicate parameter"));
            }
            directives.push((name, directive));
        }
        let mut next = self.clone();
        let mut changes = Changes::default();
        for ((name, directive), [_, value]) in directives.into_iter().zip(pairs) {
            let before = directive.get(&next);
            directive
                .set(&mut next, &[value.to_vec()])
                .map_err(|reason: InvalidValue| set_failed(&kora_core::text::of(name), &reason))?;
            let has_files = matches!(directive.apply, Apply::Tls | Apply::TlsListeners);
            if has_files || directive.get(&next) != before {
                changes.changed.push(directive);
            }
            if let Meaning::Inert { because, .. } = directive.meaning {
                changes.without_effect.push((directive.name, because));
            }
        }
        *self = next;
        Ok(changes)
    }
}

fn settable(name: &[u8]) -> Result<&'static Directive, CommandError> {
    let Some(directive) = Directive::find(name) else {
        let name = kora_core::text::of(name);
        let text = format!("ERR Unknown option or number of arguments for CONFIG SET - '{name}'");
        return Err(CommandError::Other(text.into()));
    };
    let refuse = |reason| Err(set_failed(&kora_core::text::of(name), reason));
    match directive.change {
        Change::AnyTime => Ok(directive),
        Change::AtStart => refuse("can't set immutable config"),
        Change::Protected => Ok(directive),
        Change::ProtectedAtStart => refuse("it can't change while the server runs"),
    }
}

/// Refuses to change directives that `enable-protected-configs` keeps from the client.
///
/// # Errors
/// If such a directive is among `pairs`, names and values in turn, and none before it is refused for another reason.
pub fn refuse_protected(pairs: &[&[u8]]) -> Result<(), CommandError> {
    for name in pairs.iter().step_by(2) {
        match Directive::find(name).map(|directive| directive.change) {
            Some(Change::Protected | Change::ProtectedAtStart) => {
                return Err(set_failed(&kora_core::text::of(name), "can't set protected config"));
            }
            Some(Change::AnyTime) => {}
            Some(Change::AtStart) | None => break,
        }
    }
    Ok(())
}
