//! Another index of a collection's documents, built a few of them at a time, while others change them.
//!
//! It takes the documents in the order in which the index that there is has them. One that changes meanwhile leaves both, and comes last in the index that there is, so the
//! build comes to it later: in the end both have the same documents in the same order. Each write takes some documents with it, so that writes do not outrun
//! the build, and so that a build that is whole stays so.

use std::sync::Arc;

use kora_core::context::errand::Effort;
use kora_core::store::ShardStore;
use kora_index::Index;

use super::extract::with_document;
use super::{CollectionPart, index_of};
use crate::collection::Collection;

/// What a document that is put counts, in steps.
const DOCUMENT_STEPS: usize = 20;
/// Documents that a write takes with it: more than the one that it adds.
const WITH_A_WRITE: usize = 2;

/// An index that is being built.
pub(crate) struct Build {
    /// The collection as it will be.
    target: Arc<Collection>,
    index: Index,
    /// Documents before this one are taken, by their numbers in the index that there is.
    next: u32,
}

impl Build {
    pub(super) fn memory_bytes(&self) -> usize {
        self.index.memory_bytes()
    }
}

impl CollectionPart {
    /// Begins to build, in the place of what was being built.
    pub(crate) fn begin_build(&mut self, target: &Arc<Collection>) {
        let index = index_of(target, self.seed);
        self.build = Some(Build { target: Arc::clone(target), index, next: 1 });
    }

    /// Whether what is being built is for that, and whether it is whole; none: nothing is being built.
    pub(crate) fn build_state(&self, target: &Collection) -> Option<(bool, bool)> {
        let build = self.build.as_ref()?;
        Some((*build.target == *target, build.next > self.indexed.index.last_number()))
    }

    /// Whether an index is being built that neither the collection nor this changed one has: it is about to be created.
    pub(crate) fn is_building_other(&self, changed: &Collection) -> bool {
        let build = self.build.as_ref().filter(|build| *build.target != *changed);
        build.is_some_and(|build| *build.target != *self.collection)
    }

    /// Puts what is being built in the place of the index that there is, if it is for the collection as that is now. Returns what is not used any more.
    pub(crate) fn finish_build(&mut self, target: &Arc<Collection>) -> Option<Index> {
        if *self.collection != **target {
            return None;
        }
        let index = self.take_build(target)?;
        self.replace(index, target)
    }

    /// Goes on building until the effort is spent; returns whether there is nothing left to do.
    pub(crate) fn build_some(
        &mut self,
        store: &ShardStore,
        target: &Collection,
        effort: &mut Effort,
    ) -> bool {
        while self.build_state(target).is_some_and(|(is_own, is_whole)| is_own && !is_whole) {
            let distances = self.build.as_ref().map_or(0, |build| build.index.distances_of_a_put());
            self.build_documents(store, 1);
            effort.spend(DOCUMENT_STEPS.saturating_add(distances));
            if effort.is_spent() {
                return false;
            }
        }
        true
    }

    /// Gives nothing of what was being built for that.
    pub(crate) fn take_build(&mut self, target: &Collection) -> Option<Index> {
        let build = self.build.take_if(|build| *build.target == *target)?;
        Some(build.index)
    }

    /// A document was put or removed.
    pub(super) fn follow(&mut self, store: &ShardStore, id: &[u8]) {
        if let Some(build) = &mut self.build {
            build.index.remove(id);
            self.build_documents(store, WITH_A_WRITE);
        }
    }

    fn build_documents(&mut self, store: &ShardStore, count: usize) {
        let Some(mut build) = self.build.take() else { return };
        for _ in 0..count {
            let source = &self.indexed.index;
            let Some(document) = source.documents_from(build.next).next() else {
                build.next = source.last_number().saturating_add(1);
                break;
            };
            build.next = document + 1;
            let Some(root) = self.root(store, document) else { continue };
            let (order, _) = source.order_and_length(document);
            let index = &mut build.index;
            let id = source.current_key(document);
            if with_document(&build.target.indexes, root, order, |document| index.put(id, document)).is_err()
            {
                // It has no numbers left: its command begins anew.
                return;
            }
        }
        self.build = Some(build);
    }
}
