//! `ndferry view`: what is drawn is what the array holds.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::io::Cursor;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use ndferry::{Array, Dtype, Item, LazyArray, Order, SaveOptions, save};
use tempfile::TempDir;

/// A folder with `a.npy` in it.
fn folder(dtype: &str, shape: &[usize], bytes: Vec<u8>) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let array = Array::contiguous(Dtype::parse(dtype).unwrap(), shape, Order::C, bytes).unwrap();
    let array = LazyArray::from(array);
    let item = Item {
        name: "",
        array: &array,
    };
    let path = folder.path().join("a.npy");
    save(path, &[item], &SaveOptions::default(), &()).unwrap();
    folder
}

fn floats(values: &[f64]) -> Vec<u8> {
    values
        .iter()
        .flat_map(|value| value.to_le_bytes())
        .collect()
}

fn run(folder: &Path, args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_ndferry"))
        .arg("view")
        .args(args)
        .current_dir(folder)
        .stdin(Stdio::null())
        .env_remove("COLORTERM")
        .output()
        .unwrap()
}

/// Standard output of a run that ends well.
#[track_caller]
fn view(folder: &Path, args: &[&str]) -> String {
    let output = run(folder, args);
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(0), "{args:?}: {stderr}");
    String::from_utf8(output.stdout).unwrap()
}

#[track_caller]
fn refused(folder: &Path, args: &[&str]) -> String {
    let output = run(folder, args);
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{args:?}: {stderr}");
    assert!(output.stdout.is_empty(), "{args:?}");
    stderr
}

/// Colour, depth, rows, columns and bytes.
fn decoded(png: &[u8]) -> (png::ColorType, png::BitDepth, u32, u32, Vec<u8>) {
    let mut reader = png::Decoder::new(Cursor::new(png)).read_info().unwrap();
    let mut bytes = vec![0; reader.output_buffer_size().unwrap()];
    let info = reader.next_frame(&mut bytes).unwrap();
    bytes.truncate(info.buffer_size());
    (
        info.color_type,
        info.bit_depth,
        info.height,
        info.width,
        bytes,
    )
}

/// What `view --png` writes.
fn png_of(folder: &Path, args: &[&str]) -> (png::ColorType, png::BitDepth, u32, u32, Vec<u8>) {
    view(
        folder,
        &[&["a.npy", "-qf", "--png", "a.png"], args].concat(),
    );
    decoded(&std::fs::read(folder.join("a.png")).unwrap())
}

#[test]
fn a_png_holds_bytes_and_words_as_they_are() {
    use png::{BitDepth, ColorType};
    let bytes: Vec<u8> = (0..24).map(|i| i * 10).collect();
    let byte = folder("|u1", &[4, 6], bytes.clone());
    let expected = (ColorType::Grayscale, BitDepth::Eight, 4, 6, bytes.clone());
    assert_eq!(png_of(byte.path(), &[]), expected);

    let word = folder("<u2", &[4, 3], bytes.clone());
    let swapped = bytes
        .chunks(2)
        .flat_map(|pair| [pair[1], pair[0]])
        .collect();
    let expected = (ColorType::Grayscale, BitDepth::Sixteen, 4, 3, swapped);
    assert_eq!(png_of(word.path(), &[]), expected);

    for (channels, colour) in [(3, ColorType::Rgb), (4, ColorType::Rgba)] {
        let colours = folder("|u1", &[2, 12 / channels, channels], bytes.clone());
        let columns = 12 / channels as u32;
        let expected = (colour, BitDepth::Eight, 2, columns, bytes.clone());
        assert_eq!(png_of(colours.path(), &[]), expected);
    }
}

#[test]
fn a_range_and_colours_are_applied() {
    let values = [-1.0, 0.0, 0.5, 1.0, 2.0, f64::NAN];
    let folder = folder("<f8", &[2, 3], floats(&values));
    let (colour, _, _, _, bytes) = png_of(folder.path(), &["--range", "0,1"]);
    assert_eq!(colour, png::ColorType::Grayscale);
    assert_eq!(bytes, [0, 0, 128, 255, 255, 0]);
    let (_, _, _, _, bytes) = png_of(folder.path(), &["--range", "0,1", "--lut", "invert"]);
    assert_eq!(bytes, [255, 255, 127, 0, 0, 255]);
    let (_, _, _, _, bytes) = png_of(folder.path(), &["--range", "full"]);
    assert_eq!(bytes, [0, 85, 128, 170, 255, 0]);
    let (colour, _, _, _, bytes) = png_of(folder.path(), &["--range", "0,1", "--lut", "viridis"]);
    assert_eq!(colour, png::ColorType::Rgb);
    assert_eq!(bytes[..3], [0x44, 0x01, 0x54]);
    assert_eq!(bytes[9..12], [0xfd, 0xe7, 0x25]);
}

#[test]
fn a_plane_is_chosen_and_told() {
    let folder = folder("|u1", &[3, 2, 2], (0..12).collect());
    assert_eq!(png_of(folder.path(), &["-s", "2"]).4, [8, 9, 10, 11]);
    assert_eq!(
        png_of(folder.path(), &["-s", ":, 1"]).4,
        [2, 3, 6, 7, 10, 11]
    );
    assert_eq!(png_of(folder.path(), &[]).4, [0, 1, 2, 3]);
    let said = run(folder.path(), &["a.npy"]).stderr;
    let said = String::from_utf8(said).unwrap();
    assert!(
        said.contains("[0] of shape (3, 2, 2); -s chooses another"),
        "{said}"
    );
}

#[test]
fn blocks_are_two_pixels_in_their_colours() {
    let folder = folder("|u1", &[2, 2], vec![0, 255, 255, 0]);
    let drawn = view(
        folder.path(),
        &["a.npy", "--protocol", "blocks", "--range", "full"],
    );
    assert_eq!(
        drawn,
        "\x1b[38;5;16;48;5;231m▀\x1b[38;5;231;48;5;16m▀\x1b[0m\n"
    );
    let coloured = [
        "a.npy",
        "--protocol",
        "blocks",
        "--range",
        "0,255",
        "--lut",
        "inferno",
    ];
    let drawn = view(folder.path(), &coloured);
    assert!(drawn.starts_with("\x1b[38;5;16;48;5;229m▀"), "{drawn:?}");
}

#[test]
fn colours_in_the_last_axis_are_drawn_as_such() {
    let red_over_blue = vec![255, 0, 0, 0, 0, 255];
    let folder = folder("|u1", &[2, 1, 3], red_over_blue);
    let drawn = view(folder.path(), &["a.npy", "--protocol", "blocks"]);
    assert_eq!(drawn, "\x1b[38;5;196;48;5;21m▀\x1b[0m\n");
}

#[test]
fn without_colours_dark_and_light_are_told_apart() {
    let ramp: Vec<f64> = (0..16 * 32).map(|i| f64::from(i % 32)).collect();
    let folder = folder("<f8", &[16, 32], floats(&ramp));
    // Nothing knows of a terminal here.
    let auto = view(folder.path(), &["a.npy"]);
    for (drawn, light) in [
        (auto, '█'),
        (view(folder.path(), &["a.npy", "--protocol", "shades"]), '█'),
        (view(folder.path(), &["a.npy", "--protocol", "ascii"]), '@'),
    ] {
        assert_eq!(drawn.lines().count(), 8, "{drawn}");
        for line in drawn.lines() {
            assert!(line.starts_with(' ') && line.ends_with(light), "{drawn}");
        }
        assert_eq!(drawn.is_ascii(), light == '@');
    }
    let narrow = view(
        folder.path(),
        &["a.npy", "--protocol", "ascii", "--width", "10"],
    );
    assert!(
        narrow.lines().all(|line| line.chars().count() == 10),
        "{narrow}"
    );
}

#[test]
fn sixels_give_back_the_picture() {
    let ramp: Vec<u8> = (0..30 * 40).map(|i| (i / 40 * 8) as u8).collect();
    let folder = folder("|u1", &[30, 40], ramp.clone());
    let drawn = view(
        folder.path(),
        &["a.npy", "--protocol", "sixel", "--range", "0,255"],
    );
    assert!(drawn.starts_with("\x1bP") && drawn.ends_with("\x1b\\\n"));
    let image = icy_sixel::SixelImage::decode(drawn.trim_end().as_bytes()).unwrap();
    assert_eq!((image.width, image.height), (40, 30));
    let mut sum = 0.0;
    for (pixel, value) in image.pixels.chunks_exact(4).zip(&ramp) {
        // A channel has 101 steps in sixels, and what they are off goes to the neighbours.
        let off = pixel[..3].iter().map(|byte| byte.abs_diff(*value)).max();
        assert!(off <= Some(12), "{pixel:?} instead of {value}");
        sum += f64::from(pixel[0]) - f64::from(*value);
    }
    assert!((sum / 1200.0).abs() < 1.0, "{sum}");
}

#[test]
fn kitty_and_iterm_get_a_png() {
    let folder = folder("|u1", &[2, 3], vec![0, 51, 102, 153, 204, 255]);
    let rgb: Vec<u8> = [0, 51, 102, 153, 204, 255]
        .iter()
        .flat_map(|v| [*v; 3])
        .collect();
    let range = ["a.npy", "--range", "0,255", "--protocol"];
    let kitty = view(folder.path(), &[&range[..], &["kitty"]].concat());
    let text = kitty.strip_prefix("\x1b_Gf=100,a=T,q=2,m=0;").unwrap();
    assert_eq!(
        decoded(&base64(text.strip_suffix("\x1b\\\n").unwrap())).4,
        rgb
    );
    let iterm = view(folder.path(), &[&range[..], &["iterm"]].concat());
    let (head, text) = iterm.split_once(':').unwrap();
    assert!(
        head.starts_with("\x1b]1337;File=inline=1;size="),
        "{head:?}"
    );
    assert_eq!(
        decoded(&base64(text.strip_suffix("\x07\n").unwrap())).4,
        rgb
    );
}

fn base64(text: &str) -> Vec<u8> {
    const DIGITS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let digit = |c: u8| DIGITS.iter().position(|digit| *digit == c);
    let mut bits = text
        .bytes()
        .filter_map(digit)
        .flat_map(|digit| (0..6).rev().map(move |bit| (digit >> bit & 1) as u8));
    let mut bytes = Vec::new();
    loop {
        let byte: Vec<u8> = bits.by_ref().take(8).collect();
        if byte.len() < 8 {
            return bytes;
        }
        bytes.push(byte.iter().fold(0, |byte, bit| byte << 1 | bit));
    }
}

#[test]
fn a_line_of_numbers_is_a_plot() {
    let values: Vec<f64> = (0..100).map(|i| f64::from(i) / 10.0).collect();
    let folder = folder("<f8", &[100], floats(&values));
    let drawn = view(folder.path(), &["a.npy", "--width", "40"]);
    let lines: Vec<&str> = drawn.lines().collect();
    assert_eq!(lines.len(), 12);
    assert!(
        lines[0].starts_with("9.9 ") && lines[11].trim_start().starts_with("0 "),
        "{drawn}"
    );
    assert!(
        lines[0].ends_with('▇') || lines[0].ends_with('█'),
        "{drawn}"
    );
}

#[test]
fn what_is_no_picture_is_refused_in_words() {
    for (dtype, shape, nbytes, args, what) in [
        ("<f8", &[][..], 8, &[][..], "a single number is no picture"),
        ("<f8", &[0, 3], 0, &[], "no element to show: shape (0, 3)"),
        ("|S4", &[2, 2], 16, &[], "dtype |S4 is no picture"),
        ("|u1", &[4], 4, &["--png", "x.png"], "a line is no picture"),
        (
            "|u1",
            &[2, 2],
            4,
            &["--range", "p9,p1"],
            "expected auto, full",
        ),
        ("|u1", &[2, 2], 4, &["-s", "5"], "index 5 is out of bounds"),
    ] {
        let folder = folder(dtype, shape, vec![0; nbytes]);
        let said = refused(folder.path(), &[&["a.npy"], args].concat());
        assert!(said.contains(what), "{said}");
        assert!(!folder.path().join("x.png").exists());
    }
}

#[test]
fn a_png_that_exists_is_kept_unless_forced() {
    let folder = folder("|u1", &[2, 2], vec![1, 2, 3, 4]);
    std::fs::write(folder.path().join("x.png"), "mine").unwrap();
    let said = refused(folder.path(), &["a.npy", "--png", "x.png"]);
    assert!(
        said.contains("x.png: it exists already\nhint: -f"),
        "{said}"
    );
    assert_eq!(std::fs::read(folder.path().join("x.png")).unwrap(), b"mine");
}
