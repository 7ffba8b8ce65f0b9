//! The elements to sort, out of whatever holds them.

use super::options::{By, Options};
use crate::command::texts::Texts;
use crate::context::Ctx;
use crate::entry::{Entry, Kind};
use crate::error::{CommandError, CommandResult};
use crate::types::list::ListRef;
use crate::types::set::SetRef;
use crate::types::zset::{ZSetMut, ZSetRef};

/// Elements, and which of them are asked for in what order.
#[derive(Debug, Default)]
pub(super) struct Elements {
    texts: Texts,
    chosen: Vec<usize>,
    /// Whether `chosen` is the result; otherwise it is to be found by sorting.
    pub(super) is_arranged: bool,
    /// A set has no order of its own: a result that is stored or that a script gets must have one, so that it is the same
    /// everywhere.
    pub(super) needs_order: bool,
}

impl Elements {
    /// Loads the elements of `key`. Where nothing is sorted, only those within the limits.
    ///
    /// # Errors
    /// `WrongType` if the key holds no list, set or sorted set.
    pub(super) fn load(ctx: &mut Ctx<'_>, key: &[u8], options: &Options<'_>) -> CommandResult<Self> {
        let must_be_stable = options.store.is_some() || ctx.is_scripted();
        let mut keyspace = ctx.keyspace(key);
        let Some(entry) = keyspace.read(key) else {
            return Ok(Self { is_arranged: true, ..Self::default() });
        };
        let mut elements = Self::default();
        match entry.kind() {
            Kind::List => elements.load_list(entry, options),
            Kind::Set => elements.load_set(entry, options, must_be_stable),
            Kind::SortedSet => elements.load_sorted_set(entry, options),
            Kind::String | Kind::Hash | Kind::Stream | Kind::Extension(_) => {
                return Err(CommandError::WrongType);
            }
        }
        if elements.is_arranged {
            elements.chosen = (0..elements.texts.len()).collect();
        }
        if entry.kind() == Kind::SortedSet && entry.packed().is_some() {
            // Redis sorts the large form only, and leaves it so: OBJECT ENCODING tells.
            let seed = keyspace.table_seed();
            let set = keyspace.write(key).and_then(ZSetMut::of);
            set.expect("it was just read").unpack(seed);
        }
        Ok(elements)
    }

    fn load_list(&mut self, entry: &Entry, options: &Options<'_>) {
        let list = ListRef::of(entry).expect("the entry holds a list");
        let len = list.len();
        let mut push =
            |element: crate::packed::listpack::Element<'_>| element.with(|text| self.texts.push(text));
        if options.by != By::Nothing {
            list.each(0..len, push);
            return;
        }
        let range = options.range(len);
        if options.is_descending {
            list.each_back(len - range.end..len - range.start, push);
        } else {
            list.each(range, &mut push);
        }
        self.is_arranged = true;
    }

    fn load_set(&mut self, entry: &Entry, options: &Options<'_>, must_be_stable: bool) {
        let set = SetRef::of(entry).expect("the entry holds a set");
        self.needs_order = options.by == By::Nothing && must_be_stable;
        self.is_arranged = options.by == By::Nothing && !self.needs_order;
        let wanted = if self.is_arranged { options.range(set.len()) } else { 0..set.len() };
        let mut at = 0;
        set.for_each(|member| {
            if wanted.contains(&at) {
                member.with(|text| self.texts.push(text));
            }
            at += 1;
        });
    }

    fn load_sorted_set(&mut self, entry: &Entry, options: &Options<'_>) {
        let set = ZSetRef::of(entry).expect("the entry holds a sorted set");
        if options.by != By::Nothing {
            set.for_each(|member, _| self.texts.push(member));
            return;
        }
        let range = options.range(set.len());
        // A walk downwards begins at a rank too, and ranks count from the least.
        let first =
            if options.is_descending { (set.len() - range.start).saturating_sub(1) } else { range.start };
        set.walk(first, range.len(), options.is_descending, |member, _| {
            self.texts.push(member);
            true
        });
        self.is_arranged = true;
    }

    /// All that were loaded.
    pub(super) fn texts(&self) -> &Texts {
        &self.texts
    }

    /// Chooses elements by their numbers, in order.
    pub(super) fn choose(&mut self, chosen: Vec<usize>) {
        self.chosen = chosen;
    }

    /// How many are asked for.
    pub(super) fn len(&self) -> usize {
        self.chosen.len()
    }

    /// Those asked for, in order.
    pub(super) fn iter(&self) -> impl Iterator<Item = &[u8]> {
        self.chosen.iter().map(|&index| self.texts.get(index))
    }
}
