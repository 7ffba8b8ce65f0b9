//! The bodies for values and files of the RDB format.

use crate::config::CoreConfig;
use crate::digest::{Detail, Digest};
use crate::entry::Entry;
use crate::rdb::file::{HEADER_BYTES, Piece, next_piece, read_header};
use crate::rdb::{self, Extensions, Loader, RdbError, Style, ValueWriter};
use crate::time::UnixMs;

/// Bytes of memory that a byte of a value may cost, and what a value costs at least.
const MEMORY_PER_BYTE: usize = 100;
const MEMORY_MIN: usize = 64 * 1024;

/// Says whether the bytes were taken for a value.
pub(super) fn check_value(bytes: &[u8]) -> bool {
    let Some((&kind, value)) = bytes.split_first() else { return false };
    let configs = [CoreConfig::default(), tiny()];
    let built = configs.each_ref().map(|config| {
        let loader = Loader { config, seed: 5, extensions: Extensions::default() };
        rdb::build(kind, value, (b"key", Some(UnixMs(9))), &loader)
    });
    let [Ok((entry, len)), Ok((other, other_len))] = built else {
        let [one, other] = built.map(|built| built.map(|(_, len)| len));
        // Memory and settings decide forms, not what is taken: but for scores that are compared in one of them only.
        assert_eq!(one.is_ok(), other.is_ok(), "{}: {one:?} {other:?}", bytes.escape_ascii());
        return false;
    };
    assert_eq!(len, other_len);
    assert!(entry.memory_bytes() <= MEMORY_MIN + MEMORY_PER_BYTE * value.len(), "{}", bytes.escape_ascii());
    let digest = Digest::of_value(&entry, Detail::All);
    assert_eq!(Digest::of_value(&other, Detail::All), digest, "{}", bytes.escape_ascii());
    check_round_trip(&entry, digest, &configs[1]);
    check_round_trip(&other, digest, &configs[0]);
    true
}

/// Limits that make most collections large.
fn tiny() -> CoreConfig {
    CoreConfig {
        list_max_listpack_size: 3,
        hash_max_listpack_entries: 3,
        set_max_intset_entries: 3,
        set_max_listpack_entries: 3,
        zset_max_listpack_entries: 3,
        ..CoreConfig::default()
    }
}

/// Writes a value, at once and in slices, and builds it again.
fn check_round_trip(entry: &Entry, digest: Digest, config: &CoreConfig) {
    let style = Style { compress: true };
    let (mut whole, mut sliced) = (Vec::new(), Vec::new());
    rdb::write_value(entry, style, &mut whole);
    sliced.push(whole[0]);
    let mut writer = ValueWriter::new(style);
    while !writer.write_some(entry, &mut sliced, 1) {}
    assert!(whole == sliced, "slices make the same bytes");
    let loader = Loader { config, seed: 6, extensions: Extensions::default() };
    let again = rdb::build(whole[0], &whole[1..], (entry.key(), entry.expiry()), &loader);
    let (again, len) =
        again.unwrap_or_else(|error| panic!("what was written is refused: {error}: {entry:?}"));
    assert_eq!(len, whole.len() - 1);
    assert_eq!(Digest::of_value(&again, Detail::All), digest, "{entry:?}");
}

/// Reads a file to its end or to the first flaw; says whether it came to the end.
pub(super) fn check_file(bytes: &[u8]) -> bool {
    let Ok(version) = read_header(bytes) else { return false };
    let mut rest = &bytes[HEADER_BYTES..];
    let config = CoreConfig::default();
    loop {
        let (piece, len) = match next_piece(rest, version) {
            Ok(found) => found,
            Err(RdbError::Incomplete(more)) => {
                assert!(more > 0);
                return false;
            }
            Err(_) => return false,
        };
        assert!(len > 0 && len <= rest.len());
        for cut in [0, len / 2, len - 1] {
            let early = next_piece(&rest[..cut], version);
            assert!(matches!(early, Err(RdbError::Incomplete(1..))), "{early:?}");
        }
        match piece {
            Piece::End { .. } => return true,
            Piece::Entry(entry) => {
                drop(entry.build(
                    &Loader { config: &config, seed: 8, extensions: Extensions::default() },
                    UnixMs(1),
                ))
            }
            _ => {}
        }
        rest = &rest[len..];
    }
}
