//! The data type of suggestions: what the keys of FT.SUG* hold, and how it stands in files.
//!
//! Files hold what RediSearch's module writes, so that either program reads the other's: the number of texts, then for each its bytes and a
//! zero byte, its score, its payload and a zero byte.

use std::any::Any;

use kora_core::codec::{ModuleReader, ModuleWriter, RdbError, RdbResult};
use kora_core::digest::Digest;
use kora_core::entry::data_type::{DataType, Loader, ModuleForm, RdbForm};
use kora_core::entry::object::Object;
use kora_core::entry::{Account, Encoding, Entry, Kind};

use crate::words::Suggestions;

/// The version of the form in files.
const VERSION: u16 = 1;
/// What a digest of a value begins with: any number that no other type has.
const DIGEST_NUMBER: u32 = 2001;
/// Bytes of a suggestion besides those of its text and payload, about.
const SUGGESTION_BYTES: usize = 128;

/// The data type of suggestions.
pub static SUGGESTIONS: DataType = DataType {
    kind: Kind::extension(1),
    name: "trietype0",
    sizes_name: None,
    digest_number: DIGEST_NUMBER,
    digest: |entry, _, digest| {
        let value = entry.as_object().and_then(of_object).expect("the description is that of suggestions");
        for one in value.0.iter() {
            let mut own = Digest::default();
            own.mix(one.text.as_bytes());
            own.mix(&one.score.to_le_bytes());
            own.mix(one.payload.unwrap_or_default());
            digest.add(&own.0);
        }
    },
    rdb: RdbForm::Module(ModuleForm { name: b"trietype0", version: VERSION, write_some: write, read }),
    debug: |_: &Entry| String::new(),
    lapse: None,
};

/// What a key holds.
#[derive(Clone, Debug, Default)]
pub(crate) struct SuggestionValue(pub(crate) Suggestions, Account);

fn of_object(object: &dyn Object) -> Option<&SuggestionValue> {
    object.as_any().downcast_ref()
}

impl Object for SuggestionValue {
    fn data_type(&self) -> &'static DataType {
        &SUGGESTIONS
    }
    fn encoding(&self) -> Encoding {
        Encoding::Raw
    }
    fn size(&self) -> usize {
        self.0.len()
    }
    fn memory_bytes(&self) -> usize {
        let bytes = self.0.iter().map(|one| 2 * one.text.len() + one.payload.map_or(0, <[u8]>::len));
        size_of::<Self>() + SUGGESTION_BYTES * self.0.len() + bytes.sum::<usize>()
    }
    fn account(&self) -> &Account {
        &self.1
    }
    fn account_mut(&mut self) -> &mut Account {
        &mut self.1
    }
    fn measuring_steps(&self) -> usize {
        self.0.len()
    }
    fn duplicate(&self) -> Box<dyn Object> {
        Box::new(self.clone())
    }
    fn free_effort(&self) -> usize {
        self.0.len()
    }
    fn free_some(&mut self, budget: usize) -> usize {
        let texts: Vec<String> = self.0.iter().take(budget).map(|one| one.text.to_owned()).collect();
        texts.iter().filter(|text| self.0.remove(text)).count()
    }
    fn as_any(&self) -> &dyn Any {
        self
    }
    fn as_any_mut(&mut self) -> &mut dyn Any {
        self
    }
}

fn write(object: &dyn Object, _: &mut u64, parts: &mut ModuleWriter<'_>) -> bool {
    let value = of_object(object).expect("the description is that of suggestions");
    parts.unsigned(value.0.len() as u64);
    for one in value.0.iter() {
        parts.text(&[one.text.as_bytes(), b"\0"].concat());
        parts.double(f64::from(one.score));
        parts.text(&[one.payload.unwrap_or_default(), b"\0"].concat());
    }
    false
}

fn read(version: u16, parts: &mut ModuleReader<'_, '_>, _: &Loader<'_>) -> RdbResult<Box<dyn Object>> {
    if version != VERSION {
        return Err(RdbError::Corrupt("suggestions of a version that is not read"));
    }
    let mut value = SuggestionValue::default();
    for _ in 0..parts.unsigned()? {
        let text = parts.text()?.into_owned();
        let score = parts.double()?;
        let payload = parts.text()?.into_owned();
        let text = String::from_utf8(without_zero(text)).map_err(|_| RdbError::Corrupt("a suggestion"))?;
        let payload = Some(without_zero(payload)).filter(|payload| !payload.is_empty());
        value.0.add(&text, score, false, payload.as_deref());
    }
    Ok(Box::new(value))
}

fn without_zero(mut bytes: Vec<u8>) -> Vec<u8> {
    if bytes.last() == Some(&0) {
        bytes.pop();
    }
    bytes
}
