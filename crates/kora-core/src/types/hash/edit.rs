//! Changing a hash, whichever form it has, and making new ones.

use smallvec::SmallVec;

use super::packed::{Packed, PackedMut, with_deadlines};
use super::table::HashTable;
use super::{Due, Field, HashRef};
use crate::config::CoreConfig;
use crate::entry::{Collection, Kind, Packing, Ttl};
use crate::packed::listpack::Element;
use crate::packed::pairs::{self, TakenPairs};
use crate::table::EntryMut;
use crate::table::deadlines::Deadlines;
use crate::time::UnixMs;

/// A packed hash never grows beyond this, whatever the settings say: listpacks end at 4 GiB.
pub(crate) const PACKED_BYTES_MAX: usize = 1 << 30;

/// How large a packed hash may be.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    fields: u64,
    text_bytes: u64,
}

impl Limits {
    /// Those of the settings.
    #[must_use]
    pub fn new(config: &CoreConfig) -> Self {
        Self { fields: config.hash_max_listpack_entries, text_bytes: config.hash_max_listpack_value }
    }

    /// Whether `count` fields are few enough.
    pub(crate) fn take_count(self, count: usize) -> bool {
        count as u64 <= self.fields
    }

    /// Whether names and values, given in turn, are few and short enough. Redis does not look for repeated names here.
    fn take_all(self, pairs: &[&[u8]]) -> bool {
        self.take_count(pairs.len() / 2) && pairs.iter().all(|text| text.len() as u64 <= self.text_bytes)
    }

    /// Whether a name and its value are short enough.
    pub(crate) fn take(self, field: &[u8], value: &[u8]) -> bool {
        field.len().max(value.len()) as u64 <= self.text_bytes
    }
}

/// A hash of `texts`, names and values in turn. Returns also how many fields it has.
#[must_use]
pub(crate) fn collect(texts: &[&[u8]], limits: Limits, seed: u64) -> (Collection, usize) {
    let bytes: usize = texts.iter().map(|text| text.len()).sum();
    if !limits.take_all(texts) || bytes > PACKED_BYTES_MAX {
        let mut table = HashTable::new(seed, texts.len() / 2);
        let added = texts.chunks_exact(2).filter(|pair| table.set(pair[0], pair[1], Ttl::Clear)).count();
        return (Collection::Object(Box::new(table)), added);
    }
    let mut fields: SmallVec<[&[&[u8]]; 16]> = SmallVec::new();
    for pair in texts.chunks_exact(2) {
        match fields.iter_mut().find(|other| other[0] == pair[0]) {
            Some(same) => *same = pair,
            None => fields.push(pair),
        }
    }
    let taken: TakenPairs<'_> =
        fields.iter().map(|pair| (Element::of(pair[0]), Element::of(pair[1]))).collect();
    (Collection::Packed(Kind::Hash, Packing::Pairs, pairs::pack(&taken)), taken.len())
}

/// The hash of an entry in its table, open for modification. Once it is dropped, its database knows its next deadline.
#[derive(Debug)]
pub struct HashMut<'a> {
    entry: EntryMut<'a>,
    limits: Limits,
    /// For the hashes of a table that it may become.
    seed: u64,
    /// The database's index of hashes by their next deadline, with this one's number and what is noted there.
    index: &'a mut Deadlines,
    number: u64,
    noted: Option<UnixMs>,
}

impl<'a> HashMut<'a> {
    /// Opens the hash of `entry`, which must hold one; `index` notes its next deadline under `number`.
    pub(crate) fn new(
        entry: EntryMut<'a>,
        limits: Limits,
        seed: u64,
        (index, number): (&'a mut Deadlines, u64),
    ) -> Self {
        let noted = super::next_deadline(&entry);
        Self { entry, limits, seed, index, number, noted }
    }

    /// The hash as it is, for reading.
    #[inline]
    #[must_use]
    pub fn view(&self) -> HashRef<'_> {
        HashRef::of(&self.entry).expect("made of hashes only")
    }

    /// Whether there are no fields. Then the key is to be deleted.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.view().is_empty()
    }

    /// A field: see [`HashRef::get`].
    #[must_use]
    pub fn get(&self, field: &[u8]) -> Option<Field<'_>> {
        self.view().get(field)
    }

    /// Prepares for names and values, given in turn: those that are too many or too long make it a table at once.
    #[inline]
    pub fn prepare(&mut self, pairs: &[&[u8]]) {
        if !self.limits.take_all(pairs) {
            self.make_table(pairs.len() / 2);
        }
    }

    /// Gives a field its value and says whether it is new.
    /// Complexity: O(1), O(n) for a small hash and when it becomes a table.
    #[inline]
    pub fn set(&mut self, field: &[u8], value: &[u8], ttl: Ttl) -> bool {
        if matches!(ttl, Ttl::At(_)) {
            self.make_expiring();
        }
        if !self.limits.take(field, value)
            || self.packed_bytes() + field.len() + value.len() > PACKED_BYTES_MAX
        {
            self.make_table(1);
        }
        let Some((packing, _)) = self.entry.packed() else { return self.table().set(field, value, ttl) };
        let is_new = self.packed(packing, |packed| packed.set(field, value, ttl));
        if is_new && !self.limits.take_count(self.view().len()) {
            self.make_table(0);
        }
        is_new
    }

    /// Takes a field out; says whether it was there.
    pub fn remove(&mut self, field: &[u8]) -> bool {
        let place = match self.view() {
            HashRef::Table(_) => return self.table().remove(field),
            HashRef::Packed(packed) => packed.find(field).map(|(place, _)| place),
        };
        let (Some(place), Some((packing, _))) = (place, self.entry.packed()) else { return false };
        self.packed(packing, |packed| packed.remove(place));
        true
    }

    /// Gives a field that is there a deadline or takes it away.
    pub fn set_deadline(&mut self, field: &[u8], deadline: Option<UnixMs>) {
        self.make_expiring();
        match self.view() {
            HashRef::Table(_) => self.table().set_deadline(field, deadline),
            HashRef::Packed(_) => {
                self.packed(Packing::ListPackEx, |packed| packed.set_deadline(field, deadline));
            }
        }
    }

    /// Gives a packed hash room for deadlines.
    pub fn make_expiring(&mut self) {
        if let Some((Packing::Pairs, bytes)) = self.entry.packed() {
            let bytes = with_deadlines(Packed::new(Packing::Pairs, bytes));
            self.entry.set_packed(Kind::Hash, Packing::ListPackEx, &bytes);
            self.index.note_room();
        }
    }

    /// Takes out those fields of `due` whose deadline is before `now` and shows their names.
    pub fn expire(&mut self, now: UnixMs, due: Due<'_>, visit: &mut dyn FnMut(&[u8])) {
        let most = if let Due::First(most) = due { most } else { usize::MAX };
        match (self.entry.packed(), due) {
            (_, Due::Nothing) => {}
            (Some((packing, _)), Due::Named { args, step }) => self.packed(packing, |packed| {
                packed.expire_named(now, args.iter().copied().step_by(step), visit);
            }),
            (Some((packing, _)), _) => self.packed(packing, |packed| packed.expire(now, most, visit)),
            (None, Due::Named { args, step }) => {
                self.table().expire_named(now, args.iter().copied().step_by(step), visit);
            }
            (None, _) => self.table().expire(now, most, visit),
        }
    }

    fn packed_bytes(&self) -> usize {
        self.entry.packed().map_or(0, |(_, bytes)| bytes.len())
    }

    fn packed<T>(
        &mut self,
        packing: Packing,
        change: impl FnOnce(&mut PackedMut<'_, crate::table::PackedMut<'_>>) -> T,
    ) -> T {
        let mut buffer = self.entry.packed_mut().expect("the caller has seen that it is packed");
        change(&mut PackedMut { buffer: &mut buffer, packing })
    }

    fn table(&mut self) -> &mut HashTable {
        let object = self.entry.as_object_mut().expect("what is not packed is an object");
        object.as_any_mut().downcast_mut().expect("the object of a hash is a table")
    }

    /// Makes a packed hash a table with room for `more` fields.
    #[cold]
    fn make_table(&mut self, more: usize) {
        let HashRef::Packed(packed) = self.view() else { return };
        let mut table = HashTable::new(self.seed, packed.len() + more);
        for Field { name, value, deadline } in packed.iter() {
            let ttl = deadline.map_or(Ttl::Clear, Ttl::At);
            name.with(|name| value.with(|value| table.set(name, value, ttl)));
        }
        self.entry.set_object(Box::new(table));
    }
}

impl Drop for HashMut<'_> {
    #[inline]
    fn drop(&mut self) {
        let view = self.view();
        let (next, len) = (view.next_deadline(), view.len());
        self.index.change(self.noted, next, self.number);
        self.entry.tell_size(len);
    }
}
