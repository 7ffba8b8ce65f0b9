//! State that a snapshot keeps beside the keys, such as the declarations of indexes.
//!
//! The core knows nothing of what is in it. Whoever starts an engine puts it among the [`Services`](crate::services::Services), in
//! [`Cataloged`]. Commands change it only with all stores in hand, and their effects are in the stream like others'; a snapshot
//! takes it with all stores in hand, too.

pub mod declared;

use std::fmt;
use std::sync::Arc;

use crate::codec::ModuleData;
use crate::services::Services;
use crate::store::ShardStore;

/// See the module.
pub trait Catalog: fmt::Debug + Send + Sync {
    /// The name of the field in which it stands in a snapshot.
    fn name(&self) -> &'static str;

    /// All that is in it; nothing if it is empty.
    fn dump(&self) -> Option<Vec<u8>>;

    /// Takes up what a snapshot holds of it. It is empty before, and the keys of the snapshot come afterwards.
    ///
    /// # Errors
    /// If the bytes are not what [`Catalog::dump`] made.
    fn restore(&self, bytes: &[u8]) -> Result<(), String>;

    /// Takes up what a module of Redis stored of the same in a snapshot. What is to come before the keys of the snapshot is given before.
    ///
    /// # Errors
    /// If it is not what the module stores.
    fn restore_foreign(&self, data: &ModuleData<'_>) -> Result<Foreign, String> {
        let _ = data;
        Ok(Foreign::Unknown)
    }

    /// Gives a store its part of what was taken up.
    fn attach(&self, store: &mut ShardStore);

    /// Empties it. The stores are emptied, too, and lose what went along with them.
    fn clear(&self);
}

/// The outcome of [`Catalog::restore_foreign`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Foreign {
    /// It is of another module or version: it is left out.
    Unknown,
    /// It is taken up, but for what is said here.
    Taken {
        /// Messages that name each part left out, with the reason.
        left_out: Vec<String>,
        /// Whether stores have parts of it.
        has_parts: bool,
    },
}

/// The catalogs of an engine, as a service.
#[derive(Debug, Default)]
pub struct Cataloged(Vec<Arc<dyn Catalog>>);

impl Cataloged {
    /// These.
    #[must_use]
    pub fn new(catalogs: Vec<Arc<dyn Catalog>>) -> Self {
        Self(catalogs)
    }

    /// All catalogs among the services.
    pub fn among(services: &Services) -> impl Iterator<Item = &Arc<dyn Catalog>> {
        services.get::<Self>().into_iter().flat_map(|cataloged| &cataloged.0)
    }
}
