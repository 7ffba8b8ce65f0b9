use proptest::prelude::*;

use crate::command::testing::BareShard;
use crate::config::CoreConfig;

const WRONG_TYPE: &str = "(error) WRONGTYPE Operation against a key holding the wrong kind of value";
const BAD_OFFSET: &str = "(error) ERR bit offset is not an integer or out of range";
const BAD_BIT: &str = "(error) ERR bit is not an integer or out of range";
const SYNTAX: &str = "(error) ERR syntax error";

#[test]
fn bits_are_set_and_read() {
    BareShard::new().check(&format!(
        r#"
        SETBIT a 7 1            => 0        | SETBIT a 7 1  | new a, setbit a
        SETBIT a 7 1            => 1        |               |
        SETBIT a 7 0            => 1        | SETBIT a 7 0  | setbit a
        GET a                   => "\x00"
        SETBIT a 15 0           => 0        | SETBIT a 15 0 | setbit a
        STRLEN a                => 2
        OBJECT ENCODING a       => "raw"
        GETBIT a 100            => 0
        GETBIT b 0              => 0        |               | keymiss b
        SET n 1                 => OK
        GETBIT n 2              => 1
        SETBIT n 6 1            => 0
        GET n                   => "3"
        SETBIT a -1 1           => {BAD_OFFSET} ||
        SETBIT a 4294967296 1   => {BAD_OFFSET} ||
        SETBIT a x 2            => {BAD_OFFSET} ||
        SETBIT a 0 2            => {BAD_BIT} ||
        SETBIT a 0 01           => {BAD_BIT} ||
        GETBIT a 4294967296     => {BAD_OFFSET} ||
        GETBIT a 4294967295     => 0
        "#
    ));
}

#[test]
fn offsets_are_limited_by_the_longest_string() {
    let mut shard = BareShard::with_config(CoreConfig { max_bulk_bytes: 2, ..CoreConfig::default() });
    shard.check(&format!(
        r#"
        SETBIT a 15 1           => 0
        SETBIT a 16 1           => {BAD_OFFSET} ||
        BITFIELD a GET u8 #1    => [1]
        BITFIELD a GET u8 #2    => {BAD_OFFSET} ||
        BITFIELD a SET u8 15 1  => [128]
        STRLEN a                => 3
        BITFIELD a GET u8 #9223372036854775807 => {BAD_OFFSET} ||
        "#
    ));
}

#[test]
fn ranges_of_bits_are_counted_and_searched() {
    BareShard::new().check(&format!(
        r#"
        SET a foobar            => OK
        BITCOUNT a              => 26
        BITCOUNT a 1 1          => 6
        BITCOUNT a 5 30 BIT     => 17
        BITCOUNT a -2 -1 byte   => 7
        BITCOUNT a -100 -50     => 4
        BITCOUNT a -50 -100     => 0
        BITCOUNT a 6 9          => 0
        BITCOUNT b              => 0
        BITCOUNT a 1            => {SYNTAX} ||
        BITCOUNT a 1 2 BITS     => {SYNTAX} ||
        BITCOUNT a 1 2 BIT 3    => {SYNTAX} ||
        SET f "\xff\xf0"        => OK
        BITPOS f 0              => 12
        BITPOS f 1 2            => -1
        BITPOS f 0 0 0          => -1
        BITPOS f 0 0 11 BIT     => -1
        BITPOS f 0 9 12 BIT     => 12
        BITPOS f 1 -1           => 8
        SET g "\xff"            => OK
        BITPOS g 0              => 8
        BITPOS g 0 0            => 8
        BITPOS g 0 0 -1         => -1
        BITPOS g 0 1            => -1
        BITPOS b 0              => 0
        BITPOS b 1              => -1
        BITPOS b 1 1 2 x        => {SYNTAX} ||
        BITPOS b 2              => (error) ERR The bit argument must be 1 or 0. ||
        "#
    ));
}

#[test]
fn strings_are_combined() {
    BareShard::new().check(&format!(
        r#"
        SET a "\xf0\xff"        => OK
        SET b "\xcc"            => OK
        SET c "\xaa\x01\x01"    => OK
        BITOP AND d a b         => 2        | BITOP AND d a b | new d, set d
        GET d                   => "\xc0\x00"
        BITOP OR d a b c        => 3
        GET d                   => "\xfe\xff\x01"
        BITOP XOR d a b c       => 3
        GET d                   => "\x96\xfe\x01"
        BITOP NOT d a           => 2
        GET d                   => "\x0f\x00"
        BITOP DIFF d a b c      => 3
        GET d                   => "\x10\xfe\x00"
        BITOP DIFF1 d a b c     => 3
        GET d                   => "\x0e\x00\x01"
        BITOP ANDOR d a b c     => 3
        GET d                   => "\xe0\x01\x00"
        BITOP ONE d a b c       => 3
        GET d                   => "\x16\xfe\x01"
        OBJECT ENCODING d       => "raw"
        BITOP OR d x y          => 0        | BITOP OR d x y | keymiss x, keymiss y, del d
        BITOP OR d x y          => 0        |                | keymiss x, keymiss y
        BITOP FOO d a           => {SYNTAX} ||
        BITOP NOT d a b         => (error) ERR BITOP NOT must be called with a single source key. ||
        BITOP diff1 d a         => (error) ERR BITOP DIFF1 must be called with at least two source keys. ||
        "#
    ));
}

#[test]
fn fields_are_read_and_written() {
    BareShard::new().check(&format!(
        r#"
        BITFIELD a                                      => [] |  | keymiss a
        BITFIELD a SET u8 0 255 GET u4 0 GET i4 0       => [0, 15, -1] | BITFIELD a SET u8 0 255 GET u4 0 GET i4 0 | new a, setbit a
        BITFIELD a INCRBY u2 100 1 OVERFLOW SAT INCRBY u2 102 1 => [1, 1]
        BITFIELD a OVERFLOW FAIL INCRBY u2 102 3        => [nil]      |  |
        BITFIELD a SET i8 0 -1                          => [-1]       |  |
        BITFIELD a OVERFLOW SAT SET u8 8 -1             => [0]
        BITFIELD_RO a GET u8 #1                         => [255]
        BITFIELD_RO b GET u8 0 GET i64 5                => [0, 0]
        BITFIELD b OVERFLOW FAIL SET u8 8 256           => [nil]      | BITFIELD b OVERFLOW FAIL SET u8 8 256 | new b
        STRLEN b                                        => 2
        BITFIELD c SET u8 8 0                           => [0]        | BITFIELD c SET u8 8 0 | new c, setbit c
        BITFIELD_RO a SET u8 0 1                        => (error) ERR BITFIELD_RO only supports the GET subcommand ||
        BITFIELD a GET u64 0    => (error) ERR Invalid bitfield type. Use something like i16 u8. Note that u64 is not supported but i64 is. ||
        BITFIELD a GET u8 -1    => {BAD_OFFSET} ||
        BITFIELD a GET u8       => {SYNTAX} ||
        BITFIELD a OVERFLOW     => {SYNTAX} ||
        BITFIELD a OVERFLOW x   => (error) ERR Invalid OVERFLOW type specified ||
        BITFIELD a SET u8 0 x   => (error) ERR value is not an integer or out of range ||
        "#
    ));
}

#[test]
fn other_types_are_refused_after_the_arguments() {
    let mut shard = BareShard::new();
    shard.put_other_type(b"l");
    shard.check(&format!(
        r#"
        SETBIT l 0 1            => {WRONG_TYPE} ||
        SETBIT l 0 2            => {BAD_BIT} ||
        GETBIT l 0              => {WRONG_TYPE} ||
        BITCOUNT l              => {WRONG_TYPE} ||
        BITCOUNT l 0 1 x        => {SYNTAX} ||
        BITPOS l 1              => {WRONG_TYPE} ||
        BITFIELD l GET u8 0     => {WRONG_TYPE} ||
        BITFIELD l SET u8 0 1   => {WRONG_TYPE} ||
        BITFIELD_RO l GET u8 0  => {WRONG_TYPE} ||
        BITOP AND d l l         => {WRONG_TYPE} ||
        BITOP NOT l b           => 0
        EXISTS l                => 0
        "#
    ));
}

fn command() -> impl Strategy<Value = String> {
    let key = || prop::sample::select(vec!["a", "b", "c"]);
    let operator = prop::sample::select(vec!["AND", "OR", "XOR", "DIFF", "DIFF1", "ANDOR", "ONE"]);
    let overflow = prop::sample::select(vec!["WRAP", "SAT", "FAIL"]);
    let field = prop::sample::select(vec!["u1", "i8", "u7", "i64", "u63", "i33"]);
    prop_oneof![
        (key(), 0u32..100, 0..2).prop_map(|(key, at, bit)| format!("SETBIT {key} {at} {bit}")),
        (key(), -20..300).prop_map(|(key, value)| format!("SET {key} {value}")),
        (operator, key(), key(), key()).prop_map(|(op, to, x, y)| format!("BITOP {op} {to} {x} {y}")),
        (key(), key()).prop_map(|(to, x)| format!("BITOP NOT {to} {x}")),
        (key(), overflow, field, 0u32..70, any::<i64>()).prop_map(|(key, overflow, field, at, value)| {
            format!("BITFIELD {key} OVERFLOW {overflow} INCRBY {field} {at} {value} SET {field} #1 {value}")
        }),
        key().prop_map(|key| format!("DEL {key}")),
    ]
}

proptest! {
    #[test]
    fn effects_reproduce_the_contents(commands in prop::collection::vec(command(), 1..40)) {
        let mut shard = BareShard::new();
        for command in &commands {
            shard.run(command);
        }
        shard.check_replay();
    }
}
