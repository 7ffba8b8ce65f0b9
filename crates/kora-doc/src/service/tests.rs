use kora_core::catalog::Catalog;

use super::*;
use crate::collection::{Declared, IndexKind, Profile};
use crate::path::Path;

#[test]
fn declarations_come_back_from_a_snapshot() {
    let service = Service::new();
    assert_eq!(service.dump(), None);
    for name in [&b"people"[..], b"a:b\xff%"] {
        let number = service.state().next_number();
        let vector = IndexKind::parse(b"vector", &[b"FLAT", b"DIM", b"3", b"TYPE", b"INT8"]).unwrap();
        let indexes = [
            ("age", IndexKind::Sorted),
            ("mail.0", IndexKind::Unique),
            ("tags", IndexKind::Array),
            ("v", vector),
            ("w", IndexKind::parse(b"vector", &[b"DIM", b"3", b"EF_RUNTIME", b"9"]).unwrap()),
        ];
        let declared =
            indexes.map(|(path, kind)| Declared { path: Path::parse(path.as_bytes()).unwrap(), kind });
        service.state().put(Arc::new(Collection {
            number,
            name: name.into(),
            escaped: crate::key::escaped(name).into(),
            created: 1_700_000_000_123,
            profile: Profile::Compact,
            indexes: declared.into(),
        }));
    }
    let bytes = service.dump().unwrap();
    let other = Service::new();
    other.restore(&bytes).unwrap();
    assert_eq!(other.collections(), service.collections());
    assert_eq!(other.state().next_number(), 3, "numbers go on");
    for end in 1..bytes.len() {
        drop(Service::new().restore(&bytes[..end]));
    }
    assert!(Service::new().restore(b"\x01\x03FOO").is_err());
    other.clear();
    assert!(other.collections().is_empty());
    assert_eq!(other.state().next_number(), 4, "also behind FLUSHALL");
}
