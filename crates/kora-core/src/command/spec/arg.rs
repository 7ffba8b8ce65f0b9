//! The arguments of a command, for COMMAND DOCS, hints and the reference.
//!
//! Source: Redis documentation, "Command arguments".

/// What kind of thing an argument is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are Redis's and explain themselves")]
pub enum ArgType {
    Key,
    String,
    Integer,
    Double,
    UnixTime,
    Pattern,
    PureToken,
    OneOf,
    Block,
}

impl ArgType {
    /// The name in COMMAND DOCS.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Key => "key",
            Self::String => "string",
            Self::Integer => "integer",
            Self::Double => "double",
            Self::UnixTime => "unix-time",
            Self::Pattern => "pattern",
            Self::PureToken => "pure-token",
            Self::OneOf => "oneof",
            Self::Block => "block",
        }
    }
}

/// One argument of a command, or a group of them.
#[derive(Clone, Copy, Debug)]
pub struct Arg {
    /// Its name.
    pub name: &'static str,
    /// What it is.
    pub kind: ArgType,
    /// The word that precedes it, or that it consists of.
    pub token: Option<&'static str>,
    /// Index into the command's key specifications, for keys.
    pub key_spec: usize,
    /// Whether it may be left out.
    pub is_optional: bool,
    /// Whether it may be repeated.
    pub is_multiple: bool,
    /// Whether its token is repeated with it.
    pub is_token_multiple: bool,
    /// First version that had it, if later than the command.
    pub since: Option<&'static str>,
    /// Version since which it is deprecated.
    pub deprecated: Option<&'static str>,
    /// Name shown instead of `name`, where Redis shows another one.
    pub display: Option<&'static str>,
    /// Its parts, for [`ArgType::OneOf`] and [`ArgType::Block`].
    pub parts: &'static [Arg],
}

impl Arg {
    /// An argument of `kind`.
    #[must_use]
    pub const fn new(name: &'static str, kind: ArgType) -> Self {
        Self {
            name,
            kind,
            token: None,
            key_spec: 0,
            is_optional: false,
            is_multiple: false,
            is_token_multiple: false,
            since: None,
            deprecated: None,
            display: None,
            parts: &[],
        }
    }

    /// A key, described by the command's first key specification.
    #[must_use]
    pub const fn key(name: &'static str) -> Self {
        Self::new(name, ArgType::Key)
    }

    /// A string.
    #[must_use]
    pub const fn string(name: &'static str) -> Self {
        Self::new(name, ArgType::String)
    }

    /// An integer.
    #[must_use]
    pub const fn integer(name: &'static str) -> Self {
        Self::new(name, ArgType::Integer)
    }

    /// A floating-point number.
    #[must_use]
    pub const fn double(name: &'static str) -> Self {
        Self::new(name, ArgType::Double)
    }

    /// A bare word.
    #[must_use]
    pub const fn word(name: &'static str, token: &'static str) -> Self {
        Self::new(name, ArgType::PureToken).token(token)
    }

    /// One of several.
    #[must_use]
    pub const fn one_of(name: &'static str, parts: &'static [Self]) -> Self {
        let mut arg = Self::new(name, ArgType::OneOf);
        arg.parts = parts;
        arg
    }

    /// Several that belong together.
    #[must_use]
    pub const fn block(name: &'static str, parts: &'static [Self]) -> Self {
        let mut arg = Self::new(name, ArgType::Block);
        arg.parts = parts;
        arg
    }

    /// Preceded by a word.
    #[must_use]
    pub const fn token(mut self, token: &'static str) -> Self {
        self.token = Some(token);
        self
    }

    /// May be left out.
    #[must_use]
    pub const fn optional(mut self) -> Self {
        self.is_optional = true;
        self
    }

    /// May be repeated.
    #[must_use]
    pub const fn multiple(mut self) -> Self {
        self.is_multiple = true;
        self
    }

    /// Its token is repeated with it.
    #[must_use]
    pub const fn repeated_token(mut self) -> Self {
        self.is_token_multiple = true;
        self
    }

    /// Added in a later version than the command.
    #[must_use]
    pub const fn since(mut self, version: &'static str) -> Self {
        self.since = Some(version);
        self
    }

    /// Deprecated since a version.
    #[must_use]
    pub const fn deprecated(mut self, version: &'static str) -> Self {
        self.deprecated = Some(version);
        self
    }

    /// Shown under another name.
    #[must_use]
    pub const fn display(mut self, name: &'static str) -> Self {
        self.display = Some(name);
        self
    }

    /// Described by another key specification than the first.
    #[must_use]
    pub const fn spec(mut self, index: usize) -> Self {
        self.key_spec = index;
        self
    }
}
