use crate::command::testing::BareShard;
use crate::config::CoreConfig;

const NOT_STRINGS: &str = "(error) ERR The specified keys must contain string values";
const TOO_LARGE: &str =
    "(error) ERR Insufficient memory, transient memory for LCS exceeds proto-max-bulk-len";

#[test]
fn all_forms() {
    let mut shard = BareShard::new();
    let both = r#"{"matches": [[[4, 7], [5, 8]], [[2, 3], [0, 1]]], "len": 6}"#;
    shard.check(&format!(
        r#"
        MSET k1 ohmytext k2 mynewtext => OK
        LCS k1 k2               => "mytext" ||
        LCS k1 k2 len           => 6
        LCS k1 k2 IDX           => {both}
        LCS k1 k2 IDX MINMATCHLEN -4 => {both}
        LCS k1 k2 IDX MINMATCHLEN 0 => {both}
        LCS k1 k2 IDX MINMATCHLEN 4 WITHMATCHLEN => {{"matches": [[[4, 7], [5, 8], 4]], "len": 6}}
        LCS k1 k2 IDX MINMATCHLEN 5 => {{"matches": [], "len": 6}}
        LCS k1 k2 MINMATCHLEN 4 WITHMATCHLEN => "mytext"
        LCS k1 k1 IDX           => {{"matches": [[[0, 7], [0, 7]]], "len": 8}}
        LCS k1 missing          => ""       |  | keymiss missing
        LCS k1 missing IDX      => {{"matches": [], "len": 0}}
        LCS missing gone LEN    => 0        |  | keymiss missing, keymiss gone
        SET n 12345             => OK
        SET m 935               => OK
        LCS n m                 => "35"
        "#,
    ));
    shard.is_resp3 = false;
    shard.check(r#"LCS n m IDX          => ["matches", [[[4, 4], [2, 2]], [[2, 2], [1, 1]]], "len", 2]"#);
}

#[test]
fn keys_are_checked_before_options() {
    let mut shard = BareShard::new();
    shard.put_other_type(b"l");
    shard.check(&format!(
        r#"
        LCS a l                 => {NOT_STRINGS}
        LCS l a foo             => {NOT_STRINGS} |  | keymiss a
        LCS a b foo             => (error) ERR syntax error
        LCS a b MINMATCHLEN     => (error) ERR syntax error
        LCS a b MINMATCHLEN x   => (error) ERR value is not an integer or out of range
        LCS a b IDX LEN         => (error) ERR If you want both the length and indexes, please just use IDX.
        LCS a                   => (error) ERR wrong number of arguments for 'lcs' command
        "#,
    ));
}

#[test]
fn strings_too_long_to_compare_are_refused() {
    let mut shard = BareShard::with_config(CoreConfig { max_bulk_bytes: 400, ..CoreConfig::default() });
    shard.check(&format!(
        r#"
        MSET a 123456789 b 123456789 c 1234567890 => OK
        LCS a b LEN             => 9
        LCS a c LEN             => {TOO_LARGE}
        "#,
    ));
}
