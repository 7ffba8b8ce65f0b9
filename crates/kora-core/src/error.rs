//! What a command answers when it refuses. Each wording stands here once, as Redis words it, prefix included.

use std::borrow::Cow;

/// A command's refusal. `Display` gives the exact text of the error reply, prefix included, without `-` and CRLF; bytes that are no UTF-8 stand in it
/// as [`crate::text`] writes them.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CommandError {
    /// The key holds another type than the command works on.
    #[error("WRONGTYPE Operation against a key holding the wrong kind of value")]
    WrongType,
    /// The arguments do not have the command's form.
    #[error("ERR syntax error")]
    Syntax,
    /// An argument or a value should be a 64-bit signed integer and is not.
    #[error("ERR value is not an integer or out of range")]
    NotInteger,
    /// An argument or a value should be a floating point number and is not.
    #[error("ERR value is not a valid float")]
    NotFloat,
    /// The number of arguments does not fit; the field is the command's lower-case full name (`client|list`).
    #[error("ERR wrong number of arguments for '{0}' command")]
    Arity(Cow<'static, str>),
    /// A relative or absolute deadline does not fit; the field is the command's lower-case name.
    #[error("ERR invalid expire time in '{0}' command")]
    InvalidExpire(&'static str),
    /// INCR and its family would leave the range of a 64-bit signed integer.
    #[error("ERR increment or decrement would overflow")]
    IncrementOverflow,
    /// INCRBYFLOAT would leave the finite numbers.
    #[error("ERR increment would produce NaN or Infinity")]
    IncrementNotFinite,
    /// A string would become longer than `proto-max-bulk-len`.
    #[error("ERR string exceeds maximum allowed size (proto-max-bulk-len)")]
    StringTooLong,
    /// A key that must exist does not.
    #[error("ERR no such key")]
    NoSuchKey,
    /// The database index is not one of those configured.
    #[error("ERR DB index is out of range")]
    DbIndex,
    /// Source and destination are the same key in the same database.
    #[error("ERR source and destination objects are the same")]
    SameObject,
    /// A SCAN cursor that no SCAN returned.
    #[error("ERR invalid cursor")]
    InvalidCursor,
    /// The memory limit is reached and nothing may be evicted.
    #[error("OOM command not allowed when used memory > 'maxmemory'.")]
    OutOfMemory,
    /// A container command has no such subcommand; fields: what was asked for, the container in upper case.
    #[error("ERR unknown subcommand '{0}'. Try {1} HELP.")]
    UnknownSubcommand(String, String),
    /// DEBUG has no such subcommand, or not with so many arguments; the field is what was asked for.
    #[error("ERR unknown subcommand or wrong number of arguments for '{0}'. Try DEBUG HELP.")]
    DebugSubcommand(String),
    /// A container command has no such subcommand, or not with such arguments; fields: what was asked for, the container
    /// in upper case.
    #[error("ERR unknown subcommand or wrong number of arguments for '{0}'. Try {1} HELP.")]
    SubcommandForm(String, &'static str),
    /// A stream or a consumer group that must exist does not; fields: key, group.
    #[error("NOGROUP No such key '{0}' or consumer group '{1}'")]
    NoGroup(String, String),
    /// A consumer group that must exist does not; fields: group, key.
    #[error("NOGROUP No such consumer group '{0}' for key name '{1}'")]
    NoGroupOfKey(String, String),
    /// A wording that belongs to one command alone.
    #[error("{0}")]
    Other(Cow<'static, str>),
}

impl CommandError {
    /// A wording that belongs to one command alone, prefix included.
    #[must_use]
    pub const fn text(text: &'static str) -> Self {
        Self::Other(Cow::Borrowed(text))
    }
}

/// What a command's handler returns: nothing, after its reply was written to the sink; or the refusal, before
/// anything was written.
pub type CommandResult<T = ()> = Result<T, CommandError>;
