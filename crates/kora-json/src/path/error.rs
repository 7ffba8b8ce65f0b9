//! What a path is refused with.

/// A text is no path. `Display` gives RedisJSON's words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PathError {
    /// The path in the dialect of `$`.
    pub(super) text: String,
    /// The byte that does not belong.
    pub(super) at: usize,
    /// What could stand there.
    pub(super) expected: &'static str,
}

impl std::fmt::Display for PathError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { text, at, expected } = self;
        let (before, behind) = text.split_at_checked(*at).unwrap_or((text, ""));
        write!(f, "Error occurred on position {at}, \"{before} ")?;
        if behind.is_empty() {
            f.write_str("<<<<----")?
        } else {
            write!(f, "---->>>> {behind}")?
        }
        write!(f, "\", expected one of the following: {expected}.")
    }
}

impl std::error::Error for PathError {}

/// A path goes to more places of a value than one may.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("ERR the path goes to too many values")]
pub struct TooMuch;
