//! The fields that documents have, with about how many different values.
//!
//! Of each field the least hashes of its values are kept: where the greatest of them lies tells how many there are (Bar-Yossef and others, 2002). So it takes
//! bounded memory, and fields beyond a number are left out. If only some of the documents were looked at, the values that were seen once stand for others: for as
//! many more as there are documents if nearly all were, else by the estimator of Charikar and others, 2000.

use std::collections::BTreeMap;

use kora_json::{Node, Value};

use crate::query::cursor::checksum;

/// Fields at most.
const FIELDS_MAX: usize = 1024;
/// Hashes of each.
const HASHES_MAX: usize = 256;
/// The share of values that were seen once from which on all are taken to be there once.
const NEARLY_ALL: f64 = 0.9;
/// Members in members that are looked at.
const DEPTH_MAX: usize = 16;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Fields {
    /// Hashes by path, each with whether it was seen again.
    by_path: BTreeMap<Box<[u8]>, BTreeMap<u64, bool>>,
    looked_at: u64,
}

impl Fields {
    /// Looks at the fields of a document.
    pub(super) fn look_at(&mut self, root: Value<'_>) {
        self.looked_at += 1;
        self.visit(root, &mut Vec::new(), 0);
    }

    /// Objects are gone into as far as is allowed; arrays are values.
    fn visit(&mut self, value: Value<'_>, path: &mut Vec<u8>, depth: usize) {
        match value.node() {
            Node::Object(members) if depth < DEPTH_MAX && (depth == 0 || !members.is_empty()) => {
                for (name, member) in members.members() {
                    let length = path.len();
                    if depth > 0 {
                        path.push(b'.');
                    }
                    path.extend_from_slice(name);
                    self.visit(member, path, depth + 1);
                    path.truncate(length);
                }
            }
            _ => self.note(path, value.bytes()),
        }
    }

    fn note(&mut self, path: &[u8], value: &[u8]) {
        if !self.by_path.contains_key(path) {
            if self.by_path.len() >= FIELDS_MAX {
                return;
            }
            self.by_path.insert(path.into(), BTreeMap::new());
        }
        let Some(hashes) = self.by_path.get_mut(path) else { return };
        let mut hash = checksum([value]);
        let hash = kora_core::hash::splitmix64(&mut hash);
        if let Some(is_repeated) = hashes.get_mut(&hash) {
            *is_repeated = true;
        } else if hashes.len() < HASHES_MAX || hashes.last_key_value().is_some_and(|(last, _)| hash < *last) {
            hashes.insert(hash, false);
            if hashes.len() > HASHES_MAX {
                hashes.pop_last();
            }
        }
    }

    /// Paths, in the order of their bytes, and numbers of values among so many documents.
    pub(super) fn finish(self, documents: u64) -> Vec<(Box<[u8]>, u64)> {
        let more = share(documents.max(1), self.looked_at.max(1)).max(1.0);
        self.by_path.into_iter().map(|(path, hashes)| (path, estimate(&hashes, more))).collect()
    }
}

#[expect(clippy::cast_precision_loss, reason = "a share")]
fn share(one: u64, other: u64) -> f64 {
    one as f64 / other as f64
}

/// How many values there are, if there are so many times as many documents as were looked at.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "an estimate, which is not negative"
)]
fn estimate(hashes: &BTreeMap<u64, bool>, more: f64) -> u64 {
    let Some((last, _)) = hashes.last_key_value() else { return 0 };
    let kept = hashes.len() as u64;
    let seen =
        if hashes.len() >= HASHES_MAX { share(kept - 1, 1) / share(*last, u64::MAX) } else { share(kept, 1) };
    let once = seen * share(hashes.values().filter(|is_repeated| !**is_repeated).count() as u64, kept);
    let factor = if once >= NEARLY_ALL * seen { more } else { more.sqrt() };
    (seen - once + once * factor).round() as u64
}

#[cfg(test)]
mod tests {
    use kora_json::Json;

    use super::*;

    #[test]
    fn fields_and_about_how_many_values() {
        let mut fields = Fields::default();
        for number in 0..5000 {
            let text = format!(r#"{{"n":{number},"few":{},"o":{{"p":"x","e":{{}}}},"t":[1,2]}}"#, number % 7);
            fields.look_at(Json::parse(&text).unwrap().root());
        }
        let found = fields.finish(5000);
        let paths: Vec<_> =
            found.iter().map(|(path, _)| String::from_utf8_lossy(path).into_owned()).collect();
        assert_eq!(paths, ["few", "n", "o.e", "o.p", "t"]);
        let counts: Vec<u64> = found.iter().map(|(_, count)| *count).collect();
        assert_eq!((counts[0], counts[2], counts[3], counts[4]), (7, 1, 1, 1));
        assert!((4000..6000).contains(&counts[1]), "{}", counts[1]);
    }

    #[test]
    fn some_documents_stand_for_all() {
        let mut fields = Fields::default();
        for number in 0..1000 {
            fields.look_at(Json::parse(&format!(r#"{{"n":{number},"few":{}}}"#, number % 7)).unwrap().root());
        }
        let found = fields.finish(50_000);
        assert_eq!(found[0].1, 7);
        assert!((35_000..65_000).contains(&found[1].1), "{}", found[1].1);
    }

    #[test]
    fn hostile_documents_take_bounded_memory() {
        let mut fields = Fields::default();
        let members: Vec<String> = (0..3000).map(|number| format!("\"f{number}\":1")).collect();
        fields.look_at(Json::parse(&format!("{{{}}}", members.join(","))).unwrap().root());
        let deep = format!("{}1{}", "{\"a\":".repeat(100), "}".repeat(100));
        fields.look_at(Json::parse(&deep).unwrap().root());
        assert!(fields.finish(2).len() <= FIELDS_MAX);
    }
}
