use crate::command::testing::BareShard;

#[test]
fn several_keys_are_set_and_returned() {
    let mut shard = BareShard::new();
    shard.put_other_type(b"l");
    shard.check(
        r#"
        MSET a 1 b two a 3      => OK       | MSET a 1 b two a 3 | new a, set a, new b, set b, set a
        MGET a l b c a          => ["3", nil, "two", nil, "3"] | | keymiss c
        MSET l 1                => OK       | MSET l 1           | set l
        MSET a 1 b              => (error) ERR wrong number of arguments for 'mset' command ||
        "#,
    );
}

#[test]
fn msetnx_sets_all_or_none() {
    let mut shard = BareShard::new();
    shard.put_other_type(b"l");
    shard.check(
        r#"
        MSETNX c 1 d 2 c 3      => 1        | MSETNX c 1 d 2 c 3 | new c, set c, new d, set d, set c
        MSETNX e 1 d 2          => 0        |                    |
        MSETNX e 1 l 2          => 0        |                    |
        MGET c d e              => ["3", "2", nil]
        MSETNX e 1 f            => (error) ERR wrong number of arguments for 'msetnx' command ||
        MSETNX e                => (error) ERR wrong number of arguments for 'msetnx' command ||
        "#,
    );
}

#[test]
fn deadlines_go() {
    let mut shard = BareShard::new();
    shard.check(
        r#"
        SET a 1 EX 100          => OK
        MSET a 2                => OK
        GETEX a PERSIST         => "2"      |                    |
        "#,
    );
    shard.check_replay();
}
