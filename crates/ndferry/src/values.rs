//! [`Values`]: all that a pickle describes, as data, for faces that show more of it than its arrays.

use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use ndferry_pickle::{Id, Tree};

use crate::input::Input;
use crate::pickle_file::Pickled;
use crate::pickle_scan::global_uses;
use crate::{
    Error, Format, GlobalUse, OpenOptions, Policy, Result, Safety, Source, sniff, source_name,
};

/// The values of a file of pickles. Nothing in it was imported or called; [`Tree`] says what each value is.
#[derive(Debug)]
pub struct Values {
    name: Arc<str>,
    tree: Arc<Tree>,
    roots: Vec<Id>,
    globals: Vec<GlobalUse>,
}

/// What a file is: arrays that are read on demand, or values.
#[derive(Debug)]
pub enum Opened {
    /// NPY, NPZ, NPB, tensors of PyTorch.
    Arrays(Box<Source>),
    /// A pickle, compressed or not, or joblib's.
    Values(Values),
}

impl Opened {
    /// Opens a file, or one on a web server as [`Source::open`] does.
    ///
    /// # Errors
    /// As [`Source::open`].
    pub fn open(path: impl AsRef<Path>, options: &OpenOptions) -> Result<Self> {
        let path = path.as_ref();
        let name = source_name(path);
        #[cfg(feature = "zarr")]
        if crate::zarr::is_store(path) {
            let source = Source::of_store(path, &name, options)?;
            return Ok(Self::Arrays(Box::new(source)));
        }
        let input = Input::of_source(path, options).map_err(|error| error.in_source(&name))?;
        Self::of_input(&name, input, options)
    }

    /// Opens bytes in memory.
    ///
    /// # Errors
    /// As [`Source::from_bytes`].
    pub fn from_bytes(name: &str, bytes: Bytes, options: &OpenOptions) -> Result<Self> {
        Self::of_input(name, Input::of_bytes(bytes), options)
    }

    fn of_input(name: &str, input: Input, options: &OpenOptions) -> Result<Self> {
        let place = |error: Error| error.in_source(name);
        let values = |input: &Input| {
            let pickled = Pickled::parse(input, 0, options.limits.members, options)?;
            Ok(Self::Values(pickled.into_values(name)))
        };
        let arrays = |input| {
            let source = Source::of_input(name, input, options)?;
            Ok(Self::Arrays(Box::new(source)))
        };
        let head = input.head(Format::SNIFF_NBYTES).map_err(place)?;
        match sniff(&head) {
            // Tensors, whose elements stand behind the pickles.
            Some(Format::Pickle) if crate::torch_file::is_legacy(&head) => arrays(input),
            Some(Format::Pickle | Format::Joblib) => values(&input).map_err(place),
            None => match crate::compressed::unpack(&input, options).map_err(place)? {
                Some(unpacked) => values(&Input::of_bytes(unpacked.into())).map_err(place),
                None => arrays(input),
            },
            Some(_) => arrays(input),
        }
    }
}

impl Values {
    pub(crate) fn new(name: &str, tree: Arc<Tree>, roots: Vec<Id>) -> Self {
        let globals = global_uses(&tree);
        Self {
            name: Arc::from(name),
            tree,
            roots,
            globals,
        }
    }

    /// The path as it was given.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// All values.
    pub fn tree(&self) -> &Arc<Tree> {
        &self.tree
    }

    /// The value of each pickle in the file, one after another.
    pub fn roots(&self) -> &[Id] {
        &self.roots
    }

    /// Every module and name that is referred to, in order of their bytes.
    pub fn globals(&self) -> &[GlobalUse] {
        &self.globals
    }

    /// The verdict on them.
    pub fn safety(&self, policy: &Policy) -> Safety {
        Safety::of(&self.globals, policy)
    }
}

/// An array of Python objects in an NPY or a member of an NPZ: where its pickle is.
#[derive(Clone, Debug)]
pub struct Objects {
    /// The values of the pickle.
    pub tree: Arc<Tree>,
    /// The array.
    pub root: Id,
}
