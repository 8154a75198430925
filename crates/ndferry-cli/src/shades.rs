//! From values to colours.

use std::str::FromStr;

use clap::ValueEnum;

/// How a picture gets to the eye.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Protocol {
    /// Whatever the terminal can.
    Auto,
    /// The terminal kitty's protocol (also Ghostty, Konsole).
    Kitty,
    /// iTerm2's (also WezTerm).
    Iterm,
    /// Sixels, the DEC VT340's (foot, mlterm, Konsole, xterm as a VT340).
    Sixel,
    /// Two pixels a character, in colours.
    Blocks,
    /// One of five shades a character, without colours.
    Shades,
    /// Letters and signs that every terminal has.
    Ascii,
}

/// Colours of values from the darkest to the lightest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Lut {
    /// Black to white.
    Gray,
    /// White to black.
    Invert,
    /// Blue, green, yellow.
    Viridis,
    /// Black, purple, white.
    Magma,
    /// Black, red, yellow.
    Inferno,
}

/// Nine colours of matplotlib's maps, between which we go straight.
const VIRIDIS: [u32; 9] = [
    0x44_01_54, 0x47_2d_7b, 0x3b_52_8b, 0x2c_72_8e, 0x21_91_8c, 0x28_ae_80, 0x5e_c9_62, 0xad_dc_30,
    0xfd_e7_25,
];
const MAGMA: [u32; 9] = [
    0x00_00_04, 0x1d_11_47, 0x51_12_7c, 0x83_26_81, 0xb7_37_79, 0xe7_52_63, 0xfc_89_61, 0xfe_c4_88,
    0xfc_fd_bf,
];
const INFERNO: [u32; 9] = [
    0x00_00_04, 0x21_0c_4a, 0x57_10_6e, 0x8a_22_6a, 0xbc_37_54, 0xe4_5a_31, 0xf9_8e_09, 0xf9_cb_35,
    0xfc_ff_a4,
];

impl Lut {
    /// The colour of a value from 0 to 1; NaN is black.
    pub(crate) fn colour(self, value: f64) -> [u8; 3] {
        let value = if value.is_nan() {
            0.0
        } else {
            value.clamp(0.0, 1.0)
        };
        let table = match self {
            Self::Gray => return [(value * 255.0).round() as u8; 3],
            Self::Invert => return [255 - (value * 255.0).round() as u8; 3],
            Self::Viridis => VIRIDIS,
            Self::Magma => MAGMA,
            Self::Inferno => INFERNO,
        };
        let place = value * 8.0;
        let i = (place as usize).min(7);
        let part = place - i as f64;
        [16, 8, 0].map(|shift| {
            let channel = |colour: u32| f64::from(colour >> shift & 255);
            let (a, b) = (channel(table[i]), channel(table[i + 1]));
            (a + (b - a) * part).round() as u8
        })
    }
}

/// Which values are the darkest and the lightest.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum RangeArg {
    /// All but a few outliers.
    Auto,
    /// From the smallest to the largest.
    Full,
    /// These values.
    Values(f64, f64),
    /// These percentiles.
    Percentiles(f64, f64),
}

impl FromStr for RangeArg {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || "expected auto, full, MIN,MAX or pLOW,pHIGH".to_owned();
        match text {
            "auto" => return Ok(Self::Auto),
            "full" => return Ok(Self::Full),
            _ => {}
        }
        let (low, high) = text.split_once(',').ok_or_else(wrong)?;
        let number = |text: &str| {
            let number = text.trim().parse::<f64>().ok();
            number.filter(|number| number.is_finite()).ok_or_else(wrong)
        };
        match (low.trim().strip_prefix('p'), high.trim().strip_prefix('p')) {
            (Some(low), Some(high)) => {
                let (low, high) = (number(low)?, number(high)?);
                if !(0.0..=100.0).contains(&low) || !(low..=100.0).contains(&high) {
                    return Err(wrong());
                }
                Ok(Self::Percentiles(low, high))
            }
            (None, None) => Ok(Self::Values(number(low)?, number(high)?)),
            _ => Err(wrong()),
        }
    }
}

impl RangeArg {
    /// The darkest and the lightest value.
    pub(crate) fn of(self, values: &[f64]) -> (f64, f64) {
        let (low, high) = match self {
            Self::Values(low, high) => return (low, high),
            Self::Auto => (1.0, 99.8),
            Self::Full => (0.0, 100.0),
            Self::Percentiles(low, high) => (low, high),
        };
        let mut finite: Vec<f64> = values.iter().copied().filter(|x| x.is_finite()).collect();
        if finite.is_empty() {
            return (0.0, 1.0);
        }
        let last = finite.len() - 1;
        let mut at = |percentile: f64| {
            let rank = (percentile / 100.0 * last as f64) as usize;
            *finite.select_nth_unstable_by(rank, f64::total_cmp).1
        };
        (at(low), at(high))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn maps_begin_and_end_with_their_own_colours() {
        assert_eq!(Lut::Gray.colour(0.5), [128; 3]);
        assert_eq!(Lut::Invert.colour(0.0), [255; 3]);
        assert_eq!(Lut::Viridis.colour(-1.0), [0x44, 0x01, 0x54]);
        assert_eq!(Lut::Viridis.colour(1.0), [0xfd, 0xe7, 0x25]);
        assert_eq!(Lut::Magma.colour(0.5), [0xb7, 0x37, 0x79]);
        assert_eq!(Lut::Inferno.colour(f64::NAN), [0, 0, 4]);
    }

    #[test]
    fn ranges_are_values_or_percentiles() {
        let values: Vec<f64> = (0..101).map(f64::from).chain([f64::NAN]).collect();
        let range = |text: &str| text.parse::<RangeArg>().map(|range| range.of(&values));
        assert_eq!(range("full"), Ok((0.0, 100.0)));
        assert_eq!(range("p10,p90"), Ok((10.0, 90.0)));
        assert_eq!(range("-5, 7.5"), Ok((-5.0, 7.5)));
        for wrong in ["", "1", "p1,5", "p5,p101", "p9,p1", "nan,1"] {
            assert!(range(wrong).is_err(), "{wrong}");
        }
    }
}
