//! The sessions of one worker, by place, and which of them have something to do or to send.

use crate::front::{Front, Origin};
use crate::session::Session;

/// See the module.
#[derive(Debug)]
pub struct Sessions<F: Front> {
    /// One that is being served is not in its place.
    slots: Vec<Option<Box<Session<F>>>>,
    free: Vec<usize>,
    /// Those with something to do.
    runnable: Vec<usize>,
    /// Those with something to send.
    dirty: Vec<usize>,
}

impl<F: Front> Default for Sessions<F> {
    fn default() -> Self {
        Self { slots: Vec::new(), free: Vec::new(), runnable: Vec::new(), dirty: Vec::new() }
    }
}

impl<F: Front> Sessions<F> {
    /// The place that the next session will have.
    #[must_use]
    pub fn next_slot(&self) -> usize {
        self.free.last().copied().unwrap_or(self.slots.len())
    }

    /// Adds a session, which knows its place: it is [`Sessions::next_slot`].
    pub fn insert(&mut self, session: Box<Session<F>>) {
        let slot = session.client.slot();
        debug_assert_eq!(slot, self.next_slot(), "a session goes where the next is to go");
        self.free.pop();
        if slot == self.slots.len() {
            self.slots.push(None);
        }
        self.slots[slot] = Some(session);
    }

    /// Removes the session at a place.
    pub(crate) fn remove(&mut self, slot: usize) -> Option<Box<Session<F>>> {
        let session = self.take(slot)?;
        self.free.push(slot);
        Some(session)
    }

    /// The session at a place.
    #[inline]
    pub fn get_mut(&mut self, slot: usize) -> Option<&mut Session<F>> {
        self.slots.get_mut(slot)?.as_deref_mut()
    }

    /// The same to look at.
    pub(crate) fn get(&self, slot: usize) -> Option<&Session<F>> {
        self.slots.get(slot)?.as_deref()
    }

    /// The session at a place, if it is still that client's.
    pub fn of(&mut self, origin: Origin) -> Option<&mut Session<F>> {
        self.get_mut(origin.slot).filter(|session| session.client.id == origin.client)
    }

    /// Takes the session out of its place, to serve it; [`Sessions::put`] brings it back.
    #[inline]
    pub fn take(&mut self, slot: usize) -> Option<Box<Session<F>>> {
        self.slots.get_mut(slot).and_then(Option::take)
    }

    /// Puts a session back into its place.
    #[inline]
    pub fn put(&mut self, session: Box<Session<F>>) {
        let slot = session.client.slot();
        self.slots[slot] = Some(session);
    }

    /// All sessions.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = &mut Session<F>> {
        self.slots.iter_mut().filter_map(Option::as_deref_mut)
    }

    /// Places of sessions are below this.
    #[must_use]
    pub fn slot_count(&self) -> usize {
        self.slots.len()
    }

    /// Puts a session into the list of those with something to do.
    pub fn enqueue(&mut self, slot: usize) {
        if let Some(Some(session)) = self.slots.get_mut(slot)
            && !std::mem::replace(&mut session.is_queued, true)
        {
            self.runnable.push(slot);
        }
    }

    /// Puts a session into the list of those with something to send.
    pub fn note_dirty(&mut self, slot: usize) {
        if let Some(Some(session)) = self.slots.get_mut(slot)
            && !std::mem::replace(&mut session.is_dirty, true)
        {
            self.dirty.push(slot);
        }
    }

    /// Whether some session has something to do.
    #[must_use]
    pub fn has_runnable(&self) -> bool {
        !self.runnable.is_empty()
    }

    /// Takes the places of those with something to do.
    pub fn take_runnable(&mut self) -> Vec<usize> {
        std::mem::take(&mut self.runnable)
    }

    /// Takes the session at a place to do what it has to do.
    #[inline]
    pub fn take_to_serve(&mut self, slot: usize) -> Option<Box<Session<F>>> {
        let mut session = self.take(slot)?;
        session.is_queued = false;
        Some(session)
    }

    /// Takes the places of those with something to send.
    pub(crate) fn take_dirty(&mut self) -> Vec<usize> {
        std::mem::take(&mut self.dirty)
    }
}
