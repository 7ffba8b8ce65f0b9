//! The section Keysizes: how many keys of each database have a size of each class.

use kora_core::entry::SizeClass;
use kora_core::entry::data_type::Extensions;

use super::sections::Fields;
use super::snapshot::SizesInfo;

/// Writes a line for each data type of which a database has keys.
pub(super) fn section(databases: &[SizesInfo], fields: &mut Fields<'_>) {
    for SizesInfo { db, counts } in databases {
        for (kind, name) in Extensions::default().sized() {
            let counts = counts[kind.index()].iter().enumerate();
            let counts: Vec<String> = counts
                .filter(|(_, count)| **count > 0)
                .map(|(class, count)| format!("{}={count}", label(SizeClass::least(class))))
                .collect();
            if !counts.is_empty() {
                fields.put(&format!("db{db}_distrib_{name}"), counts.join(","));
            }
        }
    }
}

/// The smallest size of a class, which is 0 or a power of two.
fn label(least: u64) -> String {
    const UNITS: [&str; 7] = ["", "K", "M", "G", "T", "P", "E"];
    let unit = least.checked_ilog2().unwrap_or(0) / 10;
    format!("{}{}", least >> (10 * unit), UNITS[unit as usize])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_are_named_by_their_smallest_size() {
        let names = [(0, "0"), (1, "1"), (512, "512"), (1 << 10, "1K"), (1 << 19, "512K"), (1 << 62, "4E")];
        for (least, name) in names {
            assert_eq!(label(least), name);
        }
    }
}
