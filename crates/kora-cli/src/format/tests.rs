//! The recording holds frames and what redis-cli 8.0.2 prints for each of them in every form.

use kora_protocol::{Decoder, Frame, split_line};

use super::{Form, Formatter, Palette};

const RECORDING: &str = include_str!("recording.txt");

fn formatter(form: Form) -> Formatter {
    Formatter {
        form,
        element_separator: b"\n".to_vec(),
        reply_separator: b"\n".to_vec(),
        palette: Palette::default(),
    }
}

fn decode(bytes: &[u8]) -> Frame {
    let mut decoder = Decoder::new();
    decoder.feed(bytes);
    decoder.next_frame().expect("a valid frame").expect("a whole frame")
}

fn print(formatter: &Formatter, bytes: &[u8]) -> String {
    let mut out = Vec::new();
    formatter.reply(&mut out, &decode(bytes));
    String::from_utf8_lossy(&out).into_owned()
}

#[test]
fn replies_are_printed_as_recorded() {
    let mut frame = Vec::new();
    let mut checked = 0;
    for line in RECORDING.lines().filter(|line| !line.starts_with('#')) {
        let words = split_line(line.as_bytes()).expect("well quoted");
        let [kind, text] = <[Vec<u8>; 2]>::try_from(words).expect("a word and a text");
        let formatter = match kind.as_slice() {
            b"frame" => {
                frame = text;
                continue;
            }
            b"raw" => formatter(Form::Raw),
            b"separated" => Formatter {
                element_separator: b"|".to_vec(),
                reply_separator: b";\n".to_vec(),
                ..formatter(Form::Raw)
            },
            b"standard" => formatter(Form::Standard),
            b"csv" => formatter(Form::Csv),
            b"json" => formatter(Form::Json),
            b"quoted-json" => formatter(Form::QuotedJson),
            other => panic!("{} is no form", String::from_utf8_lossy(other)),
        };
        let mut out = Vec::new();
        formatter.reply(&mut out, &decode(&frame));
        assert_eq!(
            String::from_utf8_lossy(&out),
            String::from_utf8_lossy(&text),
            "{} of {}",
            String::from_utf8_lossy(&kind),
            String::from_utf8_lossy(&frame)
        );
        assert_eq!(out, text);
        checked += 1;
    }
    assert!(checked > 300, "the recording is short: {checked}");
}

#[test]
fn types_that_redis_cli_does_not_know_are_printed_too() {
    let big = b"(12345678901234567890\r\n";
    assert_eq!(print(&formatter(Form::Standard), big), "(big number) 12345678901234567890\n");
    assert_eq!(print(&formatter(Form::Raw), big), "12345678901234567890\n");
    assert_eq!(print(&formatter(Form::Json), big), "12345678901234567890\n");
    let error = b"!7\r\nERR a\nb\r\n";
    assert_eq!(print(&formatter(Form::Standard), error), "(error) ERR a\nb\n");
    assert_eq!(print(&formatter(Form::Csv), error), "ERROR,\"ERR a\\nb\"\n");
    let attributed = b"|1\r\n+ttl\r\n:3600\r\n*2\r\n:1\r\n|1\r\n+a\r\n+b\r\n:2\r\n";
    assert_eq!(print(&formatter(Form::Standard), attributed), "1) (integer) 1\n2) (integer) 2\n");
    assert_eq!(print(&formatter(Form::Raw), attributed), "1\n2\n");
}

#[test]
fn colours_surround_values() {
    let formatter = Formatter { palette: Palette::coloured(), ..formatter(Form::Standard) };
    assert_eq!(print(&formatter, b":1\r\n"), "\u{1b}[36m(integer) 1\u{1b}[0m\n");
}

#[test]
fn invalidated_keys_take_one_line() {
    let push = decode(b">2\r\n$10\r\ninvalidate\r\n*2\r\n$1\r\na\r\n$1\r\nb\r\n");
    let mut out = Vec::new();
    formatter(Form::Standard).push(&mut out, &push);
    assert_eq!(String::from_utf8_lossy(&out), "-> invalidate: 'a', 'b'\n");
}

#[test]
fn documents_are_printed_as_they_are() {
    let mut out = Vec::new();
    formatter(Form::Json).document(&mut out, &decode(b"$3\r\na\r\n\r\n"));
    assert_eq!(out, b"a\r\n");
}
