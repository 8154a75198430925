//! Arrays of Python objects as NumPy prints them.

use std::io::Write;

use ndferry_array::{Array, Corners, Form, Indexing, Order, PrintOptions};
use ndferry_pickle::{
    ArrayReader, Elements, Id, Limits, PickledArray, Recognised, StoredOrder, Tree, Value,
};

use crate::error::pickle;
use crate::{ErrorKind, Objects, Result};

/// Bytes of the text of one element.
const ELEMENT_NBYTES: usize = 1 << 16;

impl Objects {
    /// Writes the text that `numpy.array2string` gives of the array, or of a part of it; false, and nothing written, if
    /// an element is neither made of builtins and what Python's library pickles nor a number or array of NumPy.
    ///
    /// # Errors
    /// An index outside of the array; damage in the pickle; whatever `to` says.
    pub fn write_text(
        &self,
        part: Option<&Indexing>,
        to: &mut dyn Write,
        options: &PrintOptions,
    ) -> Result<bool> {
        let mut reader = ArrayReader::new(&self.tree, &Limits::default());
        let read = reader.read(self.root).map_err(pickle)?;
        let Some(Recognised::Array(array)) = read else {
            return Ok(false);
        };
        let Elements::Objects(list) = array.elements else {
            return Ok(false);
        };
        let items = self.tree.sequence(list).unwrap_or_default();
        if !matches!(array.dtype.kind_code(), 'O' | 'T') {
            return Ok(false);
        }
        // Numbers of the elements stand for them until it is known which are printed.
        let numbers: Vec<u64> = (0..items.len() as u64).collect();
        let mut numbers = Array::from_elements(&array.shape, &numbers)?;
        if let Some(part) = part {
            numbers = numbers.index(part)?;
        }
        let corners = Corners::of(numbers.shape(), options)?;
        let mut words = Vec::new();
        for number in corners.gather(&numbers.view())?.to_elements::<u64>()? {
            let item = items.get(number as usize).ok_or(ErrorKind::Objects)?;
            match word(&self.tree, &mut reader, *item, options)? {
                Some(word) => words.push(word),
                None => return Ok(false),
            }
        }
        corners.print_words(&words, [" ", "", ""], options, |text| {
            Ok::<_, crate::Error>(to.write_all(text.as_bytes())?)
        })?;
        Ok(true)
    }
}

/// One element: `repr`, with `list(…)` around lists, so that nobody takes them for axes.
fn word(
    tree: &Tree,
    reader: &mut ArrayReader<'_>,
    id: Id,
    options: &PrintOptions,
) -> Result<Option<String>> {
    let text = match reader.read(id).map_err(pickle)? {
        Some(Recognised::Array(array)) => inner(tree, array, true, options)?,
        Some(Recognised::Scalar(array)) => inner(tree, array, false, options)?,
        Some(_) => None,
        None => tree.whole_repr(id, ELEMENT_NBYTES),
    };
    Ok(match tree.get(id) {
        Value::List(_) => text.map(|text| format!("list({text})")),
        _ => text,
    })
}

/// `repr` of an array, or of a number.
fn inner(
    tree: &Tree,
    array: PickledArray,
    is_array: bool,
    options: &PrintOptions,
) -> Result<Option<String>> {
    let order = match array.order {
        StoredOrder::C => Order::C,
        StoredOrder::F => Order::F,
        StoredOrder::Permuted(_) => return Ok(None),
    };
    let Elements::Bytes(payload) = &array.elements else {
        return Ok(None);
    };
    if array.is_array_array || array.dtype.has_object() {
        return Ok(None);
    }
    let bytes = payload.bytes(tree).map_err(pickle)?;
    let made = Array::contiguous(array.dtype.clone(), &array.shape, order, bytes)?;
    let view = made.view();
    let mut text = String::new();
    let form = if is_array { Form::Repr } else { Form::Str };
    view.print(form, options, |part| {
        text.push_str(part);
        Ok::<_, crate::Error>(())
    })?;
    if is_array {
        return Ok(Some(text));
    }
    let bits = array.dtype.itemsize() * 8;
    let name = match array.dtype.kind_code() {
        'b' => return Ok(Some(format!("np.{text}_"))),
        'i' => "int",
        'u' => "uint",
        'f' if bits <= 64 => "float",
        'c' if bits <= 128 => "complex",
        _ => return Ok(None),
    };
    let number = match text.strip_prefix('(') {
        Some(rest) => rest.trim_end_matches(')'),
        None => &text,
    };
    Ok(Some(format!("np.{name}{bits}({number})")))
}
