//! The first slot of each document: a page for so many numbers of documents, as long as one of them has a slot.

use super::NONE;

/// Documents of a page.
const PAGE_DOCUMENTS: u32 = 1024;

#[derive(Clone, Debug)]
struct Page {
    slots: [u32; PAGE_DOCUMENTS as usize],
    count: u32,
}

/// Slots by document.
#[derive(Clone, Debug, Default)]
pub(super) struct Pages {
    pages: Vec<Option<Box<Page>>>,
    page_count: usize,
}

fn split(document: u32) -> (usize, usize) {
    ((document / PAGE_DOCUMENTS) as usize, (document % PAGE_DOCUMENTS) as usize)
}

impl Pages {
    /// A document's slot, or [`NONE`].
    pub(super) fn get(&self, document: u32) -> u32 {
        let (page, at) = split(document);
        self.pages.get(page).and_then(Option::as_ref).map_or(NONE, |page| page.slots[at])
    }

    /// Gives a document a slot, and returns the one that it had, or [`NONE`].
    pub(super) fn set(&mut self, document: u32, slot: u32) -> u32 {
        let (place, at) = split(document);
        if self.pages.len() <= place {
            self.pages.resize_with(place + 1, || None);
        }
        self.page_count += usize::from(self.pages[place].is_none());
        let page = self.pages[place]
            .get_or_insert_with(|| Box::new(Page { slots: [NONE; PAGE_DOCUMENTS as usize], count: 0 }));
        let before = std::mem::replace(&mut page.slots[at], slot);
        page.count += u32::from(before == NONE);
        before
    }

    /// Takes a document's slot away, and returns it, or [`NONE`].
    pub(super) fn remove(&mut self, document: u32) -> u32 {
        let (place, at) = split(document);
        let Some(Some(page)) = self.pages.get_mut(place) else { return NONE };
        let before = std::mem::replace(&mut page.slots[at], NONE);
        page.count -= u32::from(before != NONE);
        if page.count == 0 {
            self.pages[place] = None;
            self.page_count -= 1;
        }
        if self.page_count == 0 {
            self.pages = Vec::new();
        }
        before
    }

    pub(super) fn memory_bytes(&self) -> usize {
        self.pages.capacity() * size_of::<Option<Box<Page>>>() + self.page_count * size_of::<Page>()
    }
}
