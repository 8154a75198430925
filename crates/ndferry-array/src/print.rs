//! Arrays as text, as NumPy 2 prints them (`numpy/_core/arrayprint.py`).

mod corners;
mod digits;
mod dtype;
mod float;
mod item;
mod leaf;
pub(crate) mod real;
mod scalar;
pub(crate) mod text;
mod time;

pub use corners::Corners;
pub use item::masked_words;
pub(crate) use leaf::real_format;
pub(crate) use scalar::text as scalar_text;
pub(crate) use time::civil;

use crate::{ArrayView, Error, Layout, Order};
use leaf::{Floats, Leaf};

/// How arrays are printed (`numpy.set_printoptions`); the default is NumPy's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PrintOptions {
    /// Digits behind the point of a float, at most or exactly: see [`FloatMode`].
    pub precision: usize,
    /// Arrays with more elements than this are printed by their corners.
    pub threshold: usize,
    /// Items at each end of an axis that is not printed whole (`edgeitems`). With 0 it is the last item, and unlike
    /// NumPy we give no room to those that are left out.
    pub edge: usize,
    /// Columns to which lines are filled (`linewidth`).
    pub line_width: usize,
    /// Small floats become 0 instead of an exponent.
    pub suppress: bool,
    /// What stands before numbers that are not negative.
    pub sign: Sign,
    /// What `precision` means.
    pub float_mode: FloatMode,
    /// What 16-byte floats are.
    pub long_double: LongDouble,
}

/// What stands before a number that is not negative (`sign`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sign {
    /// Nothing.
    #[default]
    Minus,
    /// A plus sign.
    Plus,
    /// A space.
    Space,
}

/// How many digits floats get (`floatmode`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FloatMode {
    /// Exactly `precision` digits behind the point.
    Fixed,
    /// As many as each number needs, whatever the precision.
    Unique,
    /// As many as each number needs, at most `precision`.
    #[default]
    MaxPrec,
    /// As many as the number that needs most, at most `precision`.
    MaxPrecEqual,
}

/// What the `long double` of the machine that wrote an array was, which its dtype does not say. Those of 12 bytes are
/// always x87.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LongDouble {
    /// IEEE quads if the bytes that pad an x87 number are in use, all numbers, as quads, are within the range of a double,
    /// and they are not valid x87 numbers within it as well, or sixteen and more valid ones of any size; otherwise x87.
    #[default]
    Guess,
    /// 80 bits and 6 bytes of padding, as on x86.
    X87,
    /// 128 bits, as on 64-bit ARM, RISC-V and IBM Z.
    Quad,
}

/// Which text of an array is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form<'a> {
    /// `str(a)`: elements with spaces between them; an array without axes as its element alone.
    Str,
    /// `repr(a)`: what makes the array again when Python reads it, unless it is shortened.
    Repr,
    /// `numpy.array2string(a, separator=…, prefix=…, suffix=…)`.
    Elements {
        /// What stands between elements.
        separator: &'a str,
        /// What will be put before the text: following lines are indented as far. It is not written.
        prefix: &'a str,
        /// What will be put after the text: lines end so much earlier. It is not written.
        suffix: &'a str,
    },
}

impl Default for PrintOptions {
    fn default() -> Self {
        Self {
            precision: 8,
            threshold: 1000,
            edge: 3,
            line_width: 75,
            suppress: false,
            sign: Sign::default(),
            float_mode: FloatMode::default(),
            long_double: LongDouble::default(),
        }
    }
}

impl ArrayView<'_> {
    /// The text that NumPy 2's `str(a)` gives.
    ///
    /// ```
    /// use ndferry_array::{Array, PrintOptions};
    ///
    /// let a = Array::from_elements(&[2, 2], &[1.0, 0.5, f64::NAN, -3.25])?;
    /// assert_eq!(a.view().str(&PrintOptions::default())?, "[[ 1.    0.5 ]\n [  nan -3.25]]");
    /// # Ok::<(), ndferry_array::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`Self::print`].
    pub fn str(&self, options: &PrintOptions) -> Result<String, Error> {
        Corners::of(self.shape(), options)?.text(self, Form::Str, options)
    }

    /// The text that NumPy 2's `repr(a)` gives, with shape and dtype where the elements do not tell them.
    ///
    /// ```
    /// use ndferry_array::{Array, PrintOptions};
    ///
    /// let a = Array::from_elements(&[3], &[1u8, 20, 3])?;
    /// assert_eq!(a.view().repr(&PrintOptions::default())?, "array([ 1, 20,  3], dtype=uint8)");
    /// # Ok::<(), ndferry_array::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`Self::print`].
    pub fn repr(&self, options: &PrintOptions) -> Result<String, Error> {
        Corners::of(self.shape(), options)?.text(self, Form::Repr, options)
    }

    /// Hands the text to `sink`, piece by piece. Only elements that are printed are looked at.
    ///
    /// # Errors
    /// Those of `sink`; [`Error::NotBytes`] for objects, [`Error::TooManyToPrint`].
    pub fn print<E: From<Error>>(
        &self,
        form: Form<'_>,
        options: &PrintOptions,
        sink: impl FnMut(&str) -> Result<(), E>,
    ) -> Result<(), E> {
        Corners::of(self.shape(), options)?.print_from(self, form, options, sink)
    }
}

impl Corners {
    /// `str` of the whole array, given the elements that are printed.
    ///
    /// # Errors
    /// As [`Self::print`].
    pub fn str(&self, kept: &ArrayView<'_>, options: &PrintOptions) -> Result<String, Error> {
        let mut out = String::new();
        self.print(kept, Form::Str, options, push_to(&mut out))?;
        Ok(out)
    }

    /// `repr` of the whole array, given the elements that are printed.
    ///
    /// # Errors
    /// As [`Self::print`].
    pub fn repr(&self, kept: &ArrayView<'_>, options: &PrintOptions) -> Result<String, Error> {
        let mut out = String::new();
        self.print(kept, Form::Repr, options, push_to(&mut out))?;
        Ok(out)
    }

    /// Hands the text of the whole array to `sink`, given the elements that are printed, an array of [`Self::shape`].
    /// The options must be those that the corners were made with.
    ///
    /// # Errors
    /// Those of `sink`; [`Error::ShapeMismatch`] if `kept` has another shape, [`Error::NotBytes`] for objects.
    pub fn print<E: From<Error>>(
        &self,
        kept: &ArrayView<'_>,
        form: Form<'_>,
        options: &PrintOptions,
        sink: impl FnMut(&str) -> Result<(), E>,
    ) -> Result<(), E> {
        if kept.shape() != self.shape() {
            let (left, right) = (kept.shape().to_vec(), self.shape().to_vec());
            return Err(Error::ShapeMismatch { left, right }.into());
        }
        let mut out = Out { sink, column: 0 };
        if kept.dtype().has_object() {
            return Err(Error::NotBytes {
                dtype: kept.dtype().str(),
            }
            .into());
        }
        match form {
            Form::Str if kept.ndim() == 0 => out.write(&scalar::text(kept, options)?),
            Form::Str => self.elements(kept, [" ", "", ""], options, &mut out),
            Form::Repr => self.repr_to(kept, options, &mut out),
            Form::Elements {
                separator,
                prefix,
                suffix,
            } => self.elements(kept, [separator, prefix, suffix], options, &mut out),
        }
    }

    /// Of a view of the whole array.
    fn print_from<E: From<Error>>(
        &self,
        whole: &ArrayView<'_>,
        form: Form<'_>,
        options: &PrintOptions,
        sink: impl FnMut(&str) -> Result<(), E>,
    ) -> Result<(), E> {
        if self.is_cut() {
            self.print(&self.gather(whole)?.view(), form, options, sink)
        } else {
            self.print(whole, form, options, sink)
        }
    }

    fn text(
        &self,
        whole: &ArrayView<'_>,
        form: Form<'_>,
        options: &PrintOptions,
    ) -> Result<String, Error> {
        let mut out = String::new();
        self.print_from(whole, form, options, push_to(&mut out))?;
        Ok(out)
    }

    fn repr_to<E: From<Error>, S: FnMut(&str) -> Result<(), E>>(
        &self,
        kept: &ArrayView<'_>,
        options: &PrintOptions,
        out: &mut Out<S>,
    ) -> Result<(), E> {
        const PREFIX: &str = "array(";
        out.write(PREFIX)?;
        self.elements(kept, [", ", PREFIX, ")"], options, out)?;
        let is_empty = self.full_shape().contains(&0);
        let mut extras = Vec::new();
        if self.is_cut() || is_empty && self.full_shape() != [0] {
            extras.push(format!("shape={}", text::tuple(self.full_shape())));
        }
        if is_empty || !dtype::is_implied(kept.dtype()) {
            extras.push(format!("dtype={}", dtype::short_repr(kept.dtype())));
        }
        if extras.is_empty() {
            return out.write(")");
        }
        out.write(",")?;
        let extras = extras.join(", ") + ")";
        if out.column + extras.chars().count() + 1 > options.line_width {
            out.write("\n")?;
            out.spaces(PREFIX.len())?;
        } else {
            out.write(" ")?;
        }
        out.write(&extras)
    }

    /// The elements in brackets, given separator, prefix and suffix.
    fn elements<E: From<Error>, S: FnMut(&str) -> Result<(), E>>(
        &self,
        kept: &ArrayView<'_>,
        [separator, prefix, suffix]: [&str; 3],
        options: &PrintOptions,
        out: &mut Out<S>,
    ) -> Result<(), E> {
        if kept.size() == 0 {
            return out.write("[]");
        }
        let leaf = Leaf::of(kept, options, Floats::Aligned)?;
        let (dtype, itemsize) = (kept.dtype(), kept.dtype().itemsize());
        let word = |offset: usize, out: &mut String| {
            let item = match itemsize {
                0 => &[][..],
                itemsize => &kept.bytes()[offset..][..itemsize],
            };
            leaf.write(dtype, item, options, out);
        };
        let rows = Rows {
            corners: self,
            layout: kept.layout(),
            word: &word,
            separator,
        };
        rows.write_all([prefix, suffix], options, out)
    }

    /// Hands the text of the whole array to `sink`, given the text of each element that is printed, in C order of
    /// [`Self::shape`]: what NumPy does with arrays of objects. Elements may have several lines.
    ///
    /// # Errors
    /// Those of `sink`; [`Error::ShapeMismatch`] if there are more or fewer.
    pub fn print_words<E: From<Error>>(
        &self,
        words: &[String],
        [separator, prefix, suffix]: [&str; 3],
        options: &PrintOptions,
        sink: impl FnMut(&str) -> Result<(), E>,
    ) -> Result<(), E> {
        let layout = Layout::contiguous(self.shape(), 1, Order::C)?;
        if layout.size() != words.len() {
            let (left, right) = (vec![words.len()], self.shape().to_vec());
            return Err(Error::ShapeMismatch { left, right }.into());
        }
        let mut out = Out { sink, column: 0 };
        if words.is_empty() {
            return out.write("[]");
        }
        let rows = Rows {
            corners: self,
            layout: &layout,
            word: &|at: usize, out: &mut String| out.push_str(&words[at]),
            separator,
        };
        rows.write_all([prefix, suffix], options, &mut out)
    }
}

/// Elements in brackets, axis by axis.
struct Rows<'a> {
    corners: &'a Corners,
    layout: &'a Layout,
    /// Appends the text of the element at an offset.
    word: &'a dyn Fn(usize, &mut String),
    separator: &'a str,
}

impl Rows<'_> {
    fn write_all<E: From<Error>, S: FnMut(&str) -> Result<(), E>>(
        &self,
        [prefix, suffix]: [&str; 2],
        options: &PrintOptions,
        out: &mut Out<S>,
    ) -> Result<(), E> {
        // As wide as is asked for, but lines cannot be wider than memory.
        let width = |text: &str| text.chars().count() as isize;
        let line_width = isize::try_from(options.line_width).unwrap_or(isize::MAX);
        let offset = self.layout.offset();
        let indent = width(prefix) as usize + 1;
        self.write(0, offset, indent, line_width - width(suffix), out)
    }

    /// What lies from byte `offset` along this axis and those after it, indented on all lines but the first.
    fn write<E, S: FnMut(&str) -> Result<(), E>>(
        &self,
        axis: usize,
        offset: usize,
        indent: usize,
        width: isize,
        out: &mut Out<S>,
    ) -> Result<(), E> {
        let Some(count) = self.layout.shape().get(axis) else {
            let mut word = String::new();
            (self.word)(offset, &mut word);
            return out.write(&word);
        };
        let axes_left = self.layout.shape().len() - axis;
        out.write("[")?;
        if axes_left == 1 {
            self.write_row(axis, offset, indent, width, out)?;
        } else {
            let end = self.separator.trim_end().to_owned() + &"\n".repeat(axes_left - 1);
            for i in 0..*count {
                if i > 0 {
                    out.write(&end)?;
                    out.spaces(indent)?;
                }
                if self.corners.leading(axis) == Some(i) {
                    out.write("...")?;
                    out.write(&end)?;
                    out.spaces(indent)?;
                }
                self.write(
                    axis + 1,
                    self.at(axis, offset, i),
                    indent + 1,
                    width - 1,
                    out,
                )?;
            }
        }
        out.write("]")
    }

    /// The last axis: as many words in a line as fit.
    fn write_row<E, S: FnMut(&str) -> Result<(), E>>(
        &self,
        axis: usize,
        offset: usize,
        indent: usize,
        width: isize,
        out: &mut Out<S>,
    ) -> Result<(), E> {
        let count = self.layout.shape()[axis];
        let last = self.separator.trim_end().chars().count().max("]".len());
        let separator_width = self.separator.chars().count();
        let mut line = Line {
            indent,
            width: width - last as isize,
            text: String::new(),
            column: indent,
        };
        let mut word = String::new();
        for i in 0..count {
            if self.corners.leading(axis) == Some(i) {
                line.push("...", out)?;
                line.text.push_str(self.separator);
                line.column += separator_width;
            }
            word.clear();
            (self.word)(self.at(axis, offset, i), &mut word);
            line.push(&word, out)?;
            if i + 1 < count {
                line.text.push_str(self.separator);
                line.column += separator_width;
            }
        }
        out.write(&line.text)
    }

    /// Where index `i` of this axis lies.
    fn at(&self, axis: usize, offset: usize, i: usize) -> usize {
        let step = (i as isize).wrapping_mul(self.layout.strides()[axis]);
        offset.wrapping_add_signed(step)
    }
}

/// A line that is being filled.
struct Line {
    indent: usize,
    width: isize,
    /// Without the indent on the first line, which is there already.
    text: String,
    /// Its length with the indent.
    column: usize,
}

impl Line {
    /// Appends a word, on a new line if it does not fit and that helps.
    fn push<E, S: FnMut(&str) -> Result<(), E>>(
        &mut self,
        word: &str,
        out: &mut Out<S>,
    ) -> Result<(), E> {
        let width = word.split('\n').map(|line| line.chars().count());
        let (width, mut indent) = (width.max().unwrap_or(0), self.column);
        if (self.column + width) as isize > self.width && self.column > self.indent {
            self.end(self.indent, out)?;
            indent = self.indent;
        }
        for (i, part) in word.split('\n').enumerate() {
            if i > 0 {
                self.end(indent, out)?;
            }
            self.text.push_str(part);
            self.column += part.chars().count();
        }
        if word.contains('\n') {
            // What follows stands right of the widest line.
            let room = indent + width - self.column;
            self.text.push_str(&" ".repeat(room));
            self.column += room;
        }
        Ok(())
    }

    /// Begins the next line.
    fn end<E, S: FnMut(&str) -> Result<(), E>>(
        &mut self,
        indent: usize,
        out: &mut Out<S>,
    ) -> Result<(), E> {
        out.write(self.text.trim_end())?;
        out.write("\n")?;
        // Not written yet: nothing may come after it.
        self.text = " ".repeat(indent);
        self.column = indent;
        Ok(())
    }
}

/// Where the text goes, and how long its last line is.
struct Out<S> {
    sink: S,
    column: usize,
}

impl<E, S: FnMut(&str) -> Result<(), E>> Out<S> {
    fn write(&mut self, text: &str) -> Result<(), E> {
        match text.rfind('\n') {
            Some(at) => self.column = text[at + 1..].chars().count(),
            None => self.column += text.chars().count(),
        }
        (self.sink)(text)
    }

    fn spaces(&mut self, count: usize) -> Result<(), E> {
        self.write(&" ".repeat(count))
    }
}

fn push_to(out: &mut String) -> impl FnMut(&str) -> Result<(), Error> {
    |text| {
        out.push_str(text);
        Ok(())
    }
}
