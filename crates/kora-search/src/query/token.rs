//! The pieces that the text of a query is made of.

/// What a piece is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    End,
    Number,
    Word,
    StopWord,
    /// `""` or `''`.
    Empty,
    /// `"..."`, whole.
    Quoted,
    /// `'...'`: no rule admits it.
    SingleQuoted,
    /// `"`, alone.
    Quote,
    /// `@name`.
    Modifier,
    /// `$name`.
    Dollar,
    /// `=>`.
    Arrow,
    LeftParen,
    RightParen,
    LeftBrace,
    RightBrace,
    LeftBracket,
    RightBracket,
    Bar,
    Tilde,
    Minus,
    Percent,
    Colon,
    Semicolon,
    Star,
    /// `word*`, `*word` or `*word*`.
    Affix(Affix),
    /// `w'...'`.
    Wildcard,
    /// `ismissing`.
    Missing,
    /// A comparison behind a modifier and before its number.
    Compare(Comparison),
}

/// Which ends of a word are open, and how the word is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Affix {
    /// `*` stands before it.
    pub(super) is_open_before: bool,
    /// `*` stands behind it.
    pub(super) is_open_behind: bool,
    /// It is the name of a parameter.
    pub(super) is_parameter: bool,
}

/// An operator between a field and a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Comparison {
    Equal,
    NotEqual,
    Greater,
    GreaterOrEqual,
    Less,
    LessOrEqual,
}

/// One piece.
#[derive(Clone, Copy, Debug)]
pub(super) struct Token<'a> {
    pub(super) kind: Kind,
    /// Where an error says that it is.
    pub(super) offset: usize,
    /// Its text without what surrounds it, escapes kept.
    pub(super) text: &'a str,
    /// What an error that comes after it names, if not what was named before.
    pub(super) near: Option<&'a str>,
}
