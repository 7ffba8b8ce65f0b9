use crate::command::testing::BareShard;

const WRONG_TYPE: &str = "(error) WRONGTYPE Operation against a key holding the wrong kind of value";
const NOT_INTEGER: &str = "(error) ERR value is not an integer or out of range";
const NOT_FLOAT: &str = "(error) ERR value is not a valid float";
const OVERFLOW: &str = "(error) ERR increment or decrement would overflow";

#[test]
fn integers_are_added_to() {
    BareShard::new().check(
        r#"
        INCR a                  => 1        | INCR a      | new a, incrby a
        INCRBY a 41             => 42       | INCRBY a 41 | incrby a
        DECRBY a 2              => 40       | DECRBY a 2  | incrby a
        DECR a                  => 39       | DECR a      | incrby a
        DECR b                  => -1       | DECR b      | new b, incrby b
        GET a                   => "39"
        "#,
    );
}

#[test]
fn the_deadline_stays() {
    let mut shard = BareShard::new();
    shard.check(
        r#"
        SET a 1 EX 100          => OK
        INCR a                  => 2
        INCRBYFLOAT a 1.5       => "3.5"    | SET a 3.5 KEEPTTL | incrbyfloat a
        GETEX a PERSIST         => "3.5"    | PERSIST a
        "#,
    );
    shard.check_replay();
}

#[test]
fn integers_that_do_not_fit_are_refused() {
    BareShard::new().check(&format!(
        r#"
        SET a 9223372036854775807 => OK
        INCR a                  => {OVERFLOW} ||
        SET a -9223372036854775808 => OK
        DECR a                  => {OVERFLOW} ||
        DECRBY a 1              => {OVERFLOW} ||
        DECRBY a -9223372036854775808 => (error) ERR decrement would overflow ||
        INCRBY a 9223372036854775808 => {NOT_INTEGER} ||
        INCRBY a abc            => {NOT_INTEGER} ||
        SET a " 1"              => OK
        INCR a                  => {NOT_INTEGER} ||
        SET a ""                => OK
        INCR a                  => {NOT_INTEGER} ||
        "#,
    ));
}

#[test]
fn raw_digits_count_as_integers() {
    BareShard::new().check(
        r#"
        SETRANGE a 0 12         => 2
        INCR a                  => 13
        APPEND a 0              => 3
        INCR a                  => 131
        "#,
    );
}

#[test]
fn long_doubles_are_added_to() {
    BareShard::new().check(&format!(
        r#"
        INCRBYFLOAT f 0         => "0"        | SET f 0 KEEPTTL        | new f, incrbyfloat f
        INCRBYFLOAT f 1e5       => "100000"   | SET f 100000 KEEPTTL   | incrbyfloat f
        INCRBYFLOAT f 0.5       => "100000.5" | SET f 100000.5 KEEPTTL | incrbyfloat f
        INCRBYFLOAT f abc       => {NOT_FLOAT} ||
        INCRBYFLOAT f " 1"      => {NOT_FLOAT} ||
        INCRBYFLOAT f nan       => {NOT_FLOAT} ||
        INCRBYFLOAT f inf       => (error) ERR increment would produce NaN or Infinity ||
        SET f abc               => OK
        INCRBYFLOAT f 1         => {NOT_FLOAT} ||
        "#,
    ));
}

#[test]
fn values_of_other_types_are_refused() {
    let mut shard = BareShard::new();
    shard.put_other_type(b"l");
    shard.check(&format!(
        r#"
        INCR l                  => {WRONG_TYPE} ||
        INCRBY l 1              => {WRONG_TYPE} ||
        INCRBY l abc            => {NOT_INTEGER} ||
        INCRBYFLOAT l abc       => {WRONG_TYPE} ||
        "#,
    ));
}
