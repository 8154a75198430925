//! A plane of an image in a terminal: two pixels a character.

use std::fmt::Write;

/// What a picture is drawn with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ink {
    /// Two pixels a character, each with its own shade of grey of the palette of 256 colours.
    Colours,
    /// One of five shades a character.
    Shades,
    /// One of ten ASCII characters.
    Ascii,
}

impl Ink {
    /// Grey steps without colours, dark to light.
    fn steps(self) -> &'static [char] {
        match self {
            Self::Ascii => &[' ', '.', ':', '-', '=', '+', '*', '#', '%', '@'],
            _ => &[' ', '░', '▒', '▓', '█'],
        }
    }
}

/// Draws grey values, row after row, at most `columns` wide. Without colours, what a character's
/// shade is off goes to its neighbours.
pub(crate) fn draw(values: &[f64], rows: usize, width: usize, columns: usize, ink: Ink) -> String {
    let columns = columns.min(width).max(1);
    // A character is about twice as high as wide, and holds two pixels.
    let lines = (rows * columns / width.max(1)).max(2).next_multiple_of(2);
    let (low, high) = range(values);
    let grey = |line: usize, column: usize| {
        let mean = mean(
            values,
            width,
            span(line, lines, rows),
            span(column, columns, width),
        );
        ((mean - low) / (high - low).max(f64::MIN_POSITIVE)).clamp(0.0, 1.0)
    };
    let mut out = String::new();
    if ink != Ink::Colours {
        let greys = (0..lines / 2).map(|line| {
            let row = (0..columns).map(|i| (grey(2 * line, i) + grey(2 * line + 1, i)) / 2.0);
            row.collect()
        });
        shaded(greys.collect(), ink.steps(), &mut out);
        return out;
    }
    for line in (0..lines).step_by(2) {
        for column in 0..columns {
            let (top, bottom) = (shade(grey(line, column)), shade(grey(line + 1, column)));
            // Writing to a String cannot fail.
            let _ = write!(out, "\x1b[38;5;{top};48;5;{bottom}m▀");
        }
        out.push_str("\x1b[0m\n");
    }
    out
}

/// Floyd's and Steinberg's error diffusion, over a few shades.
fn shaded(mut greys: Vec<Vec<f64>>, shades: &[char], out: &mut String) {
    let steps = (shades.len() - 1) as f64;
    for line in 0..greys.len() {
        let columns = greys[line].len();
        for column in 0..columns {
            let wanted = greys[line][column];
            let step = (wanted * steps).round().clamp(0.0, steps);
            let off = wanted - step / steps;
            out.push(shades[step as usize]);
            let mut pass = |line: usize, column: usize, part: f64| {
                if let Some(grey) = greys.get_mut(line).and_then(|row| row.get_mut(column)) {
                    *grey += off * part / 16.0;
                }
            };
            pass(line, column + 1, 7.0);
            pass(line + 1, column.wrapping_sub(1), 3.0);
            pass(line + 1, column, 5.0);
            pass(line + 1, column + 1, 1.0);
        }
        out.push('\n');
    }
}

/// One of the 24 greys, black or white of the palette of 256 colours.
fn shade(grey: f64) -> u8 {
    match (grey * 25.0).round() as u8 {
        0 => 16,
        25.. => 231,
        step => 231 + step,
    }
}

/// The values between which the shades lie: a few outliers do not darken all the rest.
fn range(values: &[f64]) -> (f64, f64) {
    let mut sorted: Vec<f64> = values
        .iter()
        .copied()
        .filter(|value| value.is_finite())
        .collect();
    sorted.sort_unstable_by(f64::total_cmp);
    let at = |part: f64| {
        sorted
            .get(((sorted.len().saturating_sub(1)) as f64 * part) as usize)
            .copied()
    };
    (at(0.01).unwrap_or(0.0), at(0.998).unwrap_or(1.0))
}

/// The pixels that part `i` of `parts` covers, of `extent`; at least one.
pub(crate) fn span(i: usize, parts: usize, extent: usize) -> std::ops::Range<usize> {
    let start = (i * extent / parts).min(extent.saturating_sub(1));
    start..((i + 1) * extent / parts).clamp(start + 1, extent.max(start + 1))
}

fn mean(
    values: &[f64],
    width: usize,
    rows: std::ops::Range<usize>,
    columns: std::ops::Range<usize>,
) -> f64 {
    let mut sum = 0.0;
    let count = rows.len() * columns.len();
    for row in rows {
        sum += values[row * width..][columns.clone()].iter().sum::<f64>();
    }
    sum / count as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ramp_goes_from_dark_to_light() {
        let values: Vec<f64> = (0..32 * 32).map(|i| f64::from(i % 32)).collect();
        let picture = draw(&values, 32, 32, 32, Ink::Shades);
        let lines: Vec<&str> = picture.lines().collect();
        assert_eq!(lines.len(), 16);
        for line in lines {
            assert_eq!(line.chars().count(), 32);
            assert!(line.starts_with(' ') && line.ends_with('█'), "{picture}");
        }
    }

    #[test]
    fn every_character_has_its_two_colours() {
        let picture = draw(&[0.0, 1.0, 1.0, 0.0], 2, 2, 80, Ink::Colours);
        assert_eq!(
            picture,
            "\x1b[38;5;16;48;5;231m▀\x1b[38;5;231;48;5;16m▀\x1b[0m\n"
        );
    }

    #[test]
    fn large_planes_are_made_smaller() {
        let values = vec![1.0; 100 * 300];
        let picture = draw(&values, 100, 300, 60, Ink::Ascii);
        assert_eq!(picture.lines().count(), 10);
    }
}
