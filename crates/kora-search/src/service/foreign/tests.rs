//! What RediSearch stored, read into arguments.

use kora_core::rdb::VERSION;
use kora_core::rdb::file::{Piece, next_piece};

use super::*;

/// Pieces of a file that RediSearch 2.10.5 wrote.
const STORED: &str = include_str!("stored.txt");

fn pieces() -> Vec<Vec<u8>> {
    let text = STORED.split_once('\n').unwrap().1;
    let digits = |piece: &str| -> Vec<u8> { piece.bytes().filter(u8::is_ascii_hexdigit).collect() };
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
    let pieces = text.trim().split("\n\n");
    pieces.map(|piece| digits(piece).chunks(2).map(byte).collect()).collect()
}

fn restore_all(state: &mut State) -> Vec<Foreign> {
    let mut all = Vec::new();
    for piece in pieces() {
        let Ok((Piece::ModuleAux(data), _)) = next_piece(&piece, VERSION) else { panic!("a module's data") };
        all.push(restore(state, &data).unwrap());
    }
    all
}

fn arguments(state: &State, index: &str) -> String {
    let arguments = &state.indexes[index.as_bytes()].arguments[0];
    arguments.iter().map(|argument| String::from_utf8_lossy(argument)).collect::<Vec<_>>().join(" ")
}

#[test]
fn indexes_are_declared_as_they_were() {
    let mut state = State::default();
    let taken = restore_all(&mut state);
    let Foreign::Taken { left_out, has_parts: true } = &taken[1] else { panic!("{taken:?}") };
    assert_eq!(*left_out, ["index `six`: Field type GEOSHAPE is not supported"]);
    for (index, expected) in [
        (
            "one",
            "one ON HASH PREFIX 2 p1: p2: FILTER @x==1 LANGUAGE_FIELD lf SCORE_FIELD sf PAYLOAD_FIELD pf SCORE 0.5 \
             LANGUAGE french STOPWORDS 2 a the SCHEMA tttt AS ssss TEXT WEIGHT 2.5 NOSTEM PHONETIC dm:en SORTABLE UNF \
             u TEXT WEIGHT 1 SORTABLE NOINDEX",
        ),
        (
            "two",
            "two ON JSON MAXTEXTFIELDS NOOFFSETS NOFIELDS NOFREQS STOPWORDS 0 SCHEMA $.g AS gg TAG SEPARATOR ; \
             CASESENSITIVE SORTABLE UNF $.n AS nn NUMERIC SORTABLE UNF NOINDEX $.l AS ll GEO \
             $.t AS tt TEXT WEIGHT 1 WITHSUFFIXTRIE INDEXEMPTY INDEXMISSING $.m AS m TAG",
        ),
        (
            "three",
            "three ON HASH NOHL SKIPINITIALSCAN SCHEMA g TAG SEPARATOR , WITHSUFFIXTRIE INDEXEMPTY n NUMERIC \
             zz TAG SEPARATOR ,",
        ),
        (
            "four",
            "four ON HASH PREFIX 1 vv: SCHEMA v VECTOR HNSW 14 TYPE FLOAT32 DIM 4 DISTANCE_METRIC COSINE INITIAL_CAP 10 M 20 \
             EF_CONSTRUCTION 300 EF_RUNTIME 30 w VECTOR FLAT 10 TYPE FLOAT64 DIM 3 DISTANCE_METRIC L2 INITIAL_CAP 7 \
             BLOCK_SIZE 9 x VECTOR FLAT 10 TYPE FLOAT16 DIM 2 DISTANCE_METRIC IP INITIAL_CAP 1024 BLOCK_SIZE 1024 \
             y VECTOR FLAT 10 TYPE BFLOAT16 DIM 2 DISTANCE_METRIC L2 INITIAL_CAP 1024 BLOCK_SIZE 1024",
        ),
        ("five", "five ON HASH PREFIX 1 vv: TEMPORARY 1000 SCHEMA n NUMERIC"),
    ] {
        assert_eq!(arguments(&state, index), expected);
    }
    assert_eq!(state.indexes.len(), 5);
}

#[test]
fn aliases_synonyms_and_dictionaries_are_taken_up() {
    let mut state = State::default();
    restore_all(&mut state);
    let aliases: Vec<_> = state.aliases.iter().map(|(alias, index)| (&**alias, &**index)).collect();
    assert_eq!(aliases, [(&b"al"[..], &b"three"[..]), (b"am", b"three")]);
    let groups = state.indexes[&b"three"[..]].groups();
    assert_eq!(groups["w1"], ["g1", "g2"]);
    assert_eq!(groups["w2"], ["g1"]);
    let words: Vec<&str> = state.dictionaries[&b"dic"[..]].words().collect();
    assert_eq!(words, ["w1", "w2"]);
    assert_eq!(state.dictionaries.len(), 2);
}

#[test]
fn what_is_cut_short_is_refused() {
    let pieces = pieces();
    let id = &pieces[1][..10];
    // Codes of parts: 2 is a number, 5 a text.
    for parts in [
        &[2, 1, 0][..],
        &[2, 2, 5, 1, b'a', 0],
        &[2, 1, 5, 2, b'a', 0, 2, 1, 2, 64, 0],
        &[4, 0, 0, 0, 0, 0, 0, 0, 0, 0],
    ] {
        let bytes = [id, &[2, 1], parts].concat();
        let taken = match next_piece(&bytes, VERSION) {
            Ok((Piece::ModuleAux(data), _)) => restore(&mut State::default(), &data).map(drop),
            Ok((piece, _)) => panic!("{piece:?} instead of a module's data"),
            Err(error) => Err(error.to_string()),
        };
        assert!(taken.is_err(), "{parts:?}");
    }
}
