//! The data type: vector sets in the keyspace.

use std::any::Any;

use kora_core::digest::Digest;
use kora_core::entry::data_type::{DataType, ModuleForm, RdbForm};
use kora_core::entry::object::Object;
use kora_core::entry::{Account, Encoding, Entry, Kind};
use kora_hnsw::Encoded;

use crate::file;
use crate::set::VectorSet;

/// What a digest of a value begins with: any number that no other type has.
const DIGEST_NUMBER: u32 = 2002;

/// The data type of vector sets.
pub static VECTOR_SET: DataType = DataType {
    kind: Kind::extension(2),
    name: "vectorset",
    sizes_name: None,
    digest_number: DIGEST_NUMBER,
    digest: |entry, _, digest| digest_of(of_entry(entry), digest),
    rdb: RdbForm::Module(ModuleForm {
        name: b"vectorset",
        version: file::VERSION,
        write_some: file::write_some,
        read: file::read,
    }),
    debug: |_: &Entry| String::new(),
    lapse: None,
};

fn of_entry(entry: &Entry) -> &VectorSet {
    of_object(entry.as_object().expect("values of extensions are objects"))
}

/// The vector set of an object that is described as one.
pub(crate) fn of_object(object: &dyn Object) -> &VectorSet {
    object.as_any().downcast_ref().expect("the description is that of vector sets")
}

/// Takes in what clients see, but for the graph: elements, vectors, attributes.
fn digest_of(set: &VectorSet, digest: &mut Digest) {
    for (number, name) in set.names().iter() {
        let mut own = Digest::default();
        own.mix(name);
        if let Some(attributes) = set.attributes(number) {
            own.mix(attributes);
        }
        match set.graph().encoded(number) {
            Some(Encoded::Float32(elements)) => elements.iter().for_each(|one| own.mix(&one.to_le_bytes())),
            Some(Encoded::Int8 { codes, .. }) => own.mix(codes),
            Some(Encoded::Binary(words)) => words.iter().for_each(|one| own.mix(&one.to_le_bytes())),
            Some(Encoded::Half(_)) | None => {}
        }
        digest.add(&own.0);
    }
}

impl Object for VectorSet {
    fn data_type(&self) -> &'static DataType {
        &VECTOR_SET
    }
    fn encoding(&self) -> Encoding {
        Encoding::Raw
    }
    fn size(&self) -> usize {
        self.len()
    }
    fn memory_bytes(&self) -> usize {
        self.memory_bytes()
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
    fn is_shared_by_copies(&self) -> bool {
        true
    }
    fn free_effort(&self) -> usize {
        self.free_effort()
    }
    fn free_some(&mut self, budget: usize) -> usize {
        self.free_some(budget)
    }
    fn tend(&mut self, quiet_ms: i64) -> Option<i64> {
        self.look_after(quiet_ms)
    }
    fn as_any(&self) -> &dyn Any {
        self
    }
    fn as_any_mut(&mut self) -> &mut dyn Any {
        self
    }
}
