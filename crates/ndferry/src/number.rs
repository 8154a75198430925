//! Numbers from their bytes in either order.

/// Bytes of one number from least to most significant.
pub(crate) fn digits(bytes: &[u8], swapped: bool) -> impl Iterator<Item = u8> + '_ {
    let big = swapped != cfg!(target_endian = "big");
    (0..bytes.len()).map(move |i| bytes[if big { bytes.len() - 1 - i } else { i }])
}

/// An unsigned integer of up to 8 bytes; other bits for [`float`].
pub(crate) fn uint(bytes: &[u8], swapped: bool) -> u64 {
    digits(bytes, swapped)
        .enumerate()
        .fold(0, |n, (i, byte)| n | u64::from(byte) << (8 * i))
}

/// An integer of up to 8 bytes.
pub(crate) fn int(bytes: &[u8], swapped: bool) -> i64 {
    let unused = 64 - 8 * bytes.len() as u32;
    ((uint(bytes, swapped) << unused) as i64) >> unused
}

/// A float of 2, 4 or 8 bytes.
pub(crate) fn float(bytes: &[u8], swapped: bool) -> f64 {
    let bits = uint(bytes, swapped);
    match bytes.len() {
        2 => half(bits as u16),
        4 => f64::from(f32::from_bits(bits as u32)),
        _ => f64::from_bits(bits),
    }
}

/// IEEE half precision.
fn half(bits: u16) -> f64 {
    let sign = if bits >> 15 == 1 { -1.0 } else { 1.0 };
    let (exponent, fraction) = (i32::from(bits >> 10 & 31), f64::from(bits & 1023));
    sign * match exponent {
        0 => fraction * 2f64.powi(-24),
        31 if fraction == 0.0 => f64::INFINITY,
        31 => f64::NAN,
        _ => (1.0 + fraction / 1024.0) * 2f64.powi(exponent - 15),
    }
}

/// The nearest double of a long double. Little-endian ones are x87's 80 bits with padding, big-endian ones IEEE quads:
/// that is what the platforms that write them have, except that AArch64's are little-endian quads.
pub(crate) fn long_float(bytes: &[u8], swapped: bool) -> f64 {
    let d: Vec<u8> = digits(bytes, swapped).collect();
    let is_quad = swapped != cfg!(target_endian = "big") && d.len() == 16;
    let (sign_exponent, fraction) = if is_quad {
        let top = u64::from_le_bytes([d[6], d[7], d[8], d[9], d[10], d[11], d[12], d[13]]);
        (
            u16::from_le_bytes([d[14], d[15]]),
            1.0 + top as f64 * 2f64.powi(-64),
        )
    } else {
        let mantissa = u64::from_le_bytes([d[0], d[1], d[2], d[3], d[4], d[5], d[6], d[7]]);
        (
            u16::from_le_bytes([d[8], d[9]]),
            mantissa as f64 * 2f64.powi(-63),
        )
    };
    let sign = if sign_exponent >> 15 == 1 { -1.0 } else { 1.0 };
    let exponent = i32::from(sign_exponent & 0x7fff);
    sign * match exponent {
        0 => 0.0,
        0x7fff if fraction == 1.0 => f64::INFINITY,
        0x7fff => f64::NAN,
        // In two steps, so that results near the ends of the range come out.
        _ => {
            fraction
                * 2f64.powi((exponent - 16383) / 2)
                * 2f64.powi((exponent - 16383) - (exponent - 16383) / 2)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_doubles_are_read_as_x87_or_quads() {
        let mut x87 = [0u8; 16];
        x87[7] = 0xc0; // 1.5
        x87[8..10].copy_from_slice(&16383u16.to_le_bytes());
        assert_eq!(long_float(&x87, cfg!(target_endian = "big")), 1.5);
        let mut quad = [0u8; 16];
        quad[..2].copy_from_slice(&0xc000u16.to_be_bytes()); // -2.5
        quad[2] = 0x40;
        assert_eq!(long_float(&quad, cfg!(target_endian = "little")), -2.5);
        assert_eq!(half(0x3e00), 1.5);
        assert_eq!(half(0x0001), 2f64.powi(-24));
        assert_eq!(half(0xfc00), f64::NEG_INFINITY);
    }
}
