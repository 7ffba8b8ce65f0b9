//! The fields of an index that RediSearch stores.

use super::{Arguments, Reader, Result};

/// Types.
const TEXT: u64 = 1;
const NUMERIC: u64 = 2;
const GEO: u64 = 4;
const TAG: u64 = 8;
const VECTOR: u64 = 16;
const GEOSHAPE: u64 = 32;

/// Options of fields.
const SORTABLE: u64 = 1;
const NO_STEM: u64 = 2;
const NO_INDEX: u64 = 4;
const PHONETIC: u64 = 8;
const UN_NORMALISED: u64 = 32;
const SUFFIXES: u64 = 64;
const EMPTY: u64 = 256;
const MISSING: u64 = 512;

/// The flag of tags whose case counts.
const CASE_SENSITIVE: u64 = 1;

/// How vectors are searched.
const FLAT: u64 = 0;
const HNSW: u64 = 1;
/// A graph with what waits to be put into it.
const TIERED: u64 = 2;

/// Candidates of a search that nothing is said of.
const CANDIDATES: u64 = 10;
const ELEMENTS: [&str; 4] = ["FLOAT32", "FLOAT64", "BFLOAT16", "FLOAT16"];
const METRICS: [&str; 3] = ["L2", "IP", "COSINE"];

impl Reader<'_> {
    /// A field, as the arguments of FT.CREATE.
    pub(super) fn field(&mut self) -> Result<Arguments> {
        let name = self.text()?;
        let mut words = Vec::new();
        match self.optional()? {
            Some(path) => words.extend([path, b"AS".to_vec(), name]),
            None => words.push(name),
        }
        let (kind, options) = (self.number()?, self.number()?);
        self.number()?;
        let mut push = |word: &str| words.push(word.as_bytes().to_vec());
        match kind {
            TEXT => {
                self.number()?;
                let weight = self.double()?;
                push("TEXT");
                push("WEIGHT");
                push(&weight.to_string());
            }
            NUMERIC => push("NUMERIC"),
            GEO => push("GEO"),
            TAG => {
                let flags = self.number()?;
                let separator = self.bytes()?;
                push("TAG");
                if separator != [0] {
                    push("SEPARATOR");
                    words.push(separator);
                }
                if flags & CASE_SENSITIVE != 0 {
                    words.push(b"CASESENSITIVE".to_vec());
                }
            }
            VECTOR => self.vectors(&mut words)?,
            GEOSHAPE => {
                self.number()?;
                push("GEOSHAPE");
            }
            _ => return Err("the indexes of RediSearch: a field of an unknown type".to_owned()),
        }
        let has = |option: u64| options & option != 0;
        for (is_there, word) in [
            (has(NO_STEM), &["NOSTEM"][..]),
            // Which language it is of is not stored, and makes no difference.
            (has(PHONETIC), &["PHONETIC", "dm:en"]),
            (has(SUFFIXES), &["WITHSUFFIXTRIE"]),
            (has(EMPTY), &["INDEXEMPTY"]),
            (has(MISSING), &["INDEXMISSING"]),
            (has(SORTABLE), &["SORTABLE"]),
            (has(SORTABLE) && has(UN_NORMALISED), &["UNF"]),
            (has(NO_INDEX), &["NOINDEX"]),
        ] {
            words.extend(word.iter().filter(|_| is_there).map(|word| word.as_bytes().to_vec()));
        }
        Ok(words)
    }

    /// What is stored of a field with vectors: bytes of one, algorithm, type, elements, metric, whether there are several, and attributes.
    fn vectors(&mut self, words: &mut Arguments) -> Result<()> {
        self.number()?;
        let mut algorithm = self.number()?;
        if algorithm == TIERED {
            algorithm = self.number()?;
            self.number()?;
        }
        let (name, attributes): (_, &[&str]) = match algorithm {
            FLAT => ("FLAT", &["INITIAL_CAP", "BLOCK_SIZE"]),
            HNSW => ("HNSW", &["INITIAL_CAP", "M", "EF_CONSTRUCTION", "EF_RUNTIME"]),
            _ => return Err("the indexes of RediSearch: vectors of an unknown algorithm".to_owned()),
        };
        let of = |names: &[&str], number: u64| {
            let name = usize::try_from(number).ok().and_then(|number| names.get(number));
            name.map(|name| (*name).to_owned()).ok_or("the indexes of RediSearch: unknown vectors".to_owned())
        };
        let element = of(&ELEMENTS, self.number()?)?;
        let dimensions = self.number()?.to_string();
        let metric = of(&METRICS, self.number()?)?;
        self.number()?;
        let mut said = vec![("TYPE", element), ("DIM", dimensions), ("DISTANCE_METRIC", metric)];
        for attribute in attributes {
            let number = self.number()?;
            // What nothing was said of is stored as RediSearch has it; ours is another one.
            if *attribute != "EF_RUNTIME" || number != CANDIDATES {
                said.push((attribute, number.to_string()));
            }
        }
        let head = ["VECTOR".to_owned(), name.to_owned(), (2 * said.len()).to_string()];
        let pairs = said.into_iter().flat_map(|(name, value)| [name.to_owned(), value]);
        words.extend(head.into_iter().chain(pairs).map(String::into_bytes));
        Ok(())
    }
}
