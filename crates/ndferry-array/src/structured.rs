//! Structured dtypes and subarrays.

use std::collections::HashSet;

use crate::error::FieldProblem;
use crate::layout::MAX_NDIM;
use crate::{ByteOrder, Dtype, Error};

/// The fields of a structured dtype, in the order of their names, at offsets in any order.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Struct {
    fields: Box<[Field]>,
    pub(crate) itemsize: usize,
    aligned: bool,
    depth: usize,
}

/// One field of a structured dtype.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Field {
    /// Its name (`numpy.dtype.names`).
    pub name: String,
    /// Its title, a second name.
    pub title: Option<String>,
    /// What it holds.
    pub dtype: Dtype,
    /// Bytes from the start of the item.
    pub offset: usize,
}

impl Field {
    /// A field without a title.
    pub fn new(name: impl Into<String>, dtype: Dtype, offset: usize) -> Self {
        Self {
            name: name.into(),
            title: None,
            dtype,
            offset,
        }
    }
}

impl Struct {
    /// Fields inside an item of `itemsize` bytes. Gaps and overlaps are allowed, as in NumPy.
    ///
    /// `aligned` is NumPy's `isalignedstruct`; it changes no offset here.
    ///
    /// # Errors
    /// [`Error::Field`] if a field leaves the item, has another's name or title, or overlaps a field of Python
    /// objects; [`Error::DtypeDepth`]; [`Error::TooBig`].
    pub fn new(fields: Vec<Field>, itemsize: usize, aligned: bool) -> Result<Self, Error> {
        if i32::try_from(itemsize).is_err() {
            return Err(Error::TooBig {
                shape: vec![1],
                itemsize,
            });
        }
        let mut names = HashSet::with_capacity(fields.len());
        for field in &fields {
            let problem = |problem| Error::Field {
                field: field.name.clone(),
                problem,
            };
            let end = field
                .offset
                .checked_add(field.dtype.itemsize())
                .filter(|end| *end <= itemsize);
            if end.is_none() {
                let end = field.offset.saturating_add(field.dtype.itemsize());
                return Err(problem(FieldProblem::OutsideItem {
                    offset: field.offset,
                    end,
                    itemsize,
                }));
            }
            if !names.insert(field.name.as_str()) {
                return Err(problem(FieldProblem::Duplicate));
            }
            if let Some(title) = &field.title
                && title != &field.name
                && !names.insert(title.as_str())
            {
                return Err(problem(FieldProblem::Duplicate));
            }
        }
        let depth = 1 + fields
            .iter()
            .map(|field| field.dtype.depth())
            .max()
            .unwrap_or(0);
        if depth > Dtype::MAX_DEPTH {
            return Err(Error::DtypeDepth {
                limit: Dtype::MAX_DEPTH,
            });
        }
        let new = Self {
            fields: fields.into(),
            itemsize,
            aligned,
            depth,
        };
        new.check_objects()?;
        Ok(new)
    }

    /// Fields one after another without gaps (`numpy.dtype([(name, dtype), …])`).
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn packed(fields: impl IntoIterator<Item = (String, Dtype)>) -> Result<Self, Error> {
        let mut offset = 0usize;
        let mut packed = Vec::new();
        for (name, dtype) in fields {
            let size = dtype.itemsize();
            packed.push(Field::new(name, dtype, offset));
            offset = offset.checked_add(size).ok_or(Error::TooBig {
                shape: vec![1],
                itemsize: usize::MAX,
            })?;
        }
        Self::new(packed, offset, false)
    }

    /// The fields, in the order of their names.
    pub fn fields(&self) -> &[Field] {
        &self.fields
    }

    /// The field with this name or title.
    pub fn field(&self, name: &str) -> Option<&Field> {
        let titled = |field: &&Field| field.title.as_deref() == Some(name);
        self.fields
            .iter()
            .find(|field| field.name == name)
            .or_else(|| self.fields.iter().find(titled))
    }

    /// Bytes per item, padding included.
    pub fn itemsize(&self) -> usize {
        self.itemsize
    }

    /// NumPy's `isalignedstruct`.
    pub fn is_aligned(&self) -> bool {
        self.aligned
    }

    pub(crate) fn depth(&self) -> usize {
        self.depth
    }

    pub(crate) fn has_object(&self) -> bool {
        self.fields.iter().any(|field| field.dtype.has_object())
    }

    pub(crate) fn with_byteorder(&self, byteorder: ByteOrder) -> Self {
        let swapped = self.fields.iter().map(|field| Field {
            dtype: field.dtype.with_byteorder(byteorder),
            ..field.clone()
        });
        Self {
            fields: swapped.collect(),
            ..self.clone()
        }
    }

    /// Nothing may lie over the pointers of a field of objects: NumPy refuses that too.
    fn check_objects(&self) -> Result<(), Error> {
        if !self.has_object() {
            return Ok(());
        }
        let mut by_offset: Vec<&Field> = self
            .fields
            .iter()
            .filter(|field| field.dtype.itemsize() > 0)
            .collect();
        by_offset.sort_by_key(|field| field.offset);
        let mut object_end = 0;
        let mut any_end = 0;
        for field in by_offset {
            let has_object = field.dtype.has_object();
            if field.offset < object_end || (has_object && field.offset < any_end) {
                return Err(Error::Field {
                    field: field.name.clone(),
                    problem: FieldProblem::OverlapsObject,
                });
            }
            let end = field.offset + field.dtype.itemsize();
            any_end = any_end.max(end);
            if has_object {
                object_end = object_end.max(end);
            }
        }
        Ok(())
    }
}

/// A fixed-shape array inside each item (`numpy.dtype.subdtype`), in C order.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Subarray {
    base: Dtype,
    shape: Box<[usize]>,
    depth: usize,
}

impl Subarray {
    pub(crate) fn new(base: Dtype, shape: &[usize]) -> Result<Self, Error> {
        // NumPy flattens: an (2,) array of (3,) arrays is one of (2, 3).
        let (base, shape) = match &base.kind {
            crate::Kind::Subarray(inner) => (inner.base.clone(), [shape, &inner.shape].concat()),
            _ => (base, shape.to_vec()),
        };
        if shape.len() > MAX_NDIM {
            return Err(Error::TooManyAxes { ndim: shape.len() });
        }
        let depth = 1 + base.depth();
        if depth > Dtype::MAX_DEPTH {
            return Err(Error::DtypeDepth {
                limit: Dtype::MAX_DEPTH,
            });
        }
        let new = Self {
            base,
            shape: shape.into(),
            depth,
        };
        new.nbytes().ok_or_else(|| new.too_big())?;
        Ok(new)
    }

    /// What it is an array of; never a subarray itself.
    pub fn base(&self) -> &Dtype {
        &self.base
    }

    /// Its shape; never empty.
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    pub(crate) fn depth(&self) -> usize {
        self.depth
    }

    pub(crate) fn nbytes(&self) -> Option<usize> {
        let size = self
            .shape
            .iter()
            .try_fold(self.base.itemsize(), |n, extent| n.checked_mul(*extent))?;
        i32::try_from(size).ok().map(|_| size)
    }

    pub(crate) fn too_big(&self) -> Error {
        Error::TooBig {
            shape: self.shape.to_vec(),
            itemsize: self.base.itemsize(),
        }
    }

    pub(crate) fn with_byteorder(&self, byteorder: ByteOrder) -> Self {
        Self {
            base: self.base.with_byteorder(byteorder),
            ..self.clone()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dtype(text: &str) -> Dtype {
        Dtype::parse(text).unwrap()
    }

    #[test]
    fn fields_may_overlap_and_come_in_any_order() {
        let fields = vec![
            Field::new("b", dtype("<f4"), 4),
            Field::new("a", dtype("<f8"), 0),
        ];
        assert!(Struct::new(fields, 8, false).is_ok());
    }

    #[test]
    fn a_field_outside_the_item_is_named() {
        let error = Struct::new(vec![Field::new("far", dtype("<f8"), 4)], 8, false).unwrap_err();
        assert_eq!(
            error.to_string(),
            "field \"far\": bytes 4..12 lie outside an item of 8 bytes"
        );
    }

    #[test]
    fn nothing_overlaps_an_object() {
        let fields = vec![
            Field::new("o", Dtype::OBJECT, 0),
            Field::new("i", dtype("<i4"), 4),
        ];
        assert!(Struct::new(fields, 8, false).is_err());
    }

    #[test]
    fn subarrays_of_subarrays_become_one() {
        let inner = Dtype::subarray(dtype("<i2"), &[3]).unwrap();
        let outer = Dtype::subarray(inner, &[2]).unwrap();
        let crate::Kind::Subarray(sub) = outer.kind() else {
            panic!()
        };
        assert_eq!(sub.shape(), [2, 3]);
        assert_eq!(outer.itemsize(), 12);
    }

    #[test]
    fn nesting_is_limited() {
        let mut deep = dtype("u1");
        for _ in 0..Dtype::MAX_DEPTH {
            deep = Dtype::structured(Struct::packed([("a".to_owned(), deep)]).unwrap());
        }
        assert!(matches!(
            Struct::packed([("a".to_owned(), deep)]),
            Err(Error::DtypeDepth { .. })
        ));
    }
}
