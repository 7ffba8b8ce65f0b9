//! The layouts were recorded from Redis 8.0.2 with `ZADD` and `ZSCORE`.

use proptest::prelude::*;

use super::{encode_digits, encode_double};

#[test]
fn layouts_are_those_of_redis() {
    let cases = [
        (0.0, "0"),
        (-0.0, "-0"),
        (f64::INFINITY, "inf"),
        (f64::NEG_INFINITY, "-inf"),
        (f64::NAN, "nan"),
        (-f64::NAN, "nan"),
        (3.0, "3"),
        (-1.5, "-1.5"),
        (0.1, "0.1"),
        (1e-5, "0.00001"),
        (1e-6, "0.000001"),
        (1e-7, "1e-7"),
        (1.5e-7, "1.5e-7"),
        (1.234_567_89e-5, "1.23456789e-5"),
        (0.000_123_456_789_012_345_6, "1.234567890123456e-4"),
        (0.001_234_567_890_123_456, "0.001234567890123456"),
        (100_000.5, "100000.5"),
        (123_456_789.123_456_79, "1.2345678912345679e+8"),
        (1e15, "1000000000000000"),
        (1e17, "100000000000000000"),
        (4_611_686_018_427_387_904.0, "4611686018427387904"),
        (9_223_372_036_854_775_807.0, "9223372036854776000"),
        (12_345_678_901_234_567_890.0, "12345678901234567000"),
        (123_456_789_012_345_680_000.0, "123456789012345680000"),
        (1e19, "1e+19"),
        (1.2e20, "1.2e+20"),
        (1e22, "1e+22"),
        (1.5e300, "1.5e+300"),
        (5e-324, "5e-324"),
        (f64::MAX, "1.7976931348623157e+308"),
        (f64::MIN_POSITIVE, "2.2250738585072014e-308"),
        (1e7, "10000000"),
        (1_152_921_504_606_846_976.0, "1152921504606846976"),
        (4_611_686_018_427_388_904.0, "4611686018427389000"),
        (1.25e-5, "1.25e-5"),
        (1e30, "1e+30"),
        (123_456_789.125, "123456789.125"),
    ];
    for (value, text) in cases {
        assert_eq!(encode_double(value).as_str(), text);
    }
}

#[test]
fn whole_numbers_may_have_an_exponent_where_only_digits_count() {
    for (value, text) in [
        (0.0, "0"),
        (-0.0, "-0"),
        (3.0, "3"),
        (-250.0, "-250"),
        (1e7, "10000000"),
        (1e8, "1e+8"),
        (1.5, "1.5"),
        (f64::INFINITY, "inf"),
    ] {
        assert_eq!(encode_digits(value).as_str(), text);
    }
}

/// Doubles for which Grisu2 does not find the shortest digits, or not the closest; recorded like the layouts.
#[test]
fn digits_are_those_of_redis() {
    let cases = [
        (7.036_870_839_547_745e177, "7.0368708395477454e+177"),
        (1.710_215_611_751_856_1e-177, "1.7102156117518562e-177"),
        (-6_016.951_217_939_863, "-6016.9512179398635"),
        (-276_804_372_109_801.38, "-276804372109801.37"),
        (77_867_678.678_764_84, "7.786767867876483e+7"),
        (7.406_829_119_453_712e-295, "7.4068291194537124e-295"),
    ];
    for (value, text) in cases {
        assert_eq!(encode_double(value).as_str(), text);
    }
}

proptest! {
    #[test]
    fn every_double_reads_back_the_same(bits: u64) {
        let value = f64::from_bits(bits);
        let read: f64 = encode_double(value).as_str().parse().unwrap();
        prop_assert!(read.to_bits() == value.to_bits() || value.is_nan());
    }

    #[test]
    fn everyday_doubles_read_back_the_same(thousandths in -1_000_000_000_i64..1_000_000_000, scale in -30_i32..30) {
        #[expect(clippy::cast_precision_loss, reason = "any double will do")]
        let value = thousandths as f64 * 10_f64.powi(scale);
        prop_assert_eq!(encode_double(value).as_str().parse(), Ok(value));
    }
}
