use super::LongDouble;

fn sum(left: &str, right: &str) -> Option<String> {
    let (left, right) = (LongDouble::parse(left.as_bytes())?, LongDouble::parse(right.as_bytes())?);
    left.checked_add(right).map(|sum| sum.to_string())
}

/// Sums and digits recorded from Redis 8.0.2.
#[test]
fn sums_have_the_digits_of_redis() {
    for (left, right, expected) in [
        ("0", "0", "0"),
        ("1", "1.5", "2.5"),
        ("0.1", "0.2", "0.3"),
        ("10.50", "0.1", "10.6"),
        ("5.0e3", "2.0e2", "5200"),
        ("-1.5", "1.5", "0"),
        ("1", "0x10", "17"),
        ("3", "1e-17", "3.00000000000000001"),
        ("0", "1e-30", "0"),
        ("0", "-1e-30", "0"),
        ("-0", "-0", "0"),
        ("100000", "0.1", "100000.10000000000000142"),
        ("0.000000000000000005", "0", "0"),
        ("0.000000000000000015", "0", "0.00000000000000002"),
        ("9223372036854775807", "1", "9223372036854775808"),
        ("18446744073709551615", "1", "18446744073709551616"),
        ("1e20", "3", "100000000000000000000"),
        ("0x1.8p3", "-0X1P-2", "11.75"),
        ("3.333333333333333333333", "6.6666666666666666", "9.99999999999999993"),
        ("1e-4950", "0", "0"),
        ("-2.5", "0.00000000000000000001", "-2.5"),
        ("1e25", "1e-5", "10000000000000000000000000"),
        ("17179869184.000000001", "-17179869184", "0.00000000186264515"),
        ("+7.", ".5", "7.5"),
        ("123456789012345678901234567890", "0", "123456789012345678899921813504"),
        ("1e17", "0.015625", "100000000000000000.015625"),
    ] {
        assert_eq!(sum(left, right).as_deref(), Some(expected), "{left} + {right}");
    }
}

#[test]
fn the_ends_of_the_range_are_written_in_full() {
    let largest = LongDouble::parse(b"1.18973149535723176502e4932").expect("the largest long double");
    let text = largest.to_string();
    assert_eq!(text.len(), 4933);
    assert!(
        text.starts_with(
            "1189731495357231765021263853030970205169063322294624200440323733891737005522970722"
        )
    );
    assert_eq!(largest.checked_add(largest), None);
    assert_eq!(LongDouble::parse(text.as_bytes()), Some(largest), "its digits read back");
}

#[test]
fn what_is_no_long_double_is_refused() {
    for text in ["", " 1", "1 ", "nan", "abc", "1e4933", "1e-5000", "0x", "1e", "1e99999999999999999999"] {
        assert_eq!(LongDouble::parse(text.as_bytes()), None, "{text:?}");
    }
    assert_eq!(LongDouble::parse("1".repeat(5120).as_bytes()), None);
    assert!(LongDouble::parse(format!("0.{}", "1".repeat(5000)).as_bytes()).is_some());
}

#[test]
fn infinities_are_read_and_never_summed() {
    for text in ["inf", "-inf", "Infinity", "+INF"] {
        let infinity = LongDouble::parse(text.as_bytes()).expect("an infinity");
        assert_eq!(infinity.checked_add(LongDouble::from(1)), None, "{text:?}");
    }
}
