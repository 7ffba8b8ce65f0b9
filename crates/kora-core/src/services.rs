//! What the engine around the shards offers to commands that need more than stores: who listens to channels, which scripts
//! are known. The core does not know these; whoever starts the engine puts them here, and commands find them by type.

use std::any::Any;
use std::sync::{Arc, LazyLock};

/// Services by type, the same for all shards of an engine.
#[derive(Debug, Default)]
pub struct Services(Vec<Arc<dyn Any + Send + Sync>>);

impl Services {
    /// No services: for stores that belong to no engine.
    #[must_use]
    pub fn none() -> &'static Arc<Self> {
        static NONE: LazyLock<Arc<Services>> = LazyLock::new(Arc::default);
        &NONE
    }

    /// The same with one more; of two of one type the first is found.
    #[must_use]
    pub fn with<T: Any + Send + Sync>(mut self, service: Arc<T>) -> Self {
        self.0.push(service);
        self
    }

    /// The service of type `T`. Complexity: O(number of services), which is a handful.
    #[must_use]
    pub fn get<T: Any + Send + Sync>(&self) -> Option<&T> {
        self.all().next()
    }

    /// All services of type `T`.
    pub fn all<T: Any + Send + Sync>(&self) -> impl Iterator<Item = &T> {
        self.0.iter().filter_map(|service| service.downcast_ref())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_is_found_by_its_type() {
        let services = Services::default().with(Arc::new(7_u32)).with(Arc::new("name"));
        assert_eq!(services.get::<u32>(), Some(&7));
        assert_eq!(services.get::<&str>(), Some(&"name"));
        assert_eq!(services.get::<u64>(), None);
        assert_eq!(services.with(Arc::new(8_u32)).all::<u32>().collect::<Vec<_>>(), [&7, &8]);
        assert_eq!(Services::none().get::<u32>(), None);
    }
}
