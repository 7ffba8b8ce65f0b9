use proptest::prelude::*;

use super::byte_range;
use crate::command::testing::BareShard;
use crate::config::CoreConfig;

const WRONG_TYPE: &str = "(error) WRONGTYPE Operation against a key holding the wrong kind of value";
const NOT_INTEGER: &str = "(error) ERR value is not an integer or out of range";
const TOO_LONG: &str = "(error) ERR string exceeds maximum allowed size (proto-max-bulk-len)";

#[test]
fn parts_are_returned() {
    BareShard::new().check(
        r#"
        SET a 123456            => OK
        GETRANGE a 0 -1         => "123456"
        GETRANGE a -3 -1        => "456"
        GETRANGE a -3 -5        => ""
        GETRANGE a -100 -50     => "1"
        GETRANGE a -100 2       => "123"
        GETRANGE a 5 100        => "6"
        GETRANGE a 6 100        => ""
        GETRANGE a -5 -9223372036854775808 => ""
        GETRANGE a 0 9223372036854775807 => "123456"
        SUBSTR a 1 2            => "23"
        GETRANGE b 0 -1         => ""       |  | keymiss b
        SET a hello             => OK
        GETRANGE a 1 -2         => "ell"
        "#,
    );
}

#[test]
fn parts_are_overwritten() {
    BareShard::new().check(
        r#"
        SETRANGE a 5 ""         => 0        |                  |
        SETRANGE a 5 hello      => 10       | SETRANGE a 5 hello | new a, setrange a
        GET a                   => "\x00\x00\x00\x00\x00hello"
        SETRANGE a 0 HELLO      => 10       | SETRANGE a 0 HELLO | setrange a
        SETRANGE a 9 OO         => 11
        GET a                   => "HELLOhellOO"
        SETRANGE a 3 ""         => 11       |                  |
        SET a 12345             => OK
        SETRANGE a 1 x          => 5
        GET a                   => "1x345"
        "#,
    );
}

#[test]
fn bytes_are_appended() {
    BareShard::new().check(
        r#"
        APPEND a 12             => 2        | APPEND a 12 | new a, append a
        APPEND a 3              => 3        | APPEND a 3  | append a
        APPEND a ""             => 3        | APPEND a    | append a
        APPEND b ""             => 0        | APPEND b    | new b, append b
        GET a                   => "123"
        "#,
    );
}

#[test]
fn offsets_are_checked_before_types_and_lengths_after() {
    let mut shard = BareShard::new();
    shard.put_other_type(b"l");
    shard.check(&format!(
        r#"
        SETRANGE a -1 x         => (error) ERR offset is out of range ||
        SETRANGE a abc x        => {NOT_INTEGER} ||
        SETRANGE a 536870912 x  => {TOO_LONG} ||
        SETRANGE a 9223372036854775807 x => {TOO_LONG} ||
        SETRANGE a 536870912 "" => 0 ||
        SETRANGE l -1 x         => (error) ERR offset is out of range ||
        SETRANGE l 536870912 x  => {WRONG_TYPE} ||
        APPEND l x              => {WRONG_TYPE} ||
        GETRANGE l a 1          => {NOT_INTEGER} ||
        GETRANGE l 0 1          => {WRONG_TYPE} ||
        GET a                   => nil
        "#,
    ));
}

#[test]
fn strings_do_not_grow_beyond_the_limit() {
    let mut shard = BareShard::with_config(CoreConfig { max_bulk_bytes: 10, ..CoreConfig::default() });
    shard.check(&format!(
        r#"
        APPEND a 12345678       => 8
        APPEND a 90             => 10
        APPEND a x              => {TOO_LONG} ||
        SETRANGE a 9 xy         => {TOO_LONG} ||
        SETRANGE a 9 x          => 10
        "#,
    ));
}

proptest! {
    /// Index by index: `start` and `end` name the first and last byte, clamped to the string.
    #[test]
    fn ranges_lie_within_the_string(start in -12i64..12, end in -12i64..12, len in 0usize..10) {
        let signed_len = i64::try_from(len).expect("below 10");
        let clamp = |index: i64| (if index < 0 { index + signed_len } else { index }).max(0);
        let is_reversed = start < 0 && end < 0 && start > end;
        let model: Vec<usize> = (0..len)
            .filter(|&at| {
                let at = i64::try_from(at).expect("below 10");
                !is_reversed && clamp(start) <= at && at <= clamp(end)
            })
            .collect();
        prop_assert_eq!(byte_range(start, end, len).collect::<Vec<_>>(), model);
    }
}
