//! FT.CREATE and FT.ALTER.

mod vector;

use std::collections::HashSet;

use kora_index::schema::{Field, FieldKind, Language, Schema, Source};

use super::args::{Args, not_built, parse, text};
use super::error::{ArgumentError, BadValue};
use crate::expression::Expression;
use crate::number::leading_number;

type Result<T> = std::result::Result<T, ArgumentError>;

/// Most fields of an index.
pub const FIELDS_MAX: usize = 1024;

/// Most texts among them.
pub const TEXT_FIELDS_MAX: usize = 128;

/// Languages that RediSearch knows.
const LANGUAGES: [&str; 31] = [
    "arabic",
    "armenian",
    "basque",
    "catalan",
    "chinese",
    "danish",
    "dutch",
    "english",
    "finnish",
    "french",
    "german",
    "greek",
    "hindi",
    "hungarian",
    "indonesian",
    "irish",
    "italian",
    "lithuanian",
    "nepali",
    "norwegian",
    "portuguese",
    "romanian",
    "russian",
    "serbian",
    "spanish",
    "swedish",
    "tamil",
    "turkish",
    "yiddish",
    "malay",
    "tagalog",
];

/// Arguments of FT.CREATE.
#[derive(Clone, Debug, PartialEq)]
pub struct Create {
    /// Name of the index.
    pub index: Vec<u8>,
    /// What it is to hold.
    pub schema: Schema,
}

/// Arguments of FT.ALTER.
#[derive(Clone, Debug, PartialEq)]
pub struct Alter {
    /// Name of the index.
    pub index: Vec<u8>,
    /// SKIPINITIALSCAN.
    pub skip_initial_scan: bool,
    arguments: Vec<Vec<u8>>,
}

impl Create {
    /// Reads `index [option ...] SCHEMA field ...`.
    ///
    /// # Errors
    ///
    /// The arguments are not those of the command.
    pub fn parse(arguments: &[&[u8]]) -> Result<Self> {
        if arguments.len() < 4 {
            return Err(ArgumentError::Arity("FT.CREATE"));
        }
        let mut args = Args::new(&arguments[1..]);
        let mut schema = Schema::default();
        let mut is_bad_language = false;
        while !args.take_word("SCHEMA") {
            option(&mut args, &mut schema, &mut is_bad_language)?;
        }
        if schema.score.is_some_and(|score| !score.is_nan() && !(0.0..=1.0).contains(&score)) {
            return Err(ArgumentError::other("Invalid score"));
        }
        if is_bad_language {
            return Err(ArgumentError::other("Invalid language"));
        }
        if let Some(filter) = &schema.filter {
            Expression::parse(filter, |_| Some(0))?;
        }
        schema.fields = fields(&mut args, &schema)?;
        Ok(Self { index: arguments[0].to_vec(), schema })
    }
}

impl Alter {
    /// Reads `index [SKIPINITIALSCAN] SCHEMA ADD field ...`; [`Alter::fields`] reads the fields.
    ///
    /// # Errors
    ///
    /// The arguments are not those of the command.
    pub fn parse(arguments: &[&[u8]]) -> Result<Self> {
        if arguments.len() < 4 {
            return Err(ArgumentError::Arity("FT.ALTER"));
        }
        let mut args = Args::new(&arguments[1..]);
        let skip_initial_scan = args.take_word("SKIPINITIALSCAN");
        if !args.take_word("SCHEMA") {
            return Err(ArgumentError::other("ALTER must be followed by SCHEMA"));
        }
        if !args.take_word("ADD") {
            return Err(ArgumentError::other("Unknown action passed to ALTER SCHEMA"));
        }
        if args.is_empty() {
            return Err(ArgumentError::other("No fields provided"));
        }
        let rest = args.take_many(args.left()).unwrap_or_default();
        Ok(Self {
            index: arguments[0].to_vec(),
            skip_initial_scan,
            arguments: rest.iter().map(|argument| argument.to_vec()).collect(),
        })
    }

    /// The fields to add to an index.
    ///
    /// # Errors
    ///
    /// They are not well-formed, or the index has one of such a name.
    pub fn fields(&self, schema: &Schema) -> Result<Vec<Field>> {
        let arguments: Vec<_> = self.arguments.iter().map(Vec::as_slice).collect();
        fields(&mut Args::new(&arguments), schema)
    }
}

/// The language of a name, in any case.
#[must_use]
pub fn language(name: &[u8]) -> Option<Language> {
    let name = text(name).to_ascii_lowercase();
    LANGUAGES.contains(&name.as_str()).then_some(Language(name))
}

fn option(args: &mut Args<'_>, schema: &mut Schema, is_bad_language: &mut bool) -> Result<()> {
    let Some(word) = args.next() else { return Err(ArgumentError::other("No schema found")) };
    match text(word).to_ascii_uppercase().as_str() {
        "ON" => schema.source = source(args.value("ON")?)?,
        "PREFIX" => schema.prefixes = args.list("PREFIX")?.iter().map(|prefix| prefix.to_vec()).collect(),
        "FILTER" => schema.filter = Some(args.text("FILTER")?),
        "LANGUAGE" => {
            schema.language = language(args.value("LANGUAGE")?);
            *is_bad_language = schema.language.is_none();
        }
        "LANGUAGE_FIELD" => schema.language_field = Some(args.text("LANGUAGE_FIELD")?),
        "SCORE" => {
            let (score, length) = leading_number(&args.text("SCORE")?);
            schema.score = Some(if length == 0 { f64::INFINITY } else { score });
        }
        "SCORE_FIELD" => schema.score_field = Some(args.text("SCORE_FIELD")?),
        "PAYLOAD_FIELD" => schema.payload_field = Some(args.text("PAYLOAD_FIELD")?),
        "MAXTEXTFIELDS" => schema.max_text_fields = true,
        "TEMPORARY" => {
            let seconds: Option<i64> = parse(args.value("TEMPORARY")?);
            let seconds = seconds.ok_or(ArgumentError::bad("TEMPORARY", BadValue::NotConverted))?;
            schema.temporary_seconds = Some(seconds_of(seconds)?);
        }
        "NOOFFSETS" => {
            schema.no_offsets = true;
            schema.no_highlighting = true;
        }
        "NOHL" => schema.no_highlighting = true,
        "NOFIELDS" => schema.no_fields = true,
        "NOFREQS" => schema.no_frequencies = true,
        "SKIPINITIALSCAN" => schema.skip_initial_scan = true,
        "STOPWORDS" => {
            let words = args.list("STOPWORDS")?.iter();
            schema.stop_words = Some(words.map(|word| text(word).to_ascii_lowercase()).collect());
        }
        "INDEXALL" if args.take_word("ENABLE") => schema.index_all = true,
        "INDEXALL" if args.take_word("DISABLE") => schema.index_all = false,
        "INDEXALL" => {
            return Err(ArgumentError::other("Invalid argument for `INDEXALL`, use ENABLE/DISABLE"));
        }
        _ => return Err(ArgumentError::Unknown(text(word))),
    }
    Ok(())
}

/// Seconds are counted in 32 bits: more than a hundred years.
fn seconds_of(seconds: i64) -> Result<u32> {
    u32::try_from(seconds).map_err(|_| ArgumentError::bad("TEMPORARY", BadValue::OutOfBounds))
}

fn source(word: &[u8]) -> Result<Source> {
    match text(word).to_ascii_uppercase().as_str() {
        "HASH" => Ok(Source::Hash),
        "JSON" => Ok(Source::Json),
        _ => Err(ArgumentError::other(format!("Invalid rule type: {}", text(word)))),
    }
}

/// Fields up to the end, none of which has the name of another one or of one that is there. Values in JSON are kept as they are.
fn fields(args: &mut Args<'_>, schema: &Schema) -> Result<Vec<Field>> {
    let present = &schema.fields;
    let mut names: HashSet<String> = present.iter().map(|field| field.name.clone()).collect();
    let mut fields = Vec::new();
    while !args.is_empty() {
        let mut field = field(args)?;
        field.un_normalised |= field.sortable && schema.source == Source::Json;
        if !names.insert(field.name.clone()) {
            return Err(ArgumentError::other(format!("Duplicate field in schema - {}", field.name)));
        }
        fields.push(field);
        let is_text = |field: &&Field| matches!(field.kind, FieldKind::Text { .. });
        if names.len() > FIELDS_MAX {
            return Err(ArgumentError::other(format!("Schema is limited to {FIELDS_MAX} fields")));
        }
        if present.iter().chain(&fields).filter(is_text).count() > TEXT_FIELDS_MAX {
            return Err(ArgumentError::other(format!("Schema is limited to {TEXT_FIELDS_MAX} TEXT fields")));
        }
    }
    Ok(fields)
}

/// `identifier [AS name] type [option ...]`.
fn field(args: &mut Args<'_>) -> Result<Field> {
    let identifier = args.text("SCHEMA")?;
    let mut name = identifier.clone();
    if args.take_word("AS") {
        name = args.next().map(text).ok_or(ArgumentError::other("AS requires an argument"))?;
    }
    let Some(kind) = args.next() else {
        return Err(ArgumentError::other(format!("Field `{name}` does not have a type")));
    };
    let kind = match text(kind).to_ascii_uppercase().as_str() {
        "TEXT" => FieldKind::Text { weight: 1.0, no_stem: false, phonetic: None, with_suffixes: false },
        "TAG" => FieldKind::Tag { separator: None, case_sensitive: false, with_suffixes: false },
        "NUMERIC" => FieldKind::Numeric,
        "GEO" => FieldKind::Geo,
        "VECTOR" => FieldKind::Vector(vector::kind(args)?),
        "GEOSHAPE" => return Err(not_built("Field type GEOSHAPE")),
        _ => return Err(ArgumentError::other(format!("Invalid field type for field `{name}`"))),
    };
    let mut field = Field {
        identifier,
        name,
        kind,
        sortable: false,
        un_normalised: false,
        no_index: false,
        index_missing: false,
        index_empty: false,
    };
    while field_option(args, &mut field)? {}
    if !matches!(field.kind, FieldKind::Vector(_)) {
        sorting(args, &mut field);
    }
    if field.no_index && field.index_missing {
        let name = &field.name;
        let text = format!("'Field `{name}` cannot be defined with both `NOINDEX` and `INDEXMISSING`'");
        return Err(ArgumentError::other(text));
    }
    Ok(field)
}

/// Takes one option of a type; whether there was one.
fn field_option(args: &mut Args<'_>, field: &mut Field) -> Result<bool> {
    let has_empty = matches!(field.kind, FieldKind::Text { .. } | FieldKind::Tag { .. });
    if args.take_word("INDEXMISSING") {
        field.index_missing = true;
        return Ok(true);
    }
    if has_empty && args.take_word("INDEXEMPTY") {
        field.index_empty = true;
        return Ok(true);
    }
    match &mut field.kind {
        FieldKind::Text { weight, no_stem, phonetic, with_suffixes } => {
            if args.take_word("WEIGHT") {
                let given = args.next().and_then(parse);
                *weight = given.ok_or(ArgumentError::bad("weight", BadValue::NotConverted))?;
            } else if args.take_word("NOSTEM") {
                *no_stem = true;
            } else if args.take_word("PHONETIC") {
                *phonetic = Some(matcher(args.next())?);
            } else if args.take_word("WITHSUFFIXTRIE") {
                *with_suffixes = true;
            } else {
                return Ok(false);
            }
        }
        FieldKind::Tag { separator, case_sensitive, with_suffixes } => {
            if args.take_word("SEPARATOR") {
                *separator = Some(tag_separator(args.next())?);
            } else if args.take_word("CASESENSITIVE") {
                *case_sensitive = true;
            } else if args.take_word("WITHSUFFIXTRIE") {
                *with_suffixes = true;
            } else {
                return Ok(false);
            }
        }
        FieldKind::Numeric | FieldKind::Geo | FieldKind::Vector(_) | FieldKind::Scalar => return Ok(false),
    }
    Ok(true)
}

fn matcher(argument: Option<&[u8]>) -> Result<String> {
    let argument = argument.ok_or(ArgumentError::other("PHONETIC requires an argument"))?;
    let known = ["dm:en", "dm:fr", "dm:pt", "dm:es"].iter().find(|known| known.as_bytes() == argument);
    known.map(|known| (*known).to_owned()).ok_or(ArgumentError::other(
        "Matcher Format: <2 chars algorithm>:<2 chars language>. Support algorithms: double metaphone (dm). \
         Supported languages: English (en), French (fr), Portuguese (pt) and Spanish (es)",
    ))
}

fn tag_separator(argument: Option<&[u8]>) -> Result<char> {
    let argument = argument.ok_or(ArgumentError::other("SEPARATOR requires an argument"))?;
    match argument {
        [byte] => Ok(char::from(*byte)),
        _ => {
            let text = format!("Tag separator must be a single character. Got `{}`", text(argument));
            Err(ArgumentError::other(text))
        }
    }
}

/// SORTABLE, UNF and NOINDEX, which stand behind all other options. Numbers, and tags whose case counts, are kept as they are.
fn sorting(args: &mut Args<'_>, field: &mut Field) {
    loop {
        if args.take_word("SORTABLE") {
            field.sortable = true;
            field.un_normalised |= args.take_word("UNF");
            field.un_normalised |=
                matches!(field.kind, FieldKind::Numeric | FieldKind::Tag { case_sensitive: true, .. });
        } else if args.take_word("NOINDEX") {
            field.no_index = true;
        } else {
            return;
        }
    }
}
