//! The data type: JSON values in the keyspace, and how they stand in files.
//!
//! Files hold the text of a value as RedisJSON's module writes it, so that either program reads the other's.

use std::any::Any;

use kora_core::codec::{ModuleReader, ModuleWriter, RdbError, RdbResult};
use kora_core::digest::Digest;
use kora_core::entry::data_type::{DataType, Loader, ModuleForm, RdbForm};
use kora_core::entry::object::Object;
use kora_core::entry::{Account, Encoding, Entry, Kind};

use crate::packed::Value;
use crate::parse::{self, ParseError};
use crate::text;

/// The version of the form in files.
const VERSION: u16 = 3;
/// What a digest of a value begins with: any number that no other type has.
const DIGEST_NUMBER: u32 = 2000;

/// The data type of JSON values.
pub static JSON: DataType = DataType {
    kind: Kind::extension(0),
    name: "ReJSON-RL",
    sizes_name: None,
    digest_number: DIGEST_NUMBER,
    digest: |entry, _, digest| {
        let mut own = Digest::default();
        own.mix(&text_of(entry.as_object().expect("values of extensions are objects")));
        digest.add(&own.0);
    },
    rdb: RdbForm::Module(ModuleForm { name: b"ReJSON-RL", version: VERSION, write_some: write, read }),
    debug: |_: &Entry| String::new(),
    lapse: None,
};

/// A JSON value: one run of bytes.
#[derive(Clone, Debug)]
pub struct Json {
    run: Box<[u8]>,
    account: Account,
}

impl Json {
    /// The value of a text.
    ///
    /// # Errors
    /// If it is none, or one that is nested too deep.
    pub fn parse(text: &str) -> Result<Self, ParseError> {
        parse::parse(text).map(Self::of_run)
    }

    /// The value that a text is, with nothing behind it.
    ///
    /// # Errors
    /// If it is none, or one that is nested too deep.
    pub fn parse_all(text: &str) -> Result<Self, ParseError> {
        parse::parse_all(text).map(Self::of_run)
    }

    /// The JSON value of an entry; `None` if it holds something else.
    #[must_use]
    pub fn of(entry: &Entry) -> Option<&Self> {
        entry.as_object()?.as_any().downcast_ref()
    }

    /// The value of a run.
    pub(crate) fn of_run(run: Vec<u8>) -> Self {
        Self { run: run.into(), account: Account::default() }
    }

    /// The value as a whole.
    #[must_use]
    pub fn root(&self) -> Value<'_> {
        Value::root(&self.run)
    }

    /// Its text, without any space.
    #[must_use]
    pub fn text(&self) -> Vec<u8> {
        text::of(self.root())
    }

    /// Changes the run. What does so keeps its invariants.
    pub(crate) fn change<T>(&mut self, change: impl FnOnce(&mut Vec<u8>) -> T) -> T {
        let mut run = std::mem::take(&mut self.run).into_vec();
        let changed = change(&mut run);
        self.run = run.into();
        changed
    }
}

impl Object for Json {
    fn data_type(&self) -> &'static DataType {
        &JSON
    }
    fn encoding(&self) -> Encoding {
        Encoding::Raw
    }
    fn size(&self) -> usize {
        1
    }
    fn memory_bytes(&self) -> usize {
        size_of::<Self>() + self.run.len()
    }
    fn account(&self) -> &Account {
        &self.account
    }
    fn account_mut(&mut self) -> &mut Account {
        &mut self.account
    }
    fn duplicate(&self) -> Box<dyn Object> {
        Box::new(self.clone())
    }
    fn free_effort(&self) -> usize {
        1
    }
    fn free_some(&mut self, _: usize) -> usize {
        0
    }
    fn as_any(&self) -> &dyn Any {
        self
    }
    fn as_any_mut(&mut self) -> &mut dyn Any {
        self
    }
}

fn text_of(object: &dyn Object) -> Vec<u8> {
    object.as_any().downcast_ref::<Json>().expect("the description is that of JSON").text()
}

fn write(object: &dyn Object, _: &mut u64, parts: &mut ModuleWriter<'_>) -> bool {
    parts.text(&text_of(object));
    false
}

fn read(version: u16, parts: &mut ModuleReader<'_, '_>, _: &Loader<'_>) -> RdbResult<Box<dyn Object>> {
    if version != VERSION {
        return Err(RdbError::Corrupt("a JSON value of a version that is not read"));
    }
    let text = parts.text()?;
    let text = std::str::from_utf8(&text).map_err(|_| RdbError::Corrupt("a JSON value that is not UTF-8"))?;
    let run = parse::parse_all(text).map_err(|_| RdbError::Corrupt("a JSON value that is none"))?;
    Ok(Box::new(Json::of_run(run)))
}
