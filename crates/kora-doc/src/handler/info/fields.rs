//! The fields that documents have, with about how many different values.
//!
//! Of each field the least hashes of its values are kept: where the greatest of them lies tells how many there are (Bar-Yossef and others, 2002). So it takes
//! bounded memory, and fields beyond a number are left out.

use std::collections::{BTreeMap, BTreeSet};

use kora_json::{Node, Value};

use crate::query::cursor::checksum;

/// Fields at most.
const FIELDS_MAX: usize = 1024;
/// Hashes of each.
const HASHES_MAX: usize = 256;
/// Members in members that are looked at.
const DEPTH_MAX: usize = 16;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Fields(BTreeMap<Box<[u8]>, BTreeSet<u64>>);

impl Fields {
    /// Looks at the fields of a document.
    pub(super) fn look_at(&mut self, root: Value<'_>) {
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
        if !self.0.contains_key(path) {
            if self.0.len() >= FIELDS_MAX {
                return;
            }
            self.0.insert(path.into(), BTreeSet::new());
        }
        let Some(hashes) = self.0.get_mut(path) else { return };
        let mut hash = checksum([value]);
        let hash = kora_core::hash::splitmix64(&mut hash);
        if hashes.len() < HASHES_MAX || hashes.last().is_some_and(|last| hash < *last) {
            hashes.insert(hash);
            if hashes.len() > HASHES_MAX {
                hashes.pop_last();
            }
        }
    }

    /// Paths, in the order of their bytes, and numbers of values.
    pub(super) fn finish(self) -> Vec<(Box<[u8]>, u64)> {
        self.0.into_iter().map(|(path, hashes)| (path, estimate(&hashes))).collect()
    }
}

#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "an estimate, which is not negative"
)]
fn estimate(hashes: &BTreeSet<u64>) -> u64 {
    match hashes.last() {
        Some(last) if hashes.len() >= HASHES_MAX => {
            let share = *last as f64 / u64::MAX as f64;
            ((hashes.len() - 1) as f64 / share).round() as u64
        }
        _ => hashes.len() as u64,
    }
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
        let found = fields.finish();
        let paths: Vec<_> =
            found.iter().map(|(path, _)| String::from_utf8_lossy(path).into_owned()).collect();
        assert_eq!(paths, ["few", "n", "o.e", "o.p", "t"]);
        let counts: Vec<u64> = found.iter().map(|(_, count)| *count).collect();
        assert_eq!((counts[0], counts[2], counts[3], counts[4]), (7, 1, 1, 1));
        assert!((4000..6000).contains(&counts[1]), "{}", counts[1]);
    }

    #[test]
    fn hostile_documents_take_bounded_memory() {
        let mut fields = Fields::default();
        let members: Vec<String> = (0..3000).map(|number| format!("\"f{number}\":1")).collect();
        fields.look_at(Json::parse(&format!("{{{}}}", members.join(","))).unwrap().root());
        let deep = format!("{}1{}", "{\"a\":".repeat(100), "}".repeat(100));
        fields.look_at(Json::parse(&deep).unwrap().root());
        assert!(fields.finish().len() <= FIELDS_MAX);
    }
}
