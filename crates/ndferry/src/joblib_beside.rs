//! What joblib before 0.10 dumped: a pickle, and each array in a file of its own beside it.

use std::cell::RefCell;
use std::io::Read;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use ndferry_array::{Array, Layout, Order};
use ndferry_pickle::{ArrayReader, Call, Tree, Value};

use crate::elsewhere::{Elsewhere, attribute};
use crate::input::Input;
use crate::lazy::Backing;
use crate::npy_file::{header, member};
use crate::pickle_file::Pickled;
use crate::source::Contents;
use crate::stored::plain::Plain;
use crate::wrapping::{HEAD_NBYTES, Wrapping};
use crate::{
    ErrorKind, Format, GlobalUse, MemberInfo, OpenOptions, Policy, Result, Safety, Storage,
};

/// The folder that the pickle is in.
pub(crate) struct Folder<'a> {
    path: PathBuf,
    options: &'a OpenOptions,
    /// What the pickles in files beside it refer to.
    globals: RefCell<Vec<GlobalUse>>,
}

impl Elsewhere for Folder<'_> {
    fn array(&self, tree: &Tree, call: &Call) -> Result<Option<(MemberInfo, Backing)>> {
        let Some(state) = wrapper_state(tree, call) else {
            return Ok(None);
        };
        let wrong = |problem: &str| {
            let (what, problem) = ("array in a file beside it", problem.to_owned());
            ErrorKind::Pickle(ndferry_pickle::ErrorKind::State { what, problem }).at(call.offset)
        };
        let text = |id| tree.name(id).map_err(crate::error::pickle);
        let name = match attribute(tree, state, "filename") {
            Some(id) => text(id)?,
            None => None,
        };
        // It is the pickle that says so, and may say anything.
        let Some(name) = name.filter(|name| is_plain_name(name)) else {
            return Err(wrong("its name is not that of a file in the same folder"));
        };
        let beside = self.path.join(&*name);
        let input = Input::open(&beside, &self.options.limits);
        let input = input.map_err(|error| error.in_member(&name))?;
        let found = match attribute(tree, state, "init_args") {
            None => self.npy(input),
            Some(_) => self.zfile(&input, tree, state),
        };
        found.map_err(|error| error.in_member(&name)).map(Some)
    }
}

impl<'a> Folder<'a> {
    pub(crate) fn new(path: &Path, options: &'a OpenOptions) -> Self {
        Self {
            path: path.to_owned(),
            options,
            globals: RefCell::default(),
        }
    }

    /// Adds what is known of those files' pickles to what is known of the source.
    pub(crate) fn judge(&self, contents: &mut Contents) {
        let globals = self.globals.take();
        if !globals.is_empty() {
            let info = contents.pickle.get_or_insert_default();
            info.globals.extend(globals);
            contents.safety = Safety::of(&info.globals, &Policy::std());
        }
    }

    /// `NDArrayWrapper`: an NPY file.
    fn npy(&self, input: Input) -> Result<(MemberInfo, Backing)> {
        let (header, start) = header(&input, &self.options.limits)?;
        if header.dtype.has_object() {
            let mut contents = Contents::new(Format::Npy);
            Pickled::parse(&input, start as u64, 1, self.options)?.judge(&mut contents);
            let globals = contents.pickle.map(|pickle| pickle.globals);
            self.globals
                .borrow_mut()
                .extend(globals.unwrap_or_default());
            let info = member("", &header, Storage::Objects);
            return Ok((info, Backing::Objects(None)));
        }
        let info = member("", &header, Storage::Pickled);
        let plain = Plain {
            input,
            offset: start as u64,
            nbytes: info.nbytes,
            interrupt: self.options.interrupt.clone(),
        };
        crate::lazy::Stored::check_nbytes(&plain, info.nbytes)?;
        Ok((info, Backing::Stored(Arc::new(plain))))
    }

    /// `ZNDArrayWrapper`: the elements in a ZF file, everything else in its state, `(1, shape, dtype, is_fortran)`.
    fn zfile(
        &self,
        input: &Input,
        tree: &Tree,
        state: &[(ndferry_pickle::Id, ndferry_pickle::Id)],
    ) -> Result<(MemberInfo, Backing)> {
        let wrong = |problem: &str| {
            let (what, problem) = ("array in a file beside it", problem.to_owned());
            crate::Error::from(ErrorKind::Pickle(ndferry_pickle::ErrorKind::State {
                what,
                problem,
            }))
        };
        let state = attribute(tree, state, "state").and_then(|id| tree.sequence(id));
        let Some([_, shape, dtype, is_fortran, ..]) = state else {
            return Err(wrong("its state has not 4 parts"));
        };
        let limits = ndferry_pickle::Limits::default();
        let dtype = ArrayReader::new(tree, &limits).dtype(*dtype);
        let dtype = dtype.map_err(crate::error::pickle)?;
        let extents = tree
            .sequence(*shape)
            .map(|ids| ids.iter().map(|id| tree.int(*id)));
        let shape = extents.and_then(|extents| {
            let extents = extents.map(|extent| usize::try_from(extent?).ok());
            extents.collect::<Option<Vec<usize>>>()
        });
        let Some(shape) = shape.filter(|_| !dtype.has_object()) else {
            return Err(wrong("its shape or dtype is none that fits"));
        };
        let order = match tree.get(*is_fortran) {
            Value::Bool(true) | Value::Int(1) => Order::F,
            _ => Order::C,
        };
        let layout = Layout::contiguous(&shape, dtype.itemsize(), order)?;
        let nbytes = (layout.size() * dtype.itemsize()) as u64;
        let limit = self.options.limits.expanded_nbytes;
        if nbytes > limit {
            let (what, found) = ("bytes of an array, unpacked", nbytes);
            return Err(ErrorKind::Limit { what, found, limit }.into());
        }
        let Some(wrapping) = Wrapping::of(&input.head(HEAD_NBYTES)?) else {
            return Err(wrong("the file is not packed"));
        };
        let mut bytes = Vec::new();
        let mut reader = wrapping.reader(input)?.take(nbytes + 1);
        reader.read_to_end(&mut bytes)?;
        let found = bytes.len() as u64;
        if found != nbytes {
            let needed = nbytes;
            return Err(ErrorKind::Truncated { needed, found }.into());
        }
        let info = MemberInfo {
            path: String::new(),
            dtype: dtype.clone(),
            shape,
            order,
            nbytes,
            storage: Storage::Pickled,
            attributes: Default::default(),
        };
        Ok((info, Backing::Memory(Array::new(dtype, layout, bytes)?)))
    }
}

/// The files that a pickle names for its arrays, each with the byte of its wrapper; `None` where the name is not that of a
/// file in the same folder.
pub(crate) fn files(tree: &Tree) -> Vec<(Option<String>, u64)> {
    let calls = tree.ids().filter_map(|id| Some(tree.call(id)?.0));
    let wrappers = calls.filter(|call| is_wrapper(tree, call));
    let named = wrappers.map(|call| {
        // Each state is an array to joblib.
        let state = wrapper_state(tree, call).filter(|_| call.states().len() == 1);
        let id = state.and_then(|state| attribute(tree, state, "filename"));
        let name = id.and_then(|id| tree.name(id).ok().flatten());
        let name = name.filter(|name| is_plain_name(name));
        (name.map(|name| name.to_string()), call.offset)
    });
    named.collect()
}

/// Whether it makes such a wrapper.
fn is_wrapper(tree: &Tree, call: &Call) -> bool {
    const MODULES: [&str; 2] = [
        "joblib.numpy_pickle",
        "sklearn.externals.joblib.numpy_pickle",
    ];
    let class = || match tree.global(call.function)? {
        ("copyreg" | "copy_reg", "_reconstructor") => {
            tree.global(*tree.sequence(call.args)?.first()?)
        }
        class => Some(class),
    };
    class().is_some_and(|class| {
        MODULES.contains(&class.0) && matches!(class.1, "NDArrayWrapper" | "ZNDArrayWrapper")
    })
}

/// The attributes of such a wrapper.
fn wrapper_state<'t>(
    tree: &'t Tree,
    call: &Call,
) -> Option<&'t [(ndferry_pickle::Id, ndferry_pickle::Id)]> {
    match tree.get(call.state().filter(|_| is_wrapper(tree, call))?) {
        Value::Dict(pairs) => Some(pairs),
        _ => None,
    }
}

/// Whether it is a name and no path, on any system.
fn is_plain_name(name: &str) -> bool {
    let mut parts = Path::new(name).components();
    let is_one = matches!(
        (parts.next(), parts.next()),
        (Some(Component::Normal(_)), None)
    );
    is_one && !name.contains(['/', '\\', ':', '\0'])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_in_the_same_folder_are_plain() {
        assert!(is_plain_name("model.pkl_01.npy"));
        for name in [
            "",
            ".",
            "..",
            "../a",
            "/etc/passwd",
            "a/b",
            "a\\b",
            "C:a",
            "./a",
            "a\0",
        ] {
            assert!(!is_plain_name(name), "{name:?}");
        }
    }
}
