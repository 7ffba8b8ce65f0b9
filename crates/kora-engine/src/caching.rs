//! Clients that keep copies of what they read (CLIENT TRACKING), and how they are told what has become void.
//!
//! What a client has read is noted by the stores of the keys ([`kora_core::store::readers`]): whoever changes a key finds who has read it, and
//! announces it. Here is who these clients are, what they have chosen, and to whom an announcement goes: [`Readers::address`] makes
//! [`Notice`]s of announcements, which the broker puts into the inboxes of workers among the messages to subscribers.
//!
//! When a worker delivers a notice is in `turn/notices.rs`.

mod notice;
mod session;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use kora_core::journal::Announcement;
use kora_core::reader::{Invalidation, ReaderId};
use kora_core::store::readers::Readership;
use kora_locks::{RankedRwLock, rank};

use crate::client::{ClientId, SessionPlace};
pub use notice::{Content, Notice, Recipient};
pub use session::{Caching, Held};

/// A client as those see it who send it something.
pub trait Located: fmt::Debug + Send + Sync {
    /// Where it is served.
    fn place(&self) -> SessionPlace;

    /// Whether it has left.
    fn has_left(&self) -> bool;
}

/// What a client has chosen that keeps copies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a word of CLIENT TRACKING, and they combine")]
pub struct Modes {
    /// BCAST: it hears of all keys with some prefixes, whether it has read them or not.
    pub is_broadcast: bool,
    /// OPTIN: only what it reads behind CLIENT CACHING YES is noted.
    pub opts_in: bool,
    /// OPTOUT: all but what it reads behind CLIENT CACHING NO is noted.
    pub opts_out: bool,
    /// NOLOOP: it does not hear of what it changes itself.
    pub skips_own: bool,
}

/// A part of names, with which names begin.
pub type Prefix = Box<[u8]>;

/// What is known of a client that keeps copies.
#[derive(Clone, Debug, Default)]
pub struct Shown {
    /// What it has chosen.
    pub modes: Modes,
    /// The client that is told in its stead.
    pub redirect: Option<ClientId>,
    /// That one was found to have left.
    pub is_broken: bool,
    /// The prefixes of the keys that it hears of.
    pub prefixes: BTreeSet<Prefix>,
}

/// What a client chooses.
#[derive(Debug)]
pub struct Choices {
    /// What it has chosen.
    pub modes: Modes,
    /// The client that is to be told in its stead.
    pub redirect: Option<(ClientId, Arc<dyn Located>)>,
    /// The prefixes of the keys that it wants to hear of, besides those it has named before. Only of one that broadcasts.
    pub prefixes: Vec<Prefix>,
    /// Whether it can tell messages from replies.
    pub tells_apart: bool,
}

/// A client that keeps copies.
#[derive(Debug)]
struct Keeper {
    located: Arc<dyn Located>,
    modes: Modes,
    redirect: Option<(ClientId, Arc<dyn Located>)>,
    is_broken: AtomicBool,
    prefixes: BTreeSet<Prefix>,
    tells_apart: bool,
}

impl Keeper {
    /// Where a notice for it goes, and whether that is another client; none if that one has left.
    fn target(&self, id: ClientId) -> Option<(ClientId, &Arc<dyn Located>, bool)> {
        match &self.redirect {
            None => Some((id, &self.located, false)),
            Some((_, to)) if to.has_left() => None,
            Some((to_id, to)) => Some((*to_id, to, true)),
        }
    }
}

/// All clients that keep copies.
#[derive(Debug, Default)]
struct Registry {
    keepers: HashMap<ClientId, Keeper>,
    /// Who wants to hear of keys with a prefix.
    prefixes: BTreeMap<Prefix, BTreeSet<ClientId>>,
}

/// See the module.
#[derive(Debug, Default)]
pub struct Readers {
    registry: RankedRwLock<{ rank::READERS }, Registry>,
    readership: Arc<Readership>,
}

/// Notices to be sent, in order.
pub(crate) type Notices = Vec<Arc<Notice>>;

impl Readers {
    /// What all stores share of it.
    #[must_use]
    pub fn readership(&self) -> &Arc<Readership> {
        &self.readership
    }

    /// A client keeps copies from now on, or has chosen anew how it hears of what becomes void.
    pub fn begin(&self, id: ClientId, located: Arc<dyn Located>, choices: Choices) {
        let Choices { modes, redirect, prefixes, tells_apart } = choices;
        let mut registry = self.registry.write();
        let Registry { keepers, prefixes: by_prefix } = &mut *registry;
        let mut known = keepers.remove(&id).map(|keeper| keeper.prefixes).unwrap_or_default();
        for prefix in prefixes {
            by_prefix.entry(prefix.clone()).or_default().insert(id);
            known.insert(prefix);
        }
        let is_broken = AtomicBool::new(false);
        let keeper = Keeper { located, modes, redirect, is_broken, prefixes: known, tells_apart };
        keepers.insert(id, keeper);
        self.count(&registry);
    }

    /// A client keeps no copies any more. What stores have noted of it goes with the next changes of the keys.
    pub fn end(&self, id: ClientId) {
        let mut registry = self.registry.write();
        let Registry { keepers, prefixes } = &mut *registry;
        let Some(keeper) = keepers.remove(&id) else { return };
        for prefix in &keeper.prefixes {
            if let Some(clients) = prefixes.get_mut(prefix) {
                clients.remove(&id);
                if clients.is_empty() {
                    prefixes.remove(prefix);
                }
            }
        }
        self.count(&registry);
    }

    fn count(&self, registry: &Registry) {
        self.readership.set_clients(registry.keepers.len(), !registry.prefixes.is_empty());
    }

    /// A client has chosen a version of the protocol in which it can tell messages from replies, or can't.
    pub fn set_style(&self, id: ClientId, tells_apart: bool) {
        if let Some(keeper) = self.registry.write().keepers.get_mut(&id) {
            keeper.tells_apart = tells_apart;
        }
    }

    /// What is known of a client, if it keeps copies.
    #[must_use]
    pub fn shown(&self, id: ClientId) -> Option<Shown> {
        let registry = self.registry.read();
        let keeper = registry.keepers.get(&id)?;
        Some(Shown {
            modes: keeper.modes,
            redirect: keeper.redirect.as_ref().map(|(id, _)| *id),
            is_broken: keeper.is_broken.load(Ordering::Relaxed),
            prefixes: keeper.prefixes.clone(),
        })
    }

    /// How many clients keep copies.
    #[must_use]
    pub fn client_count(&self) -> usize {
        self.registry.read().keepers.len()
    }

    /// How many prefixes clients want to hear of.
    #[must_use]
    pub fn prefix_count(&self) -> usize {
        self.registry.read().prefixes.len()
    }

    /// The notices that follow from announcements, in order; last those of prefixes, one for all keys of a prefix.
    pub(crate) fn address(&self, announcements: &[Announcement]) -> Notices {
        let registry = self.registry.read();
        let mut notices = Notices::new();
        let mut broadcast: BTreeMap<&[u8], Option<ReaderId>> = BTreeMap::new();
        for announcement in announcements {
            match announcement {
                Announcement::Invalidation(invalidation) => {
                    registry.address_readers(invalidation, &mut notices);
                    note_broadcast(invalidation, &mut broadcast);
                }
                Announcement::Flush { author } => registry.address_all(*author, &mut notices),
                Announcement::Event(_) | Announcement::Message(_) => {}
            }
        }
        if !broadcast.is_empty() {
            registry.address_prefixes(&broadcast, &mut notices);
        }
        notices
    }
}

/// Notes a key for those who hear of its prefix, with the client that has changed it, if only one has.
fn note_broadcast<'a>(change: &'a Invalidation, keys: &mut BTreeMap<&'a [u8], Option<ReaderId>>) {
    if change.is_broadcast {
        let author = change.author.filter(|_| !change.is_incidental);
        let noted = keys.entry(&change.key).or_insert(author);
        if *noted != author {
            *noted = None;
        }
    }
}

impl Registry {
    /// Tells those of a key who have read it.
    fn address_readers(&self, change: &Invalidation, notices: &mut Notices) {
        let mut recipients = Vec::new();
        for reader in &change.readers {
            let id = ClientId(reader.0);
            let Some(keeper) = self.keepers.get(&id).filter(|keeper| !keeper.modes.is_broadcast) else {
                continue;
            };
            let is_own = change.author == Some(*reader);
            if !(is_own && keeper.modes.skips_own) {
                address(keeper, id, is_own, &mut recipients, notices);
            }
        }
        push(Content::Keys([change.key.clone()].into()), recipients, notices);
    }

    /// Tells all that every key may have gone.
    fn address_all(&self, author: Option<ReaderId>, notices: &mut Notices) {
        let mut recipients = Vec::new();
        for (&id, keeper) in &self.keepers {
            address(keeper, id, author == Some(ReaderId(id.0)), &mut recipients, notices);
        }
        push(Content::All, recipients, notices);
    }

    /// Tells those of keys who want to hear of all with their prefixes.
    fn address_prefixes(&self, keys: &BTreeMap<&[u8], Option<ReaderId>>, notices: &mut Notices) {
        for (prefix, clients) in &self.prefixes {
            let keys = keys.range(&prefix[..]..).take_while(|(key, _)| key.starts_with(prefix));
            let keys: Vec<(&[u8], Option<ReaderId>)> = keys.map(|(key, author)| (*key, *author)).collect();
            if keys.is_empty() {
                continue;
            }
            let mut recipients = Vec::new();
            for &id in clients {
                let Some(keeper) = self.keepers.get(&id) else { continue };
                let is_own = |(_, author): &&(&[u8], Option<ReaderId>)| *author == Some(ReaderId(id.0));
                let has_own = keys.iter().any(|key| is_own(&key));
                if !(has_own && keeper.modes.skips_own) {
                    address(keeper, id, has_own, &mut recipients, notices);
                    continue;
                }
                let others = keys.iter().filter(|key| !is_own(key)).map(|(key, _)| (*key).into()).collect();
                let mut recipient = Vec::new();
                address(keeper, id, false, &mut recipient, notices);
                push(Content::Keys(others), recipient, notices);
            }
            push(Content::Keys(keys.iter().map(|(key, _)| (*key).into()).collect()), recipients, notices);
        }
    }
}

/// Adds where a notice for a client goes. If that one has left to which it redirects, it is told so itself.
fn address(
    keeper: &Keeper,
    id: ClientId,
    is_own: bool,
    recipients: &mut Vec<Recipient>,
    notices: &mut Notices,
) {
    let tells_apart = keeper.tells_apart;
    if let Some((client, located, is_redirected)) = keeper.target(id) {
        let located = Arc::clone(located);
        recipients.push(Recipient { client, located, is_redirected, is_own, tells_apart });
        return;
    }
    keeper.is_broken.store(true, Ordering::Relaxed);
    if let Some((redirect, _)) = &keeper.redirect {
        let located = Arc::clone(&keeper.located);
        let recipient = Recipient { client: id, located, is_redirected: false, is_own, tells_apart };
        push(Content::Broken(*redirect), vec![recipient], notices);
    }
}

fn push(content: Content, recipients: Vec<Recipient>, notices: &mut Notices) {
    let is_void = matches!(&content, Content::Keys(keys) if keys.is_empty());
    if !is_void && !recipients.is_empty() {
        notices.push(Arc::new(Notice::new(content, recipients)));
    }
}

#[cfg(test)]
mod tests;
