use crate::command::testing::BareShard;

const WRONG_TYPE: &str = "(error) WRONGTYPE Operation against a key holding the wrong kind of value";

#[test]
fn get_returns_bytes_and_integers_alike() {
    BareShard::new().check(
        r#"
        GET a                   => nil      |  | keymiss a
        SET a -42               => OK
        GET a                   => "-42"    |  |
        STRLEN a                => 3        |  |
        SET a "\x00\xff"        => OK
        GET a                   => "\x00\xff"
        STRLEN a                => 2
        STRLEN b                => 0        |  | keymiss b
        GET                     => (error) ERR wrong number of arguments for 'get' command
        "#,
    );
}

#[test]
fn getdel_deletes() {
    BareShard::new().check(
        r#"
        SET a 5                 => OK
        GETDEL a                => "5"      | DEL a | del a
        GETDEL a                => nil      |       | keymiss a
        "#,
    );
}

#[test]
fn getex_changes_the_deadline() {
    let mut shard = BareShard::new();
    shard.check(
        r#"
        SET a 5                 => OK
        GETEX a                 => "5"      |                           |
        GETEX a PERSIST         => "5"      |                           |
        GETEX a ex 100          => "5"      | PEXPIREAT a 1700000100000 | expire a
        GETEX a PX 10           => "5"      | PEXPIREAT a 1700000000010 | expire a
        GETEX a PERSIST PERSIST => "5"      | PERSIST a                 | persist a
        GETEX a EXAT 1700000001 => "5"      | PEXPIREAT a 1700000001000 | expire a
        GETEX a PXAT 1700000000000 => "5"   | DEL a                     | del a
        GETEX a                 => nil      |                           | keymiss a
        "#,
    );
    shard.check_replay();
}

#[test]
fn getex_looks_for_its_key_before_it_reads_the_amount() {
    let mut shard = BareShard::new();
    shard.put_other_type(b"l");
    shard.check(&format!(
        r#"
        GETEX a EX 0            => nil
        GETEX a EX abc          => nil
        GETEX l EX 0            => {WRONG_TYPE}
        SET a 1                 => OK
        GETEX a EX 0            => (error) ERR invalid expire time in 'getex' command ||
        GETEX a EX abc          => (error) ERR value is not an integer or out of range ||
        "#,
    ));
    for options in ["NX", "KEEPTTL", "EX", "EX 10 PERSIST", "PERSIST EX 10", "EX 10 PX 10"] {
        shard.check(&format!("GETEX missing {options} => (error) ERR syntax error ||"));
    }
}

#[test]
fn values_of_other_types_are_refused() {
    let mut shard = BareShard::new();
    shard.put_other_type(b"l");
    for command in ["GET", "GETDEL", "GETEX", "STRLEN"] {
        shard.check(&format!("{command} l => {WRONG_TYPE} ||"));
    }
}
