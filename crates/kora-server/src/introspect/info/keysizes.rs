//! The section Keysizes: how many keys of each database have a size of each class.

use kora_core::entry::SizeClass;
use kora_core::entry::data_type::Extensions;

use super::sections::Fields;
use super::snapshot::SizesInfo;

/// Writes a line for each data type of which a database has keys.
pub(super) fn section(databases: &[SizesInfo], extensions: Extensions, fields: &mut Fields<'_>) {
    for SizesInfo { db, counts } in databases {
        for (kind, name) in extensions.sized() {
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
    use kora_core::codec::RdbError;
    use kora_core::entry::Kind;
    use kora_core::entry::data_type::{DataType, NamedForm, RdbForm};

    use super::*;

    const TALLY: DataType = DataType {
        kind: Kind::extension(3),
        name: "tally",
        sizes_name: Some("tallies_names"),
        digest_number: 1000,
        digest: |_, _, _| {},
        rdb: RdbForm::Named(NamedForm {
            version: 1,
            write_chunk: |_, _, _| false,
            read: |_, _, _| Err(RdbError::Empty),
        }),
        debug: |_| String::new(),
        lapse: None,
    };

    #[test]
    fn an_extension_has_a_line_like_the_types_built_in() {
        let mut sizes = SizesInfo { db: 2, counts: [[0; SizeClass::COUNT]; Kind::COUNT] };
        sizes.counts[TALLY.kind.index()][SizeClass::of(5).index()] = 3;
        let shown = |extensions| {
            let mut fields = Fields::of(&[]);
            section(std::slice::from_ref(&sizes), extensions, &mut fields);
            fields.text
        };
        assert_eq!(shown(Extensions::new(&[&TALLY])), "db2_distrib_tallies_names:4=3\r\n");
        assert_eq!(shown(Extensions::default()), "");
    }

    #[test]
    fn classes_are_named_by_their_smallest_size() {
        let names = [(0, "0"), (1, "1"), (512, "512"), (1 << 10, "1K"), (1 << 19, "512K"), (1 << 62, "4E")];
        for (least, name) in names {
            assert_eq!(label(least), name);
        }
    }
}
