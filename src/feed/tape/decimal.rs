//! Numbers in text: bit for bit what `str::parse` gives, in less time for what markets write.

/// Powers of ten that a double holds exactly.
const TENS: [f64; 23] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20,
    1e21, 1e22,
];

/// Up to here every whole number is a double of its own.
const MANTISSA_MAX: u64 = 1 << 53;

/// The nearest double to `text`, with the same grammar and the same bits as `str::parse::<f64>`.
///
/// `NaN`, `inf` and `1e999` parse, as they do there: whoever takes the number refuses them by value.
#[inline]
pub(crate) fn number(text: &[u8]) -> Option<f64> {
    plain(text).or_else(|| std::str::from_utf8(text).ok()?.parse().ok())
}

/// Plain digits with at most one point. A mantissa up to 2^53 and a power of ten up to 10^22 are both exact, so that one
/// division rounds once, which is what correct rounding means (Clinger 1990).
#[inline]
fn plain(text: &[u8]) -> Option<f64> {
    if text.is_empty() || text.len() > 19 {
        return None; // 19 digits fit into a u64 whatever they are
    }
    let mut mantissa = 0_u64;
    let mut point = None;
    for (place, &byte) in text.iter().enumerate() {
        let digit = byte.wrapping_sub(b'0');
        if digit < 10 {
            mantissa = mantissa * 10 + u64::from(digit);
        } else if byte == b'.' && point.is_none() {
            point = Some(place);
        } else {
            return None;
        }
    }
    let decimals = point.map_or(0, |place| text.len() - place - 1);
    let digits = text.len() - usize::from(point.is_some());
    if digits == 0 || mantissa > MANTISSA_MAX {
        return None;
    }
    TENS.get(decimals).map(|ten| mantissa as f64 / ten)
}

/// A whole number of plain digits, at most 19 of them: no sign, no point, no blank.
#[inline]
pub(crate) fn whole(text: &[u8]) -> Option<u64> {
    if text.is_empty() || text.len() > 19 {
        return None;
    }
    let (eights, rest) = text.as_chunks();
    let sum =
        eights.iter().try_fold(0, |sum, eight| Some(sum * 100_000_000 + eight_digits(u64::from_le_bytes(*eight))?))?;
    rest.iter().try_fold(sum, |sum, &byte| {
        let digit = byte.wrapping_sub(b'0');
        (digit < 10).then(|| sum * 10 + u64::from(digit))
    })
}

/// Eight digits at once, the first in the lowest byte: neighbours are joined to pairs, pairs to fours, fours to the number.
#[inline]
const fn eight_digits(text: u64) -> Option<u64> {
    let digits = text ^ 0x3030_3030_3030_3030;
    // What is 10 or more reaches the top half of its byte when 6 is added; no carry can leave a byte below 0xfa.
    if (digits | digits.wrapping_add(0x0606_0606_0606_0606)) & 0xf0f0_f0f0_f0f0_f0f0 != 0 {
        return None;
    }
    let pairs = (digits * 10 + (digits >> 8)) & 0x00ff_00ff_00ff_00ff;
    let fours = (pairs * 100 + (pairs >> 16)) & 0x0000_ffff_0000_ffff;
    Some((fours * 10_000 + (fours >> 32)) & 0xffff_ffff)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn same(text: &str) {
        let want = text.parse::<f64>().ok().map(f64::to_bits);
        assert_eq!(number(text.as_bytes()).map(f64::to_bits), want, "{text:?}");
    }

    #[test]
    fn odd_spellings_read_as_the_standard_library_reads_them() {
        let odd = [
            "",
            ".",
            "5.",
            ".5",
            "-",
            "-0",
            "-0.0",
            "+1",
            "1e5",
            "1E-5",
            "1e999",
            "-1e999",
            "1e-999",
            "NaN",
            "nan",
            "inf",
            "-inf",
            "infinity",
            "0x10",
            "1_000",
            "1,5",
            " 1",
            "1 ",
            "1.2.3",
            "9007199254740991",
            "9007199254740992",
            "9007199254740993",
            "0.9007199254740993",
            "9999999999999999999",
            "99999999999999999999",
            "00000000000000000001",
            "0.0000000000000000000001",
            "5e-05",
            "0.30000000000000004",
            "\u{661}",
        ];
        odd.into_iter().for_each(same);
    }

    #[test]
    fn whole_numbers_are_digits_and_nothing_else() {
        assert_eq!(whole(b"1760054402752000"), Some(1_760_054_402_752_000));
        assert_eq!(whole(b"9999999999999999999"), Some(9_999_999_999_999_999_999));
        for bad in ["", "-1", "+1", "1.0", " 1", "10000000000000000000", "1e3"] {
            assert_eq!(whole(bad.as_bytes()), None, "{bad:?}");
        }
        for byte in 0..=u8::MAX {
            for place in 0..8 {
                let mut text = *b"12345678";
                text[place] = byte;
                let want = text.iter().all(u8::is_ascii_digit).then(|| String::from_utf8_lossy(&text).parse().unwrap());
                assert_eq!(whole(&text), want, "{text:?}");
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 4_000, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn prices_have_the_bits_of_the_standard_library(whole in 0_u64..100_000_000, part in "[0-9]{0,14}") {
            same(&format!("{whole}.{part}"));
        }

        #[test]
        fn any_double_survives(bits: u64) {
            let value = f64::from_bits(bits);
            same(&format!("{value}"));
            same(&format!("{value:e}"));
        }

        #[test]
        fn whole_numbers_are_those_of_the_standard_library(text in "[0-9]{1,19}|[0-9]{0,8}[ -~][0-9]{0,8}") {
            let want = text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().unwrap());
            prop_assert_eq!(whole(text.as_bytes()), want);
        }

        #[test]
        fn any_text_is_taken_or_refused_alike(text in "[-+.0-9eEinfaN]{0,24}") {
            same(&text);
        }
    }
}
