//! State that a snapshot keeps beside the keys, such as the declarations of indexes.
//!
//! The core knows nothing of what is in it. Whoever starts an engine puts it among the [`Services`](crate::services::Services), in
//! [`Cataloged`]. Commands change it only with all stores in hand, and their effects are in the stream like others'; a snapshot
//! takes it with all stores in hand, too.

pub mod declared;

use std::fmt;
use std::sync::Arc;

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

    /// Gives a store its part of what was taken up.
    fn attach(&self, store: &mut ShardStore);

    /// Empties it. The stores are emptied, too, and lose what went along with them.
    fn clear(&self);
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
