//! A plane of an image in a terminal: two pixels a character.

use std::fmt::Write;

/// Ordered dithering: which of 16 grey steps a pixel must exceed, by its place.
const BAYER: [[u8; 4]; 4] = [[0, 8, 2, 10], [12, 4, 14, 6], [3, 11, 1, 9], [15, 7, 13, 5]];

/// Draws grey values, row after row, at most `columns` wide. With colours each half of a character has its own shade of
/// grey; without them the shades are dithered.
pub(crate) fn draw(
    values: &[f64],
    rows: usize,
    width: usize,
    columns: usize,
    coloured: bool,
) -> String {
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
    for line in (0..lines).step_by(2) {
        for column in 0..columns {
            let (top, bottom) = (grey(line, column), grey(line + 1, column));
            if coloured {
                let (top, bottom) = (shade(top), shade(bottom));
                // Writing to a String cannot fail.
                let _ = write!(out, "\x1b[38;5;{top};48;5;{bottom}m▀");
            } else {
                out.push(
                    match (
                        dithered(top, line, column),
                        dithered(bottom, line + 1, column),
                    ) {
                        (false, false) => ' ',
                        (true, false) => '▀',
                        (false, true) => '▄',
                        (true, true) => '█',
                    },
                );
            }
        }
        out.push_str(if coloured { "\x1b[0m\n" } else { "\n" });
    }
    out
}

/// One of the 24 greys, black or white of the palette of 256 colours.
fn shade(grey: f64) -> u8 {
    match (grey * 25.0).round() as u8 {
        0 => 16,
        25.. => 231,
        step => 231 + step,
    }
}

fn dithered(grey: f64, line: usize, column: usize) -> bool {
    grey * 16.0 > f64::from(BAYER[line % 4][column % 4]) + 0.5
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
fn span(i: usize, parts: usize, extent: usize) -> std::ops::Range<usize> {
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
        let picture = draw(&values, 32, 32, 32, false);
        let lines: Vec<&str> = picture.lines().collect();
        assert_eq!(lines.len(), 16);
        assert!(lines.iter().all(|line| line.chars().count() == 32));
        assert!(
            lines[0].starts_with("  ") && lines[0].ends_with("██"),
            "{picture}"
        );
    }

    #[test]
    fn every_character_has_its_two_colours() {
        let picture = draw(&[0.0, 1.0, 1.0, 0.0], 2, 2, 80, true);
        assert_eq!(
            picture,
            "\x1b[38;5;16;48;5;231m▀\x1b[38;5;231;48;5;16m▀\x1b[0m\n"
        );
    }

    #[test]
    fn large_planes_are_made_smaller() {
        let values = vec![1.0; 100 * 300];
        let picture = draw(&values, 100, 300, 60, false);
        assert_eq!(picture.lines().count(), 10);
    }
}
