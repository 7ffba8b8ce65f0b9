//! Values under numbers that stay the same, in pages: it grows a page at a time, and a page that nothing is left in is freed.

/// Values in a page.
const PAGE_VALUES: usize = 32;

/// Values by number.
#[derive(Clone, Debug)]
pub(crate) struct Slab<T> {
    pages: Vec<Page<T>>,
    free: Vec<u32>,
    len: usize,
    page_count: usize,
}

#[derive(Clone, Debug)]
struct Page<T> {
    values: Option<Box<[Option<T>; PAGE_VALUES]>>,
    used: usize,
}

fn split(number: u32) -> (usize, usize) {
    (number as usize / PAGE_VALUES, number as usize % PAGE_VALUES)
}

impl<T> Slab<T> {
    pub(crate) fn new() -> Self {
        Self { pages: Vec::new(), free: Vec::new(), len: 0, page_count: 0 }
    }

    #[inline]
    pub(crate) fn get(&self, number: u32) -> Option<&T> {
        let (page, at) = split(number);
        self.pages.get(page)?.values.as_ref()?[at].as_ref()
    }

    pub(crate) fn get_mut(&mut self, number: u32) -> Option<&mut T> {
        let (page, at) = split(number);
        self.pages.get_mut(page)?.values.as_mut()?[at].as_mut()
    }

    /// Adds a value and returns its number: one that is free, or else the next. Complexity: O(1).
    ///
    /// # Panics
    /// Past 2^32 values.
    pub(crate) fn insert(&mut self, value: T) -> u32 {
        if self.free.is_empty() {
            let first = self.pages.len() * PAGE_VALUES;
            let numbers = (first..first + PAGE_VALUES).rev();
            let number = |number| {
                u32::try_from(number).expect("memory ends before 32 bits do: a value takes 80 bytes")
            };
            self.free.extend(numbers.map(number));
            self.pages.push(Page { values: None, used: 0 });
        }
        let number = self.free.pop().expect("a page was added if there was none");
        let (page, at) = split(number);
        let page = &mut self.pages[page];
        self.page_count += usize::from(page.values.is_none());
        page.values.get_or_insert_with(|| Box::new([const { None }; PAGE_VALUES]))[at] = Some(value);
        page.used += 1;
        self.len += 1;
        number
    }

    /// Takes a value out; its number is free then. Complexity: O(1).
    pub(crate) fn remove(&mut self, number: u32) -> Option<T> {
        let (page, at) = split(number);
        let page = self.pages.get_mut(page)?;
        let value = page.values.as_mut()?[at].take()?;
        page.used -= 1;
        if page.used == 0 {
            page.values = None;
            self.page_count -= 1;
        }
        self.free.push(number);
        self.len -= 1;
        if self.len == 0 {
            *self = Self::new();
        }
        Some(value)
    }

    /// Bytes on the heap, without what values have there. Complexity: O(1).
    pub(crate) fn memory_bytes(&self) -> usize {
        self.pages.capacity() * size_of::<Page<T>>()
            + self.page_count * size_of::<[Option<T>; PAGE_VALUES]>()
            + self.free.capacity() * 4
    }
}
