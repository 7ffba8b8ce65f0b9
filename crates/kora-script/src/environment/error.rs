//! The text of a Lua error, as the script's own error object has it.

use mlua::Error;

/// The message of `error` without what mlua adds to it: tracebacks, prefixes, layers of callbacks; as [`kora_core::text`] writes it.
#[must_use]
pub fn error_text(error: &Error) -> String {
    match error {
        Error::RuntimeError(text) | Error::MemoryError(text) => without_traceback(text).to_owned(),
        Error::SyntaxError { message, .. } => message.clone(),
        Error::CallbackError { cause, .. } => error_text(cause),
        Error::WithContext { cause, .. } => error_text(cause),
        Error::BadArgument { cause, .. } => error_text(cause),
        Error::StackError => "stack overflow".to_owned(),
        other => other.to_string(),
    }
}

/// mlua puts the traceback on the line after the message.
fn without_traceback(text: &str) -> &str {
    text.split_once("\nstack traceback:\n").map_or(text, |(message, _)| message)
}
