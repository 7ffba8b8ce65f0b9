//! FT.SEARCH.

use super::args::{Args, parse, text};
use super::error::{ArgumentError, BadValue};
use super::options::{Format, Limit, QueryOptions, RESULTS_MAX, format, geo_filter, limit, numeric_filter};

type Result<T> = std::result::Result<T, ArgumentError>;

/// Arguments of FT.SEARCH.
#[derive(Clone, Debug, PartialEq)]
pub struct Search {
    /// Name of the index, or an alias.
    pub index: Vec<u8>,
    /// The query.
    pub query: Vec<u8>,
    /// How it is read and evaluated.
    pub options: QueryOptions,
    /// What is replied.
    pub output: Output,
}

/// What FT.SEARCH replies.
#[derive(Clone, Debug, PartialEq)]
pub struct Output {
    /// NOCONTENT.
    pub no_content: bool,
    /// WITHSCORES.
    pub with_scores: bool,
    /// EXPLAINSCORE.
    pub explain_score: bool,
    /// WITHPAYLOADS.
    pub with_payloads: bool,
    /// WITHSORTKEYS.
    pub with_sort_keys: bool,
    /// RETURN; none: all fields.
    pub returned: Option<Vec<Returned>>,
    /// SORTBY; none: by score.
    pub sort: Option<Sort>,
    /// LIMIT.
    pub limit: Limit,
    /// HIGHLIGHT and SUMMARIZE.
    pub shown: Shown,
    /// FORMAT.
    pub format: Format,
}

/// A field of a reply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Returned {
    /// The field's name, or a path.
    pub field: String,
    /// AS: its name in the reply.
    pub alias: Option<String>,
}

/// SORTBY field [ASC | DESC].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sort {
    /// The field.
    pub field: String,
    /// DESC.
    pub descending: bool,
}

/// How texts of results are shown: HIGHLIGHT and SUMMARIZE.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Shown {
    /// Fields that are named, in the order in which they are; none: all are shown alike.
    pub fields: Vec<(String, Style)>,
    /// What holds for all, or for what is not said of a named field.
    pub all: Style,
}

/// How a text is shown.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Style {
    /// HIGHLIGHT.
    pub tags: Option<Tags>,
    /// SUMMARIZE.
    pub pieces: Option<Pieces>,
}

/// HIGHLIGHT ... [TAGS open close].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tags {
    /// Written before a word of the query.
    pub open: String,
    /// Written behind it.
    pub close: String,
}

/// SUMMARIZE ... [FRAGS n] [LEN n] [SEPARATOR text].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pieces {
    /// Pieces of a field at most.
    pub count: u32,
    /// Words of a piece about.
    pub words: u32,
    /// What stands behind each.
    pub separator: String,
}

impl Shown {
    /// Whether anything is shown otherwise than it is.
    #[must_use]
    pub fn is_plain(&self) -> bool {
        self.fields.is_empty() && self.all == Style::default()
    }

    /// How a field is shown, by its name. What is said of all fields holds for all that RETURN names; without it, for those that are named here,
    /// if some are.
    #[must_use]
    pub fn style(&self, name: &[u8], is_returned: bool) -> Style {
        let all = &self.all;
        let own = self.fields.iter().find(|(field, _)| field.as_bytes() == name);
        let Some((_, own)) = own else {
            return if is_returned || self.fields.is_empty() { all.clone() } else { Style::default() };
        };
        Style {
            tags: own.tags.clone().or_else(|| all.tags.clone()),
            pieces: own.pieces.clone().or_else(|| all.pieces.clone()),
        }
    }

    /// Says something of fields, or of all. What is said first stays.
    fn say(&mut self, fields: Vec<String>, say: impl Fn(&mut Style)) {
        if fields.is_empty() {
            say(&mut self.all);
        }
        for name in fields {
            let place = self.fields.iter().position(|(field, _)| *field == name).unwrap_or(self.fields.len());
            if place == self.fields.len() {
                self.fields.push((name, Style::default()));
            }
            say(&mut self.fields[place].1);
        }
    }
}

impl Default for Output {
    fn default() -> Self {
        Self {
            no_content: false,
            with_scores: false,
            explain_score: false,
            with_payloads: false,
            with_sort_keys: false,
            returned: None,
            sort: None,
            limit: Limit { offset: 0, count: 10 },
            shown: Shown::default(),
            format: Format::Text,
        }
    }
}

impl Search {
    /// Reads `index query [option ...]`.
    ///
    /// # Errors
    ///
    /// The arguments are not those of the command.
    pub fn parse(arguments: &[&[u8]]) -> Result<Self> {
        let [index, rest @ ..] = arguments else { return Err(ArgumentError::Arity("FT.SEARCH")) };
        let mut args = Args::new(rest);
        let query = args.next().ok_or(ArgumentError::other("No query string provided"))?;
        let mut args = Args::new(&rest[1..]);
        let mut search = Self {
            index: index.to_vec(),
            query: query.to_vec(),
            options: QueryOptions::default(),
            output: Output::default(),
        };
        while let Some(word) = args.next() {
            let upper = text(word).to_ascii_uppercase();
            let is_known = search.options.take(&upper, &mut args)?
                || search.options.take_anywhere(&upper, &mut args)?
                || search.filter(&upper, &mut args)?
                || search.output.take(&upper, &mut args)?;
            if !is_known {
                return Err(refused(&upper).unwrap_or_else(|| args.unknown(word)));
            }
        }
        search.output.check()?;
        Ok(search)
    }

    fn filter(&mut self, word: &str, args: &mut Args<'_>) -> Result<bool> {
        match word {
            "FILTER" => self.options.numeric_filters.push(numeric_filter(args)?),
            "GEOFILTER" => self.options.geo_filters.push(geo_filter(args)?),
            _ => return Ok(false),
        }
        Ok(true)
    }
}

/// Why an option of aggregations is refused; none if it is not one.
fn refused(word: &str) -> Option<ArgumentError> {
    match word {
        "GROUPBY" => Some(ArgumentError::other(
            "option `GROUPBY` is mutually exclusive with simple (i.e. search) options",
        )),
        "ADDSCORES" | "APPLY" | "LOAD" | "WITHCURSOR" => {
            Some(ArgumentError::other(format!("{word} is not supported on FT.SEARCH")))
        }
        _ => None,
    }
}

impl Output {
    fn take(&mut self, word: &str, args: &mut Args<'_>) -> Result<bool> {
        match word {
            "NOCONTENT" => self.no_content = true,
            "WITHSCORES" => self.with_scores = true,
            "EXPLAINSCORE" => self.explain_score = true,
            "WITHPAYLOADS" => self.with_payloads = true,
            "WITHSORTKEYS" => self.with_sort_keys = true,
            // The count of all results is always exact.
            "WITHCOUNT" | "WITHOUTCOUNT" => (),
            "RETURN" => self.returned = Some(returned(args)?),
            "SORTBY" => self.set_sort(args)?,
            "LIMIT" => self.limit = limit(args)?,
            "FORMAT" => self.format = format(args)?,
            "HIGHLIGHT" => highlight(args, &mut self.shown)?,
            "SUMMARIZE" => summarize(args, &mut self.shown)?,
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn set_sort(&mut self, args: &mut Args<'_>) -> Result<()> {
        if self.sort.is_some() {
            return Err(ArgumentError::other("Multiple SORTBY steps are not allowed"));
        }
        let field = args.next().map(text).ok_or(ArgumentError::other("Bad SORTBY arguments"))?;
        let descending = args.take_word("DESC");
        if !descending {
            args.take_word("ASC");
        }
        if args.is_word("MAX") {
            return Err(ArgumentError::other("SORTBY MAX is not supported by FT.SEARCH"));
        }
        self.sort = Some(Sort { field, descending });
        Ok(())
    }

    fn check(&self) -> Result<()> {
        if self.explain_score && !self.with_scores {
            return Err(ArgumentError::other("EXPLAINSCORE must be accompanied with WITHSCORES"));
        }
        if self.limit.count > RESULTS_MAX {
            return Err(ArgumentError::other(format!("LIMIT exceeds maximum of {RESULTS_MAX}")));
        }
        if self.limit.offset > RESULTS_MAX {
            return Err(ArgumentError::other(format!("OFFSET exceeds maximum of {RESULTS_MAX}")));
        }
        Ok(())
    }
}

/// `n field [AS name] ...`, of which n counts all words.
fn returned(args: &mut Args<'_>) -> Result<Vec<Returned>> {
    let mut words = Args::new(args.list("RETURN")?);
    let mut returned = Vec::new();
    while let Some(field) = words.next() {
        let error = ArgumentError::other("RETURN path AS name - must be accompanied with NAME");
        let alias = if words.take_word("AS") { Some(words.next().map(text).ok_or(error)?) } else { None };
        returned.push(Returned { field: text(field), alias });
    }
    Ok(returned)
}

/// `FIELDS n field ...`, if it is there.
fn fields(args: &mut Args<'_>) -> Result<Vec<String>> {
    if !args.take_word("FIELDS") {
        return Ok(Vec::new());
    }
    Ok(args.list("FIELDS")?.iter().map(|field| text(field)).collect())
}

fn highlight(args: &mut Args<'_>, shown: &mut Shown) -> Result<()> {
    let bad = |_| ArgumentError::other("Bad arguments for HIGHLIGHT");
    let fields = fields(args).map_err(bad)?;
    let (mut open, mut close) = ("<b>".to_owned(), "</b>".to_owned());
    if args.take_word("TAGS") {
        let tags = args.take_many(2).ok_or(ArgumentError::bad("TAGS", BadValue::Missing)).map_err(bad)?;
        (open, close) = (text(tags[0]), text(tags[1]));
    }
    shown.say(fields, |style| {
        style.tags.get_or_insert_with(|| Tags { open: open.clone(), close: close.clone() });
    });
    Ok(())
}

fn summarize(args: &mut Args<'_>, shown: &mut Shown) -> Result<()> {
    let bad = || ArgumentError::other("Bad arguments for SUMMARIZE");
    let fields = fields(args).map_err(|_| bad())?;
    let mut pieces = Pieces { count: 3, words: 20, separator: "... ".to_owned() };
    loop {
        if args.take_word("FRAGS") {
            pieces.count = args.next().and_then(parse).ok_or_else(bad)?;
        } else if args.take_word("LEN") {
            pieces.words = args.next().and_then(parse).ok_or_else(bad)?;
        } else if args.take_word("SEPARATOR") {
            pieces.separator = args.next().map(text).ok_or_else(bad)?;
        } else {
            shown.say(fields, |style| {
                style.pieces.get_or_insert_with(|| pieces.clone());
            });
            return Ok(());
        }
    }
}
