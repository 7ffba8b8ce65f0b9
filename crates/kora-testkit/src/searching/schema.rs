//! What an index is declared over, drawn from the seed: which fields, with which options.

use crate::simulation::random::Random;

/// The type of the keys that an index is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Hash,
    Json,
}

/// A field of documents: each has one type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Field {
    Text,
    Tag,
    Number,
    Point,
    Vector,
}

/// All of them.
pub(super) const FIELDS: [Field; 5] = [Field::Text, Field::Tag, Field::Number, Field::Point, Field::Vector];

impl Field {
    /// Its name in documents and in queries.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Text => "t",
            Self::Tag => "g",
            Self::Number => "n",
            Self::Point => "p",
            Self::Vector => "v",
        }
    }

    /// Its type in FT.CREATE, with options that may change how it is kept.
    fn declaration(self, random: &mut Random) -> String {
        let options: &[&str] = match self {
            Self::Text => &["TEXT NOSTEM", "TEXT NOSTEM SORTABLE", "TEXT NOSTEM WITHSUFFIXTRIE"],
            Self::Tag => &["TAG", "TAG WITHSUFFIXTRIE", "TAG SORTABLE", "TAG SORTABLE UNF"],
            Self::Number => &["NUMERIC", "NUMERIC SORTABLE"],
            Self::Point => &["GEO", "GEO SORTABLE"],
            Self::Vector => &[
                "VECTOR FLAT 6 TYPE FLOAT32 DIM 2 DISTANCE_METRIC L2",
                "VECTOR HNSW 6 TYPE FLOAT32 DIM 2 DISTANCE_METRIC L2",
            ],
        };
        (*random.choose(options)).to_owned()
    }
}

/// An index that there is.
#[derive(Clone, Debug)]
pub(super) struct Schema {
    pub(super) name: &'static str,
    pub(super) kind: Kind,
    pub(super) fields: Vec<Field>,
    /// Tags are what they are written as.
    pub(super) is_case_sensitive: bool,
    /// Documents without a tag can be asked for.
    pub(super) has_missing: bool,
    /// Only documents whose number is below this are in the index.
    pub(super) below: Option<i32>,
}

impl Schema {
    /// An index of this name.
    pub(super) fn draw(name: &'static str, random: &mut Random) -> Self {
        let mut fields: Vec<_> = FIELDS.into_iter().filter(|_| !random.one_in(3)).collect();
        if fields.is_empty() {
            fields.push(*random.choose(&FIELDS));
        }
        let kind = if name == "jdx" { Kind::Json } else { Kind::Hash };
        let has_tags = fields.contains(&Field::Tag);
        // An expression over a field of JSON needs another way of writing it.
        let below = (kind == Kind::Hash && fields.contains(&Field::Number) && random.one_in(4)).then_some(25);
        Self {
            name,
            kind,
            is_case_sensitive: has_tags && random.one_in(3),
            has_missing: has_tags && random.one_in(2),
            fields,
            below,
        }
    }

    /// The command that declares it.
    pub(super) fn create(&self, random: &mut Random) -> Vec<Vec<u8>> {
        let on = if self.kind == Kind::Hash { "HASH" } else { "JSON" };
        let mut line = format!("FT.CREATE {} ON {on} PREFIX 1 doc:", self.name);
        if let Some(below) = self.below {
            line += &format!(" FILTER @n<{below}");
        }
        line += " SCHEMA";
        for &field in &self.fields {
            line += &self.declare(field, random);
        }
        words(&line)
    }

    /// The command that adds a field that is not in it yet, if there is one.
    pub(super) fn extend(&mut self, random: &mut Random) -> Option<Vec<Vec<u8>>> {
        let field = FIELDS.into_iter().find(|field| !self.fields.contains(field))?;
        self.fields.push(field);
        (self.is_case_sensitive, self.has_missing) =
            if field == Field::Tag { (false, false) } else { (self.is_case_sensitive, self.has_missing) };
        Some(words(&format!("FT.ALTER {} SCHEMA ADD{}", self.name, self.declare(field, random))))
    }

    fn declare(&self, field: Field, random: &mut Random) -> String {
        let name = field.name();
        let path = if self.kind == Kind::Hash { String::new() } else { format!("$.{name} AS ") };
        let mut declaration = field.declaration(random);
        if field == Field::Tag {
            // Options of the type come before SORTABLE.
            let mut options = String::from("TAG");
            if self.is_case_sensitive {
                options += " CASESENSITIVE";
            }
            if self.has_missing {
                options += " INDEXMISSING";
            }
            declaration = declaration.replacen("TAG", &options, 1);
        }
        format!(" {path}{name} {declaration}")
    }
}

/// The words of a command that holds no spaces in them.
pub(super) fn words(line: &str) -> Vec<Vec<u8>> {
    line.split_ascii_whitespace().map(|word| word.as_bytes().to_vec()).collect()
}
