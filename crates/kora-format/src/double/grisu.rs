//! The decimal digits of a double by Grisu2: F. Loitsch, "Printing Floating-Point Numbers Quickly and Accurately with
//! Integers", PLDI 2010.
//!
//! The digits always read back as the same double and are nearly always the shortest that do. In about two cases of a
//! thousand they are not, or not the closest; since Redis prints those too, an exact algorithm would differ from it.
//! For the same reason the power of ten is chosen as the `fpconv` library chooses it, where two would do.

/// Bit that is implied in the significand of a normal double.
const HIDDEN_BIT: u64 = 1 << 52;

/// Exponent of two of a double's lowest significand bit, for a biased exponent of zero.
const EXPONENT_BIAS: i32 = 1075;

/// The product of a significand and its power of ten has a binary exponent in this range: then its integral part fits
/// 32 bits, and ten times its fractional part fits 64.
const PRODUCT_EXPONENT_MIN: i32 = -60;
const PRODUCT_EXPONENT_MAX: i32 = -32;

/// Decimal exponents of [`POWERS`]: the first, and from one to the next.
const POWERS_FIRST: i32 = -348;
const POWERS_STEP: i32 = 8;

/// What the digits of a 32-bit integral part are worth, from the last to the first.
const UNITS: [u64; 10] =
    [1, 10, 100, 1_000, 10_000, 100_000, 1_000_000, 10_000_000, 100_000_000, 1_000_000_000];

const LOG10_OF_2: f64 = 0.301_029_995_663_981_14;

/// Most digits that are ever found; 17 tell every double from every other.
const DIGITS_MAX: usize = 20;

/// A positive double as `digits * 10^exponent`.
pub(super) struct Decimal {
    digits: [u8; DIGITS_MAX],
    len: usize,
    pub(super) exponent: i32,
}

impl Decimal {
    /// The digits, as ASCII, of a positive finite double.
    pub(super) fn of(value: f64) -> Self {
        let (exact, upper, lower) = boundaries(value);
        let (power, decimal_exponent) = power_for(exact.exponent);
        let (exact, upper, lower) = (exact.times(&power), upper.times(&power), lower.times(&power));
        let mut decimal = Self { digits: [0; DIGITS_MAX], len: 0, exponent: decimal_exponent.wrapping_neg() };
        // The boundaries are inexact by now; one unit further in, they are safe.
        let high = upper.significand.wrapping_sub(1);
        let low = lower.significand.wrapping_add(1);
        decimal.generate(high, high.wrapping_sub(exact.significand), high.wrapping_sub(low), exact.exponent);
        decimal
    }

    pub(super) fn digits(&self) -> &[u8] {
        self.digits.get(..self.len).expect("the length is at most the array's")
    }

    fn push(&mut self, digit: u64) {
        if digit == 0 && self.len == 0 {
            return;
        }
        let [digit, ..] = digit.to_le_bytes();
        *self.digits.get_mut(self.len).expect("20 digits are always enough") = digit | b'0';
        self.len = self.len.wrapping_add(1);
    }

    /// Finds the digits of `high`, a fixed-point number whose point stands at `-exponent` bits, until those found are
    /// within `width` below it; then brings the last one as close as possible to the number that lies `offset` below.
    #[expect(clippy::arithmetic_side_effects, reason = "only divisions by a power of ten, which is not zero")]
    fn generate(&mut self, high: u64, offset: u64, width: u64, exponent: i32) {
        let shift = exponent.unsigned_abs();
        let one = 1_u64.wrapping_shl(shift);
        let mut integral = high.wrapping_shr(shift);
        let mut fraction = high & one.wrapping_sub(1);
        for (kappa, unit) in (0..10_u32).zip(UNITS).rev() {
            self.push(integral / unit);
            integral %= unit;
            let rest = integral.wrapping_shl(shift).wrapping_add(fraction);
            if rest <= width {
                self.exponent = self.exponent.saturating_add_unsigned(kappa);
                return self.round(offset, width, rest, unit.wrapping_shl(shift));
            }
        }
        // Everything is scaled up by ten for each digit, the offset included. That may wrap around, as it does in
        // `fpconv`; the last digit then stays as it is.
        let (mut width, mut offset) = (width, offset);
        loop {
            fraction = fraction.wrapping_mul(10);
            width = width.wrapping_mul(10);
            offset = offset.wrapping_mul(10);
            self.push(fraction.wrapping_shr(shift));
            fraction &= one.wrapping_sub(1);
            self.exponent = self.exponent.wrapping_sub(1);
            if fraction < width {
                return self.round(offset, width, fraction, one);
            }
        }
    }

    /// Lowers the last digit, worth `unit`, while that brings the digits, `rest` below the upper boundary, closer to
    /// the exact number, `offset` below it, and keeps them within `width`.
    fn round(&mut self, offset: u64, width: u64, rest: u64, unit: u64) {
        let mut rest = rest;
        let Some(last) = self.digits.get_mut(..self.len).and_then(<[u8]>::last_mut) else { return };
        while rest < offset && width.wrapping_sub(rest) >= unit {
            let lowered = rest.wrapping_add(unit);
            if lowered >= offset && offset.wrapping_sub(rest) <= lowered.wrapping_sub(offset) {
                return;
            }
            *last = last.wrapping_sub(1);
            rest = lowered;
        }
    }
}

/// A number as `significand * 2^exponent`.
#[derive(Clone, Copy)]
struct Binary {
    significand: u64,
    exponent: i32,
}

impl Binary {
    /// The product, rounded to 64 bits.
    fn times(&self, other: &Self) -> Self {
        let product = u128::from(self.significand).wrapping_mul(u128::from(other.significand));
        let [.., high] = split(product.wrapping_add(1 << 63));
        Self { significand: high, exponent: self.exponent.wrapping_add(other.exponent).wrapping_add(64) }
    }

    /// The same number with a significand of `shift` more bits.
    fn shifted(self, shift: u32) -> Self {
        Self {
            significand: self.significand.wrapping_shl(shift),
            exponent: self.exponent.wrapping_sub_unsigned(shift),
        }
    }
}

/// The low and the high half.
fn split(number: u128) -> [u64; 2] {
    #[expect(clippy::cast_possible_truncation, reason = "the halves are what is wanted")]
    [number as u64, (number >> 64) as u64]
}

/// `value`, and the ends of the interval of numbers that read back as it, with one exponent; the upper end has its
/// highest bit set.
fn boundaries(value: f64) -> (Binary, Binary, Binary) {
    let bits = value.to_bits();
    let fraction = bits & HIDDEN_BIT.wrapping_sub(1);
    let biased = i32::try_from((bits >> 52) & 0x7ff).expect("11 bits fit");
    let exact = match biased {
        0 => Binary { significand: fraction, exponent: EXPONENT_BIAS.wrapping_neg().wrapping_add(1) },
        _ => Binary { significand: fraction | HIDDEN_BIT, exponent: biased.wrapping_sub(EXPONENT_BIAS) },
    };
    let mut upper = exact.shifted(1);
    upper.significand |= 1;
    let upper = upper.shifted(upper.significand.leading_zeros());
    // Below a power of two the doubles lie twice as dense.
    let mut lower = exact.shifted(if exact.significand == HIDDEN_BIT { 2 } else { 1 });
    lower.significand = lower.significand.wrapping_sub(1);
    let lower = lower.shifted(lower.exponent.abs_diff(upper.exponent));
    (exact.shifted(exact.exponent.abs_diff(upper.exponent)), upper, lower)
}

/// A power of ten that brings a number with this binary exponent into the range of the product, and its exponent.
fn power_for(exponent: i32) -> (Binary, i32) {
    let bits = exponent.wrapping_add(87).wrapping_neg();
    #[expect(clippy::cast_possible_truncation, reason = "a few hundred at most")]
    let estimate = (f64::from(bits) * LOG10_OF_2) as i32;
    let mut index = estimate.wrapping_sub(POWERS_FIRST) / POWERS_STEP;
    loop {
        let decimal_exponent = POWERS_FIRST.wrapping_add(index.wrapping_mul(POWERS_STEP));
        let power = power(index, decimal_exponent);
        let product_exponent = exponent.wrapping_add(power.exponent).wrapping_add(64);
        if product_exponent < PRODUCT_EXPONENT_MIN {
            index = index.wrapping_add(1);
        } else if product_exponent > PRODUCT_EXPONENT_MAX {
            index = index.wrapping_sub(1);
        } else {
            return (power, decimal_exponent);
        }
    }
}

/// `10^decimal_exponent`, which stands at `index` in the table.
fn power(index: i32, decimal_exponent: i32) -> Binary {
    let significand = usize::try_from(index).ok().and_then(|index| POWERS.get(index));
    let significand = *significand.expect("the table covers the exponents of all doubles");
    // floor(exponent * log2(10)) - 63; 217706 / 2^16 is exact enough for all exponents of the table.
    let exponent = (decimal_exponent.wrapping_mul(217_706) >> 16).wrapping_sub(63);
    Binary { significand, exponent }
}

/// The highest 64 bits of every eighth power of ten from `10^-348` to `10^340`, rounded.
#[rustfmt::skip]
const POWERS: [u64; 87] = [
    0xfa8f_d5a0_081c_0288, 0xbaae_e17f_a23e_bf76, 0x8b16_fb20_3055_ac76, 0xcf42_894a_5dce_35ea,
    0x9a6b_b0aa_5565_3b2d, 0xe61a_cf03_3d1a_45df, 0xab70_fe17_c79a_c6ca, 0xff77_b1fc_bebc_dc4f,
    0xbe56_91ef_416b_d60c, 0x8dd0_1fad_907f_fc3c, 0xd351_5c28_3155_9a83, 0x9d71_ac8f_ada6_c9b5,
    0xea9c_2277_23ee_8bcb, 0xaecc_4991_4078_536d, 0x823c_1279_5db6_ce57, 0xc210_9436_4dfb_5637,
    0x9096_ea6f_3848_984f, 0xd774_85cb_2582_3ac7, 0xa086_cfcd_97bf_97f4, 0xef34_0a98_172a_ace5,
    0xb238_67fb_2a35_b28e, 0x84c8_d4df_d2c6_3f3b, 0xc5dd_4427_1ad3_cdba, 0x936b_9fce_bb25_c996,
    0xdbac_6c24_7d62_a584, 0xa3ab_6658_0d5f_daf6, 0xf3e2_f893_dec3_f126, 0xb5b5_ada8_aaff_80b8,
    0x8762_5f05_6c7c_4a8b, 0xc9bc_ff60_34c1_3053, 0x964e_858c_91ba_2655, 0xdff9_7724_7029_7ebd,
    0xa6df_bd9f_b8e5_b88f, 0xf8a9_5fcf_8874_7d94, 0xb944_7093_8fa8_9bcf, 0x8a08_f0f8_bf0f_156b,
    0xcdb0_2555_6531_31b6, 0x993f_e2c6_d07b_7fac, 0xe45c_10c4_2a2b_3b06, 0xaa24_2499_6973_92d3,
    0xfd87_b5f2_8300_ca0e, 0xbce5_0864_9211_1aeb, 0x8cbc_cc09_6f50_88cc, 0xd1b7_1758_e219_652c,
    0x9c40_0000_0000_0000, 0xe8d4_a510_0000_0000, 0xad78_ebc5_ac62_0000, 0x813f_3978_f894_0984,
    0xc097_ce7b_c907_15b3, 0x8f7e_32ce_7bea_5c70, 0xd5d2_38a4_abe9_8068, 0x9f4f_2726_179a_2245,
    0xed63_a231_d4c4_fb27, 0xb0de_6538_8cc8_ada8, 0x83c7_088e_1aab_65db, 0xc45d_1df9_4271_1d9a,
    0x924d_692c_a61b_e758, 0xda01_ee64_1a70_8dea, 0xa26d_a399_9aef_774a, 0xf209_787b_b47d_6b85,
    0xb454_e4a1_79dd_1877, 0x865b_8692_5b9b_c5c2, 0xc835_53c5_c896_5d3d, 0x952a_b45c_fa97_a0b3,
    0xde46_9fbd_99a0_5fe3, 0xa59b_c234_db39_8c25, 0xf6c6_9a72_a398_9f5c, 0xb7dc_bf53_54e9_bece,
    0x88fc_f317_f222_41e2, 0xcc20_ce9b_d35c_78a5, 0x9816_5af3_7b21_53df, 0xe2a0_b5dc_971f_303a,
    0xa8d9_d153_5ce3_b396, 0xfb9b_7cd9_a4a7_443c, 0xbb76_4c4c_a7a4_4410, 0x8bab_8eef_b640_9c1a,
    0xd01f_ef10_a657_842c, 0x9b10_a4e5_e991_3129, 0xe710_9bfb_a19c_0c9d, 0xac28_20d9_623b_f429,
    0x8044_4b5e_7aa7_cf85, 0xbf21_e440_03ac_dd2d, 0x8e67_9c2f_5e44_ff8f, 0xd433_179d_9c8c_b841,
    0x9e19_db92_b4e3_1ba9, 0xeb96_bf6e_badf_77d9, 0xaf87_023b_9bf0_ee6b,
];
