use crate::command::testing::{BareShard, START};
use crate::time::UnixMs;

#[test]
fn set_replaces_what_was_there() {
    BareShard::new().check(
        r#"
        SET a 1                 => OK       | SET a 1         | new a, set a
        SET a "two words"       => OK       | SET a two words | set a
        SET a ""                => OK       | SET a           | set a
        GET a                   => ""
        "#,
    );
}

#[test]
fn conditions_decide_whether_set_takes_place() {
    BareShard::new().check(
        r#"
        SET a 1 XX              => nil      |                 |
        SET a 1 nx              => OK       | SET a 1         | new a, set a
        SET a 2 NX              => nil      |                 |
        SET a 3 xx              => OK       | SET a 3         | set a
        SET a 3 NX NX           => nil
        SET a 3 XX XX           => OK
        SET a 4 IFEQ 7          => nil      |                 |
        SET a 4 IFEQ 3          => OK       | SET a 4         | set a
        SET b 4 IFEQ 3          => nil      |                 |
        SET a get IFEQ 4        => OK
        SET a 5 IFEQ get GET    => "get"    | SET a 5         | set a
        "#,
    );
}

#[test]
fn set_returns_the_old_value() {
    BareShard::new().check(
        r#"
        SET a 1 GET             => nil      | SET a 1         | keymiss a, new a, set a
        SET a 2 GET GET         => "1"      | SET a 2         | set a
        SET a 3 NX GET          => "2"      |                 |
        SET b 3 XX GET          => nil      |                 | keymiss b
        SET b 3 NX GET          => nil      | SET b 3         | keymiss b, new b, set b
        SET a 3 IFEQ 7 GET      => "2"      |                 |
        SET a 3 XX GET          => "2"      | SET a 3         | set a
        "#,
    );
}

#[test]
fn deadlines_are_recorded_as_moments() {
    let mut shard = BareShard::new();
    shard.check(
        r#"
        SET a 1 EX 100          => OK       | SET a 1 PXAT 1700000100000        | new a, set a, expire a
        SET a 2 KEEPTTL         => OK       | SET a 2 KEEPTTL                   | set a
        SET a 3 PX 5            => OK       | SET a 3 PXAT 1700000000005        | set a, expire a
        SET a 3 EX 9 EX 20      => OK       | SET a 3 PXAT 1700000020000        | set a, expire a
        SET a 4 EXAT 1700000001 => OK       | SET a 4 PXAT 1700000001000        | set a, expire a
        SET a 5 PXAT 9223372036854775807 => OK | SET a 5 PXAT 9223372036854775807 | set a, expire a
        SET a 6 PXAT 1700000000001 GET => "5" | SET a 6 PXAT 1700000000001      | set a, expire a
        GET a                   => "6"
        "#,
    );
    shard.now = UnixMs(START.0 + 2);
    shard.check("GET a => nil | DEL a | expired a, keymiss a");
    shard.check_replay();
}

#[test]
fn a_deadline_in_the_past_leaves_no_key() {
    let mut shard = BareShard::new();
    shard.check(
        r#"
        SET a 1                 => OK
        SET a 1 EXAT 1          => OK       | SET a 1 PXAT 1000     | set a, expire a
        GET a                   => nil      | DEL a                 | expired a, keymiss a
        SET a 1 PXAT 1          => OK
        SET a 2                 => OK       | DEL a; SET a 2        | expired a, new a, set a
        SET a 1 PXAT 1          => OK
        SET a 2 XX              => nil      | DEL a                 | expired a
        "#,
    );
    shard.check_replay();
}

#[test]
fn options_that_do_not_fit_are_refused() {
    let mut shard = BareShard::new();
    for options in [
        "NX XX",
        "XX NX",
        "EX",
        "PX",
        "EX 10 PX 10",
        "EX 10 KEEPTTL",
        "KEEPTTL EX 10",
        "EX abc foo",
        "foo",
        "PERSIST",
        "IFEQ",
        "IFEQ 1 IFEQ 1",
        "IFEQ 1 NX",
        "XX IFEQ 1",
    ] {
        shard.check(&format!("SET a 1 {options} => (error) ERR syntax error ||"));
    }
    for amount in ["abc", "1.5", "", "9223372036854775808"] {
        shard.check(&format!(
            "SET a 1 EX \"{amount}\" => (error) ERR value is not an integer or out of range"
        ));
    }
    for deadline in
        ["EX 0", "EX -1", "EXAT 0", "PXAT -1", "EX 9223372036854776", "PX 9223372036854775807", "EX 0 GET"]
    {
        shard.check(&format!("SET a 1 {deadline} => (error) ERR invalid expire time in 'set' command ||"));
    }
}

#[test]
fn older_forms_of_set_still_work() {
    BareShard::new().check(
        r#"
        SETNX a 1               => 1        | SETNX a 1                  | new a, set a
        SETNX a 2               => 0        |                            |
        SETEX a 10 v            => OK       | SET a v PXAT 1700000010000 | set a, expire a
        PSETEX a 10 w           => OK       | SET a w PXAT 1700000000010 | set a, expire a
        GETSET a 12             => "w"      | SET a 12                   | set a
        GETSET b 1              => nil      | SET b 1                    | keymiss b, new b, set b
        SETEX a 0 v             => (error) ERR invalid expire time in 'setex' command
        SETEX a 9223372036854775 v => (error) ERR invalid expire time in 'setex' command
        PSETEX a -1 v           => (error) ERR invalid expire time in 'psetex' command
        SETEX a x v             => (error) ERR value is not an integer or out of range
        "#,
    );
}

#[test]
fn values_of_other_types_are_replaced_but_not_returned() {
    let mut shard = BareShard::new();
    shard.put_other_type(b"l");
    shard.check(
        r#"
        SET l 1 GET             => (error) WRONGTYPE Operation against a key holding the wrong kind of value ||
        SET l 1 NX GET          => (error) WRONGTYPE Operation against a key holding the wrong kind of value ||
        SET l 1 IFEQ 1          => (error) WRONGTYPE Operation against a key holding the wrong kind of value ||
        GETSET l 1              => (error) WRONGTYPE Operation against a key holding the wrong kind of value ||
        SET l 1 EX 0 GET        => (error) ERR invalid expire time in 'set' command ||
        SETNX l 1               => 0        |           |
        SET l 1 NX              => nil      |           |
        SET l 1                 => OK       | SET l 1   | set l
        "#,
    );
}
