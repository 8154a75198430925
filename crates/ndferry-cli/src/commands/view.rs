//! `ndferry view`: an image, or a line, in the terminal or as a PNG file.

use std::fmt::Write as _;
use std::io::Write;

use anyhow::bail;
use ndferry::{Index, Indexing, LazyArray, write_atomically};

use crate::args::ViewArgs;
use crate::raster::{Raster, doubles, is_colour};
use crate::report::{Outcome, Session};
use crate::shades::Protocol;
use crate::words::{plain, shape_text};
use crate::{graphics, output, picture, terminal};

/// More pixels than this are not held at once.
const MAX_PIXELS: usize = 1 << 28;

/// Pixels along an axis that a terminal needs at most; larger planes are read with steps.
const ENOUGH: usize = 2048;

pub(crate) fn run(args: &ViewArgs, session: &Session) -> anyhow::Result<Outcome> {
    let array = session.array(&args.source)?;
    if array.size() == 0 {
        bail!(
            "it has no element to show: shape {}",
            shape_text(array.shape())
        );
    }
    let is_colour = is_colour(&array);
    let (part, chosen) = plane(&array, is_colour, args.png.is_none())?;
    if let Some(chosen) = chosen {
        session.say(format_args!(
            "{}[{chosen}] of shape {}; -s chooses another",
            plain(array.path()),
            shape_text(array.shape())
        ));
    }
    if part.shape().len() == 1 {
        let Some(png) = &args.png else {
            let mut out = output::styled();
            out.write_all(line(&doubles(&part)?, width(args)).as_bytes())?;
            out.flush()?;
            return Ok(Outcome::Yes);
        };
        bail!(
            "{}: a line is no picture: choose a plane of two axes",
            png.display()
        );
    }
    let raster = Raster::new(&part, is_colour, args.lut, args.range)?;
    if let Some(path) = &args.png {
        write_atomically(path, args.force, &mut |to| {
            raster
                .write_png(to)
                .map_err(|error| std::io::Error::other(error).into())
        })?;
        return Ok(Outcome::Yes);
    }
    let mut out = output::stdout();
    let protocol = match args.protocol {
        Protocol::Auto => terminal::protocol(),
        wanted => wanted,
    };
    graphics::draw(&raster, protocol, width(args), &mut out)?;
    out.flush()?;
    Ok(Outcome::Yes)
}

/// The last two axes (three, with colours) at the first index of the others; steps over pixels that nobody would see.
fn plane(
    array: &LazyArray,
    is_colour: bool,
    may_skip: bool,
) -> anyhow::Result<(LazyArray, Option<String>)> {
    let shape = array.shape();
    let inner = if is_colour { 3 } else { 2 };
    let outer = shape.len().saturating_sub(inner);
    let mut items = vec![Index::At(0); outer];
    for (i, extent) in shape[outer..].iter().enumerate() {
        let step = if may_skip && i < 2 && shape.len() > 1 {
            extent.div_ceil(ENOUGH).max(1)
        } else {
            1
        };
        items.push(Index::Slice {
            start: None,
            stop: None,
            step: Some(step as isize),
        });
    }
    let selection = Indexing::new(items).resolve(shape)?;
    let pixels: usize = selection.shape().iter().product();
    if pixels > MAX_PIXELS {
        bail!("{pixels} pixels are too many for a picture: choose a part with -s");
    }
    if shape.is_empty() {
        bail!("a single number is no picture: ndferry show prints it");
    }
    let chosen = (outer > 0).then(|| vec!["0"; outer].join(", "));
    Ok((array.part(&selection)?, chosen))
}

fn width(args: &ViewArgs) -> usize {
    args.width.map_or_else(terminal::columns, usize::from)
}

/// A line plot of 12 lines: for each column the mean of its values, in eighths of a character.
fn line(values: &[f64], columns: usize) -> String {
    const LINES: usize = 12;
    const BARS: [char; 9] = [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let finite = || values.iter().copied().filter(|value| value.is_finite());
    let (low, high) = (
        finite().fold(f64::INFINITY, f64::min),
        finite().fold(f64::NEG_INFINITY, f64::max),
    );
    if low > high {
        return "no finite value\n".to_owned();
    }
    let labels = [super::stats::short(high), super::stats::short(low)];
    let margin = labels.iter().map(String::len).max().unwrap_or(0);
    let columns = columns.saturating_sub(margin + 1).clamp(1, values.len());
    let heights: Vec<usize> = (0..columns)
        .map(|column| {
            let part = &values[picture::span(column, columns, values.len())];
            let mean = part.iter().sum::<f64>() / part.len() as f64;
            let part = if high > low {
                (mean - low) / (high - low)
            } else {
                0.5
            };
            // The lowest value is still seen; NaN is not.
            if part.is_finite() {
                (part * (LINES * 8 - 1) as f64).round() as usize + 1
            } else {
                0
            }
        })
        .collect();
    let mut out = String::new();
    for line in (0..LINES).rev() {
        let label = match line {
            0 => &labels[1],
            _ if line == LINES - 1 => &labels[0],
            _ => "",
        };
        let _ = write!(out, "{label:>margin$} ");
        let bars: String = heights
            .iter()
            .map(|height| BARS[height.saturating_sub(line * 8).min(8)])
            .collect();
        out.push_str(bars.trim_end());
        out.push('\n');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rising_line_rises() {
        let text = line(&[0.0, 1.0, 2.0, f64::NAN], 20);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 12);
        assert_eq!(lines[0], "2   █");
        assert_eq!(lines[11], "0 ▁██");
    }
}
