//! What goes when it was left alone for too long, and is no key: temporary indexes, cursors.
//!
//! The core has no clock. Whoever keeps such things puts them among the [`Services`], and the engine's sweep asks them what is due. What
//! goes with the stores does so by a command, whose effects are in the stream like others'.

use std::fmt;
use std::sync::Arc;

use crate::command::spec::CommandSpec;
use crate::services::Services;
use crate::time::UnixMs;

/// See the module.
pub trait Idle: fmt::Debug + Send + Sync {
    /// When something is next to go; it may tell of a time that is too early. It is asked often.
    fn next_due(&self) -> Option<UnixMs>;

    /// Lets go of what is due at `now`. Where that needs stores, it is a command, which is to be run with all of them, for nobody.
    fn let_go(&self, now: UnixMs) -> Option<&'static CommandSpec>;
}

/// One that keeps such things, as a service.
#[derive(Debug)]
pub struct Idling(pub Arc<dyn Idle>);

impl Idling {
    /// All among the services.
    pub fn among(services: &Services) -> impl Iterator<Item = &Arc<dyn Idle>> {
        services.all::<Self>().map(|idling| &idling.0)
    }
}
