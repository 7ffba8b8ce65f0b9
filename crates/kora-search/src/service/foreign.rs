//! What RediSearch stores in snapshots beside keys: its indexes with their aliases and synonyms, and its dictionaries.
//!
//! An index is read into the arguments of the commands that declare it, so all that FT.CREATE refuses is left out here, too. The form was found
//! by looking at files that RediSearch 2.10 wrote:
//!
//! ```text
//! ft_index0 = count | index ...
//! index     = name | flags | count | field ... | HASH or JSON | count | prefix ... | optional filter | optional language field
//!             | optional score field | optional payload field | score | language | if flagged: stop words, synonyms | idle ms | aliases
//! field     = name | optional path | type | options | place among sortables | what the type has
//! scdtype00 = count | (dictionary | count | (word | weight) ...) ...
//! ```
//!
//! A text ends with a zero byte, but for stop words. An optional text is 1 and the text, or 0.

mod field;
#[cfg(test)]
mod tests;

use kora_core::catalog::Foreign;
use kora_core::rdb::{ModuleData, ModulePart};
use kora_index::Index;

use super::State;
use super::dump::{ALIAS, CREATE, SYNONYMS, WORDS, run};
use crate::command::create::Create;

/// Where RediSearch stores indexes, and the version of their form.
const INDEXES: (&[u8; 9], u16) = (b"ft_index0", 23);
/// Where it stores dictionaries.
const DICTIONARIES: (&[u8; 9], u16) = (b"scdtype00", 1);

/// Flags of an index.
mod flag {
    pub(super) const OFFSETS: u64 = 0x1;
    pub(super) const FIELDS: u64 = 0x2;
    pub(super) const STOP_WORDS: u64 = 0x8;
    pub(super) const FREQUENCIES: u64 = 0x10;
    pub(super) const HIGHLIGHTING: u64 = 0x40;
    pub(super) const MAX_TEXT_FIELDS: u64 = 0x80;
    pub(super) const SYNONYMS: u64 = 0x100;
    pub(super) const TEMPORARY: u64 = 0x200;
    pub(super) const SKIP_SCAN: u64 = 0x1000;
}

/// Languages by their numbers.
const LANGUAGES: [&str; 29] = [
    "english",
    "arabic",
    "basque",
    "catalan",
    "chinese",
    "danish",
    "dutch",
    "finnish",
    "french",
    "german",
    "greek",
    "hindi",
    "hungarian",
    "italian",
    "indonesian",
    "irish",
    "lithuanian",
    "nepali",
    "norwegian",
    "portuguese",
    "romanian",
    "russian",
    "spanish",
    "swedish",
    "tamil",
    "turkish",
    "armenian",
    "serbian",
    "yiddish",
];

type Arguments = Vec<Vec<u8>>;
type Result<T> = std::result::Result<T, String>;

/// Takes up what RediSearch stored.
///
/// # Errors
/// If it is not of the form above.
pub(super) fn restore(state: &mut State, data: &ModuleData<'_>) -> Result<Foreign> {
    let kind = (&data.name, data.version);
    if kind != INDEXES && kind != DICTIONARIES {
        return Ok(Foreign::Unknown);
    }
    let parts = data.parts().map_err(|error| error.to_string())?;
    let mut reader = Reader { parts: parts.into_iter() };
    // Data of the other moment of loading says nothing.
    if reader.is_at_end() {
        return Ok(Foreign::Taken { left_out: Vec::new(), has_parts: false });
    }
    if kind == DICTIONARIES {
        reader.dictionaries(state)?;
        return Ok(Foreign::Taken { left_out: Vec::new(), has_parts: false });
    }
    let mut left_out = Vec::new();
    for _ in 0..reader.number()? {
        let index = reader.index()?;
        let name = String::from_utf8_lossy(&index.arguments[0]).into_owned();
        if let Err(error) = index.declare(state) {
            left_out.push(format!("index `{name}`: {error}"));
        }
    }
    Ok(Foreign::Taken { left_out, has_parts: !state.indexes.is_empty() })
}

/// An index as it is stored.
struct Stored {
    /// Those of FT.CREATE.
    arguments: Arguments,
    /// Words and their groups.
    synonyms: Vec<(Vec<u8>, Vec<u8>)>,
    aliases: Arguments,
}

impl Stored {
    /// Declares it.
    ///
    /// # Errors
    /// In the words of FT.CREATE, if that would refuse it.
    fn declare(&self, state: &mut State) -> Result<()> {
        let arguments: Vec<&[u8]> = self.arguments.iter().map(Vec::as_slice).collect();
        let create = Create::parse(&arguments).map_err(|error| error.to_string())?;
        Index::new(&create.schema, 0).map_err(|error| error.to_string())?;
        run(state, CREATE, &arguments)?;
        let name = arguments[0];
        for (word, group) in &self.synonyms {
            run(state, SYNONYMS, &[name, group, word])?;
        }
        self.aliases.iter().try_for_each(|alias| run(state, ALIAS, &[alias, name]))
    }
}

/// Reads parts.
struct Reader<'a> {
    parts: std::vec::IntoIter<ModulePart<'a>>,
}

impl Reader<'_> {
    fn is_at_end(&self) -> bool {
        self.parts.as_slice().is_empty()
    }

    fn number(&mut self) -> Result<u64> {
        match self.parts.next() {
            Some(ModulePart::Number(number)) => Ok(number),
            _ => Err("the indexes of RediSearch: a number is missing".to_owned()),
        }
    }

    fn double(&mut self) -> Result<f64> {
        match self.parts.next() {
            Some(ModulePart::Double(number)) => Ok(number),
            _ => Err("the indexes of RediSearch: a double is missing".to_owned()),
        }
    }

    fn bytes(&mut self) -> Result<Vec<u8>> {
        match self.parts.next() {
            Some(ModulePart::Text(text)) => Ok(text.into_owned()),
            _ => Err("the indexes of RediSearch: a text is missing".to_owned()),
        }
    }

    /// A text without the zero byte that ends it.
    fn text(&mut self) -> Result<Vec<u8>> {
        let mut text = self.bytes()?;
        if text.pop_if(|last| *last == 0).is_none() {
            return Err("the indexes of RediSearch: a text without an end".to_owned());
        }
        Ok(text)
    }

    fn optional(&mut self) -> Result<Option<Vec<u8>>> {
        if self.number()? == 0 { Ok(None) } else { self.text().map(Some) }
    }

    /// As many as a number says; there is a part for each at least.
    fn many<T>(&mut self, mut one: impl FnMut(&mut Self) -> Result<T>) -> Result<Vec<T>> {
        let count = self.number()?;
        (0..count).map(|_| one(self)).collect()
    }

    fn dictionaries(&mut self, state: &mut State) -> Result<()> {
        for _ in 0..self.number()? {
            let name = self.text()?;
            let words = self.many(|reader| {
                let word = reader.text()?;
                reader.double()?;
                Ok(word)
            })?;
            let arguments: Vec<&[u8]> = std::iter::once(&name).chain(&words).map(Vec::as_slice).collect();
            run(state, WORDS, &arguments)?;
        }
        Ok(())
    }

    fn index(&mut self) -> Result<Stored> {
        let name = self.text()?;
        let flags = self.number()?;
        let fields = self.many(Self::field)?;
        let mut arguments = vec![name, b"ON".to_vec(), self.text()?];
        let prefixes = self.many(Self::text)?;
        if !matches!(&*prefixes, [only] if only.is_empty()) {
            arguments.extend([b"PREFIX".to_vec(), prefixes.len().to_string().into_bytes()]);
            arguments.extend(prefixes);
        }
        for word in ["FILTER", "LANGUAGE_FIELD", "SCORE_FIELD", "PAYLOAD_FIELD"] {
            if let Some(text) = self.optional()? {
                arguments.extend([word.as_bytes().to_vec(), text]);
            }
        }
        let score = self.double()?;
        if score.to_bits() != 1.0_f64.to_bits() {
            arguments.extend([b"SCORE".to_vec(), score.to_string().into_bytes()]);
        }
        let language = usize::try_from(self.number()?).ok().and_then(|number| LANGUAGES.get(number));
        let language = language.ok_or("the indexes of RediSearch: an unknown language")?;
        if *language != "english" {
            arguments.extend([b"LANGUAGE".to_vec(), language.as_bytes().to_vec()]);
        }
        arguments.extend(words_of(flags).map(|word| word.as_bytes().to_vec()));
        if flags & flag::STOP_WORDS != 0 {
            let words = self.many(Self::bytes)?;
            arguments.extend([b"STOPWORDS".to_vec(), words.len().to_string().into_bytes()]);
            arguments.extend(words);
        }
        let mut synonyms = Vec::new();
        if flags & flag::SYNONYMS != 0 {
            for _ in 0..self.number()? {
                let word = self.text()?;
                synonyms.extend(self.many(Self::text)?.into_iter().map(|group| (word.clone(), group)));
            }
        }
        let idle_ms_max = self.number()?;
        if flags & flag::TEMPORARY != 0 {
            arguments.extend([b"TEMPORARY".to_vec(), (idle_ms_max / 1000).to_string().into_bytes()]);
        }
        let aliases = self.many(Self::text)?;
        arguments.push(b"SCHEMA".to_vec());
        arguments.extend(fields.into_iter().flatten());
        Ok(Stored { arguments, synonyms, aliases })
    }
}

/// The options of FT.CREATE that flags stand for.
fn words_of(flags: u64) -> impl Iterator<Item = &'static str> {
    let has = move |flag: u64| flags & flag != 0;
    let words = [
        (has(flag::MAX_TEXT_FIELDS), "MAXTEXTFIELDS"),
        (!has(flag::OFFSETS), "NOOFFSETS"),
        (has(flag::OFFSETS) && !has(flag::HIGHLIGHTING), "NOHL"),
        (!has(flag::FIELDS), "NOFIELDS"),
        (!has(flag::FREQUENCIES), "NOFREQS"),
        (has(flag::SKIP_SCAN), "SKIPINITIALSCAN"),
    ];
    words.into_iter().filter(|(is_there, _)| *is_there).map(|(_, word)| word)
}
