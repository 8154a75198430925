//! Pictures as terminals take them: kitty's and iTerm2's protocols, sixels, coloured half blocks.

use std::fmt::Write as _;
use std::io::Write;

use anyhow::Context;

use crate::picture::{self, Ink};
use crate::raster::{Raster, write_png};
use crate::shades::Protocol;
use crate::terminal;

/// Draws it, at most `columns` characters wide.
pub(crate) fn draw(
    raster: &Raster,
    protocol: Protocol,
    columns: usize,
    out: &mut dyn Write,
) -> anyhow::Result<()> {
    match protocol {
        Protocol::Kitty => kitty(&png(raster, columns)?, out)?,
        Protocol::Iterm => iterm(&png(raster, columns)?, out)?,
        Protocol::Sixel => sixel(raster, columns, out)?,
        Protocol::Shades => out.write_all(greys(raster, columns, Ink::Shades).as_bytes())?,
        Protocol::Ascii => out.write_all(greys(raster, columns, Ink::Ascii).as_bytes())?,
        Protocol::Blocks | Protocol::Auto => out.write_all(blocks(raster, columns).as_bytes())?,
    }
    Ok(())
}

/// Rows and columns in pixels of the screen: all there are, or as many as fit.
fn pixels(raster: &Raster, columns: usize) -> (usize, usize) {
    let width = (columns * terminal::cell().0).min(raster.columns).max(1);
    let height = (raster.rows * width).div_ceil(raster.columns);
    (height.clamp(1, raster.rows), width)
}

fn png(raster: &Raster, columns: usize) -> anyhow::Result<Vec<u8>> {
    let extents = pixels(raster, columns);
    let bytes = raster.rgb(extents.0, extents.1);
    let (colour, depth) = (png::ColorType::Rgb, png::BitDepth::Eight);
    let mut png = Vec::new();
    write_png(&mut png, extents, colour, depth, &bytes)?;
    Ok(png)
}

/// Pieces of at most 4096 bytes (sw.kovidgoyal.net/kitty/graphics-protocol).
fn kitty(png: &[u8], out: &mut dyn Write) -> std::io::Result<()> {
    let text = base64(png);
    let pieces: Vec<&[u8]> = text.as_bytes().chunks(4096).collect();
    for (i, piece) in pieces.iter().enumerate() {
        let more = u8::from(i + 1 < pieces.len());
        let first = if i == 0 { "f=100,a=T,q=2," } else { "" };
        write!(out, "\x1b_G{first}m={more};")?;
        out.write_all(piece)?;
        write!(out, "\x1b\\")?;
    }
    writeln!(out)
}

fn iterm(png: &[u8], out: &mut dyn Write) -> std::io::Result<()> {
    let (text, nbytes) = (base64(png), png.len());
    writeln!(out, "\x1b]1337;File=inline=1;size={nbytes}:{text}\x07")
}

fn sixel(raster: &Raster, columns: usize, out: &mut dyn Write) -> anyhow::Result<()> {
    let (rows, columns) = pixels(raster, columns);
    let rgb = raster.rgb(rows, columns);
    let opaque = rgb
        .chunks_exact(3)
        .flat_map(|rgb| [rgb[0], rgb[1], rgb[2], 255]);
    let opaque: Vec<u8> = opaque.collect();
    let options = icy_sixel::EncodeOptions::default();
    let text = icy_sixel::sixel_encode(&opaque, columns, rows, &options).context("sixels")?;
    writeln!(out, "{text}")?;
    Ok(())
}

fn greys(raster: &Raster, columns: usize, ink: Ink) -> String {
    let grey = |pixel: &[u8]| pixel.iter().map(|byte| f64::from(*byte)).sum::<f64>();
    let rgb = raster.rgb(raster.rows, raster.columns);
    let values: Vec<f64> = rgb.chunks_exact(3).map(grey).collect();
    picture::draw(&values, raster.rows, raster.columns, columns, ink)
}

/// Two pixels a character.
fn blocks(raster: &Raster, columns: usize) -> String {
    let columns = columns.min(raster.columns).max(1);
    let lines = (raster.rows * columns / raster.columns)
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
                let rows = picture::span(line, lines, raster.rows);
                raster.mean(rows, picture::span(column, columns, raster.columns))
            };
            let (top, bottom) = (code(pixel(line)), code(pixel(line + 1)));
            // Writing to a String cannot fail.
            let _ = write!(out, "\x1b[38;{top};48;{bottom}m▀");
        }
        out.push_str("\x1b[0m\n");
    }
    out
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
    fn the_palette_has_its_corners() {
        assert_eq!(palette([0; 3]), 16);
        assert_eq!(palette([255; 3]), 231);
        assert_eq!(palette([255, 0, 0]), 196);
        assert_eq!(palette([0, 0, 95]), 17);
    }
}
