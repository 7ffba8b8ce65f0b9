//! One part's share of a question, and what is done when it is over.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use kora_core::context::errand::{Effort, Share};
use kora_core::slot::ShardId;
use kora_core::store::ShardStore;
use kora_core::store::keeping::Copies;

use super::{Asking, Base, DROPPED};
use crate::companion::{self, CollectionPart, DB};
use crate::query::view::View;
use crate::query::work::Work;

/// What a document that is made into a text counts, in steps.
const TEXT_STEPS: usize = 20;

/// What a share does.
#[derive(Debug)]
pub(super) enum Job {
    /// It goes through documents.
    Way(Box<Work>),
    /// It makes documents into texts: those that are left, with their places among all hits, and those that are done.
    Load { left: VecDeque<(usize, Box<[u8]>)>, done: Vec<(usize, Option<Vec<u8>>)> },
}

/// One part's share of a question.
#[derive(Debug)]
pub(super) struct PartShare {
    asking: Arc<Asking>,
    base: Base,
    job: Option<Job>,
}

impl PartShare {
    pub(super) fn new(asking: Arc<Asking>, base: Base, job: Job) -> Self {
        Self { asking, base, job: Some(job) }
    }

    /// Goes on; returns whether the share is done. None: what it looks at is not there any more.
    fn go_on(&mut self, part: &CollectionPart, store: &ShardStore, effort: &mut Effort) -> Option<bool> {
        let kept = match self.asking.keep_on(self.base.shard) {
            None => None,
            Some(id) => Some(store.kept::<Copies>(DB, id)?.entries()),
        };
        let indexed = part.index_of(self.base.identity)?;
        let view = View { place: self.base.place, part, indexed, snapshot: &self.base.snapshot, store, kept };
        let is_done = match self.job.as_mut()? {
            Job::Way(work) => work.step(&self.asking.ready, &view, effort),
            Job::Load { left, done } => {
                while !effort.is_spent()
                    && let Some((at, id)) = left.pop_front()
                {
                    done.push((at, view.root(&id).map(|root| self.asking.purpose.text(root))));
                    effort.spend(TEXT_STEPS);
                }
                left.is_empty()
            }
        };
        Some(is_done)
    }
}

impl Share for PartShare {
    fn step(&mut self, store: &mut ShardStore, effort: &mut Effort) -> bool {
        if self.asking.has_failed.load(Ordering::Acquire) || self.asking.has_lost() {
            return true;
        }
        let collection = Arc::clone(&self.asking.ready.collection);
        let stepped = companion::with_part(store, |part, store| {
            let part = part.find(&collection.escaped)?;
            if part.collection.number == collection.number { self.go_on(part, store, effort) } else { None }
        });
        // What was to be kept may just have been too much.
        let has_lost = self.asking.has_lost();
        match stepped.flatten() {
            None => self.asking.fail(DROPPED),
            Some(_) if has_lost => {}
            Some(false) => return false,
            Some(true) => {
                if let Some(job) = self.job.take() {
                    self.asking.take(job);
                }
            }
        }
        true
    }
}

/// A store forgets what it has kept for a question, and frees what died meanwhile.
#[derive(Debug)]
pub(super) struct Tidying {
    asking: Arc<Asking>,
    shard: ShardId,
}

impl Tidying {
    pub(super) fn new(asking: Arc<Asking>, shard: ShardId) -> Self {
        Self { asking, shard }
    }
}

impl Share for Tidying {
    fn step(&mut self, store: &mut ShardStore, effort: &mut Effort) -> bool {
        if let Some(id) = self.asking.keep_on(self.shard) {
            store.end_keeping(DB, id);
        }
        companion::tidy(store, &self.asking.ready.collection.escaped, TEXT_STEPS, effort)
    }
}
