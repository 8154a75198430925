//! `ndferry view`: an image, or a line, in the terminal or as a PNG file.

use std::fmt::Write as _;
use std::io::{IsTerminal, Write};

use anyhow::bail;
use ndferry::{Array, Casting, Dtype, Index, Indexing, LazyArray, Order, write_atomically};

use crate::args::ViewArgs;
use crate::output;
use crate::picture;
use crate::report::{Outcome, Session};
use crate::shades::{Lut, Protocol};
use crate::words::{plain, shape_text};

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
            let mut out = output::stdout();
            out.write_all(line(&doubles(&part)?, width(args)).as_bytes())?;
            out.flush()?;
            return Ok(Outcome::Yes);
        };
        bail!(
            "{}: a line is no picture: choose a plane of two axes",
            png.display()
        );
    }
    let image = Image::new(&part, is_colour, args)?;
    if let Some(path) = &args.png {
        write_atomically(path, args.force, &mut |to| {
            image
                .write_png(to)
                .map_err(|error| std::io::Error::other(error).into())
        })?;
        return Ok(Outcome::Yes);
    }
    let mut out = output::stdout();
    image.draw(args, &mut out)?;
    out.flush()?;
    Ok(Outcome::Yes)
}

/// Three or four channels of bytes in the last axis.
fn is_colour(array: &LazyArray) -> bool {
    let shape = array.shape();
    *array.dtype() == Dtype::U8 && shape.len() >= 3 && matches!(shape[shape.len() - 1], 3 | 4)
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

/// Every element; the absolute value of complex ones.
fn doubles(array: &LazyArray) -> anyhow::Result<Vec<f64>> {
    if array.dtype().kind_code() == 'c' {
        let complex = array.cast(&Dtype::parse("c16")?, Casting::Unsafe)?.load()?;
        let values = complex.to_elements::<[f64; 2]>()?;
        return Ok(values.into_iter().map(|[re, im]| re.hypot(im)).collect());
    }
    if !"biufmM".contains(array.dtype().kind_code()) {
        bail!("dtype {} is no picture", array.dtype());
    }
    let array = array.cast(&Dtype::parse("f8")?, Casting::Unsafe)?.load()?;
    Ok(array.to_elements()?)
}

/// A picture, ready to be shown.
struct Image {
    rows: usize,
    columns: usize,
    pixels: Pixels,
    lut: Lut,
    low: f64,
    high: f64,
    /// The elements themselves, where a PNG can hold them as they are.
    exact: Option<Array>,
}

enum Pixels {
    Values(Vec<f64>),
    /// With so many channels.
    Colours(Vec<u8>, usize),
}

impl Image {
    fn new(part: &LazyArray, is_colour: bool, args: &ViewArgs) -> anyhow::Result<Self> {
        let (rows, columns) = (part.shape()[0], part.shape()[1]);
        let mut image = Self {
            rows,
            columns,
            pixels: Pixels::Values(Vec::new()),
            lut: args.lut,
            low: 0.0,
            high: 1.0,
            exact: None,
        };
        if is_colour {
            let bytes = part.load()?.view().to_bytes(Order::C)?;
            image.pixels = Pixels::Colours(bytes, part.shape()[2]);
            return Ok(image);
        }
        let values = doubles(part)?;
        (image.low, image.high) = args.range.of(&values);
        let fits = matches!(part.dtype().str().get(1..), Some("u1" | "u2"));
        if fits && args.lut == Lut::Gray && args.range == crate::shades::RangeArg::Auto {
            image.exact = Some(part.load()?.into_order(Order::C)?);
        }
        image.pixels = Pixels::Values(values);
        Ok(image)
    }

    /// A value from 0 to 1.
    fn scaled(&self, value: f64) -> f64 {
        let width = self.high - self.low;
        if width == 0.0 {
            0.5
        } else {
            (value - self.low) / width
        }
    }

    /// The mean colour of pixels `rows` and `columns`.
    fn mean(&self, rows: std::ops::Range<usize>, columns: std::ops::Range<usize>) -> [u8; 3] {
        let count = (rows.len() * columns.len()) as f64;
        match &self.pixels {
            Pixels::Values(values) => {
                let sum: f64 = rows
                    .map(|row| {
                        values[row * self.columns..][columns.clone()]
                            .iter()
                            .sum::<f64>()
                    })
                    .sum();
                self.lut.colour(self.scaled(sum / count))
            }
            Pixels::Colours(bytes, channels) => [0, 1, 2].map(|channel| {
                let mut sum = 0.0;
                for row in rows.clone() {
                    for column in columns.clone() {
                        sum += f64::from(bytes[(row * self.columns + column) * channels + channel]);
                    }
                }
                (sum / count).round() as u8
            }),
        }
    }

    fn write_png(&self, to: &mut dyn Write) -> Result<(), png::EncodingError> {
        let extent = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        let mut encoder = png::Encoder::new(to, extent(self.columns), extent(self.rows));
        let (colour, depth, bytes) = match (&self.pixels, &self.exact) {
            (Pixels::Colours(bytes, channels), _) => {
                let colour = if *channels == 4 {
                    png::ColorType::Rgba
                } else {
                    png::ColorType::Rgb
                };
                (colour, png::BitDepth::Eight, bytes.clone())
            }
            (_, Some(exact)) => {
                let depth = match exact.dtype().itemsize() {
                    1 => png::BitDepth::Eight,
                    _ => png::BitDepth::Sixteen,
                };
                let big = exact.view().to_byteorder(ndferry::ByteOrder::Big);
                let bytes = big.and_then(|big| big.view().to_bytes(Order::C));
                let bytes = bytes.map_err(std::io::Error::other)?;
                (png::ColorType::Grayscale, depth, bytes)
            }
            (Pixels::Values(values), None) => {
                let colours = values
                    .iter()
                    .map(|value| self.lut.colour(self.scaled(*value)));
                match self.lut {
                    Lut::Gray | Lut::Invert => (
                        png::ColorType::Grayscale,
                        png::BitDepth::Eight,
                        colours.map(|[grey, ..]| grey).collect(),
                    ),
                    _ => (
                        png::ColorType::Rgb,
                        png::BitDepth::Eight,
                        colours.flatten().collect(),
                    ),
                }
            }
        };
        encoder.set_color(colour);
        encoder.set_depth(depth);
        let mut writer = encoder.write_header()?;
        writer.write_image_data(&bytes)?;
        writer.finish()
    }

    fn draw(&self, args: &ViewArgs, out: &mut impl Write) -> anyhow::Result<()> {
        let columns = width(args);
        match protocol(args.protocol) {
            Protocol::Kitty => {
                let text = base64(&self.small_png()?);
                let pieces: Vec<&[u8]> = text.as_bytes().chunks(4096).collect();
                for (i, piece) in pieces.iter().enumerate() {
                    let more = u8::from(i + 1 < pieces.len());
                    let first = if i == 0 { "f=100,a=T,q=2," } else { "" };
                    write!(out, "\x1b_G{first}m={more};")?;
                    out.write_all(piece)?;
                    write!(out, "\x1b\\")?;
                }
                writeln!(out)?;
            }
            Protocol::Iterm => {
                let png = self.small_png()?;
                let (text, nbytes) = (base64(&png), png.len());
                writeln!(out, "\x1b]1337;File=inline=1;size={nbytes}:{text}\x07")?;
            }
            Protocol::Ascii => {
                let grey = |pixel: [u8; 3]| pixel.iter().map(|byte| f64::from(*byte)).sum::<f64>();
                let mut values = Vec::with_capacity(self.rows * self.columns);
                for row in 0..self.rows {
                    let one = |column| grey(self.mean(row..row + 1, column..column + 1));
                    values.extend((0..self.columns).map(one));
                }
                let text = picture::draw(&values, self.rows, self.columns, columns, false);
                out.write_all(text.as_bytes())?;
            }
            _ => out.write_all(self.blocks(columns).as_bytes())?,
        }
        Ok(())
    }

    /// As many pixels as there are: the terminal makes it smaller.
    fn small_png(&self) -> anyhow::Result<Vec<u8>> {
        let mut png = Vec::new();
        self.write_png(&mut png)?;
        Ok(png)
    }

    /// Two pixels a character.
    fn blocks(&self, columns: usize) -> String {
        let columns = columns.min(self.columns).max(1);
        let lines = (self.rows * columns / self.columns)
            .max(2)
            .next_multiple_of(2);
        let is_true =
            std::env::var("COLORTERM").is_ok_and(|term| term == "truecolor" || term == "24bit");
        let code = |[r, g, b]: [u8; 3]| {
            if is_true {
                format!("2;{r};{g};{b}")
            } else {
                format!("5;{}", palette([r, g, b]))
            }
        };
        let mut out = String::new();
        for line in (0..lines).step_by(2) {
            for column in 0..columns {
                let pixel = |line| {
                    let rows = picture::span(line, lines, self.rows);
                    self.mean(rows, picture::span(column, columns, self.columns))
                };
                let (top, bottom) = (code(pixel(line)), code(pixel(line + 1)));
                // Writing to a String cannot fail.
                let _ = write!(out, "\x1b[38;{top};48;{bottom}m▀");
            }
            out.push_str("\x1b[0m\n");
        }
        out
    }
}

/// The nearest of the palette of 256 colours: its cube, or its greys.
fn palette([r, g, b]: [u8; 3]) -> u8 {
    if r == g && g == b {
        return match (f64::from(r) / 255.0 * 25.0).round() as u8 {
            0 => 16,
            25.. => 231,
            step => 231 + step,
        };
    }
    let step = |byte: u8| match byte {
        0..48 => 0,
        48..115 => 1,
        byte => (byte - 35) / 40,
    };
    16 + 36 * step(r) + 6 * step(g) + step(b)
}

fn protocol(wanted: Protocol) -> Protocol {
    if wanted != Protocol::Auto {
        return wanted;
    }
    let is = |name: &str, values: &[&str]| {
        std::env::var(name).is_ok_and(|value| values.iter().any(|known| value.contains(known)))
    };
    let is_plain = anstream::AutoStream::choice(&std::io::stdout()) == anstream::ColorChoice::Never;
    // Inside a multiplexer the outer terminal's protocols do not get through.
    let is_inside = std::env::var_os("TMUX").is_some() || is("TERM", &["screen", "tmux"]);
    if is_plain {
        Protocol::Ascii
    } else if is_inside || !std::io::stdout().is_terminal() {
        Protocol::Blocks
    } else if is("TERM", &["kitty", "ghostty"]) || std::env::var_os("KITTY_WINDOW_ID").is_some() {
        Protocol::Kitty
    } else if is("TERM_PROGRAM", &["iTerm", "WezTerm"]) {
        Protocol::Iterm
    } else {
        Protocol::Blocks
    }
}

fn width(args: &ViewArgs) -> usize {
    let terminal = || terminal_size::terminal_size().map(|(width, _)| width.0);
    usize::from(args.width.or_else(terminal).unwrap_or(80).max(2))
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

fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for three in bytes.chunks(3) {
        let byte = |i: usize| u32::from(three.get(i).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for i in 0..4 {
            let digit = DIGITS[(bits >> (18 - 6 * i) & 63) as usize];
            out.push(if i <= three.len() { digit as char } else { '=' });
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_that_of_rfc_4648() {
        for (bytes, text) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foobar", "Zm9vYmFy"),
        ] {
            assert_eq!(base64(bytes.as_bytes()), text);
        }
    }

    #[test]
    fn a_rising_line_rises() {
        let text = line(&[0.0, 1.0, 2.0, f64::NAN], 20);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 12);
        assert_eq!(lines[0], "2   █");
        assert_eq!(lines[11], "0 ▁██");
    }

    #[test]
    fn the_palette_has_its_corners() {
        assert_eq!(palette([0; 3]), 16);
        assert_eq!(palette([255; 3]), 231);
        assert_eq!(palette([255, 0, 0]), 196);
        assert_eq!(palette([0, 0, 95]), 17);
    }
}
