//! [`Source`]: a file, or bytes, and the arrays in it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use ndferry_io::ReadAt;

use crate::check::{Inspect, Report};
use crate::input::Input;
use crate::lazy::Backing;
use crate::remote::is_url;
use crate::{
    Error, ErrorKind, Format, GlobalUse, LazyArray, LazyMasked, MemberInfo, Objects, OpenOptions,
    Result, Safety, sniff, source_name,
};

/// How many members an error carries: one more than its hint lists, so that it can tell that there are more.
const LISTED: usize = 9;

/// An opened file: its format, its arrays, and the verdict on its pickles. Elements are not read yet.
#[derive(Debug)]
pub struct Source {
    name: Arc<str>,
    input: Input,
    options: OpenOptions,
    contents: Contents,
    /// The folder that it is.
    #[cfg(feature = "zarr")]
    store: Option<std::path::PathBuf>,
}

/// What a reader of one format finds.
#[derive(Debug)]
pub(crate) struct Contents {
    pub(crate) format: Format,
    /// Each array and where its elements are.
    pub(crate) members: Vec<MemberInfo>,
    pub(crate) backings: Vec<Backing>,
    /// The values of members that are arrays of objects in a pickle of their own, by the member's number.
    pub(crate) objects: BTreeMap<usize, Objects>,
    /// Numbers of members that lie inside another.
    pub(crate) inner: BTreeSet<usize>,
    /// Masked arrays by their paths: the number of the data, which the mask follows.
    pub(crate) masked: BTreeMap<String, usize>,
    /// Persistent ids of which nobody said what they stand for, by their paths; not more than a few.
    pub(crate) unknown: BTreeMap<String, String>,
    pub(crate) pickle: Option<PickleInfo>,
    pub(crate) safety: Safety,
    /// First byte after what the format describes, where that is known without reading everything.
    pub(crate) end: Option<u64>,
    /// Why there may have been more arrays than are listed.
    pub(crate) incomplete: Option<Arc<Error>>,
    /// Looks at everything that opening does not.
    pub(crate) inspect: Option<Box<dyn Inspect>>,
}

impl Contents {
    pub(crate) fn new(format: Format) -> Self {
        Self {
            format,
            members: Vec::new(),
            backings: Vec::new(),
            objects: BTreeMap::new(),
            inner: BTreeSet::new(),
            masked: BTreeMap::new(),
            unknown: BTreeMap::new(),
            pickle: None,
            safety: Safety::NoPickle,
            end: None,
            incomplete: None,
            inspect: None,
        }
    }

    pub(crate) fn push(&mut self, info: MemberInfo, backing: Backing) {
        self.members.push(info);
        self.backings.push(backing);
    }

    /// An array inside the array of objects that was pushed last.
    pub(crate) fn push_inner(&mut self, info: MemberInfo, backing: Backing) {
        self.inner.insert(self.members.len());
        self.push(info, backing);
    }

    pub(crate) fn push_objects(&mut self, info: MemberInfo, objects: Objects) {
        self.objects.insert(self.members.len(), objects.clone());
        self.push(info, Backing::Objects(Some(objects)));
    }
}

/// What is known of the pickles in a source.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct PickleInfo {
    /// The highest protocol that an opcode in it needs.
    pub protocol: u8,
    /// Every module and name it refers to, in order of their bytes.
    pub globals: Vec<GlobalUse>,
    /// Whether a pickle file is more than one plain array, or a list or dict of such, so that its arrays and their paths
    /// alone do not make it again: other values, nesting, masks, subclasses, one array in two places.
    pub holds_more: bool,
}

impl Source {
    /// Opens a file; `-` is standard input. The format is told by the first bytes. With the feature `zarr`, a folder that
    /// holds a `zarr.json` is a Zarr store.
    ///
    /// With the feature `http`, a path that begins with `http://` (with `https`, also `https://`) is the address of a file
    /// on a web server, of which only those parts are fetched that are needed. [`OpenOptions::timeout`] is how long the
    /// server may be silent; one that cannot send parts of files is refused.
    ///
    /// # Errors
    /// [`ErrorKind::UnknownFormat`], whatever is wrong with headers or directories, [`ErrorKind::System`].
    pub fn open(path: impl AsRef<Path>, options: &OpenOptions) -> Result<Self> {
        let path = path.as_ref();
        let name = source_name(path);
        #[cfg(feature = "zarr")]
        if crate::zarr::is_store(path) {
            return Self::of_store(path, &name, options);
        }
        let input = Input::of_source(path, options).map_err(|error| error.in_source(&name))?;
        let folder = match path.as_os_str() == "-" || is_url(path) {
            true => None,
            false => path.parent(),
        };
        Self::in_folder(&name, input, folder, options)
    }

    /// Opens a Zarr store.
    #[cfg(feature = "zarr")]
    pub(crate) fn of_store(path: &Path, name: &str, options: &OpenOptions) -> Result<Self> {
        let contents = crate::zarr::open(path, options).map_err(|error| error.in_source(name))?;
        Ok(Self {
            name: Arc::from(name),
            input: Input::of_bytes(Bytes::new()),
            options: options.clone(),
            contents,
            store: Some(path.to_owned()),
        })
    }

    /// Opens bytes in memory; `name` stands for the path in errors. Arrays share the bytes.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn from_bytes(name: &str, bytes: Bytes, options: &OpenOptions) -> Result<Self> {
        Self::of_input(name, Input::of_bytes(bytes), options)
    }

    /// Opens bytes that are somewhere else and do not change while they are read; `name` stands for the path in errors.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn from_read_at(
        name: &str,
        from: impl ReadAt + 'static,
        options: &OpenOptions,
    ) -> Result<Self> {
        let input = Input::of_read_at(from).map_err(|error| error.in_source(name))?;
        Self::of_input(name, input, options)
    }

    pub(crate) fn of_input(name: &str, input: Input, options: &OpenOptions) -> Result<Self> {
        Self::in_folder(name, input, None, options)
    }

    pub(crate) fn in_folder(
        name: &str,
        input: Input,
        folder: Option<&Path>,
        options: &OpenOptions,
    ) -> Result<Self> {
        let contents = contents(&input, folder, options).map_err(|error| error.in_source(name))?;
        let (format, arrays) = (contents.format.name(), contents.members.len());
        let (nbytes, touched) = (input.nbytes(), input.touched());
        tracing::debug!(source = name, format, arrays, nbytes, touched, "opened");
        Ok(Self {
            name: Arc::from(name),
            input,
            options: options.clone(),
            contents,
            #[cfg(feature = "zarr")]
            store: None,
        })
    }

    /// The path as it was given; of an address see [`source_name`].
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What kind of file it is.
    pub fn format(&self) -> Format {
        self.contents.format
    }

    /// Bytes of the file; of a Zarr store those of all its files, which are looked up now.
    pub fn nbytes(&self) -> u64 {
        #[cfg(feature = "zarr")]
        if let Some(store) = &self.store {
            return crate::zarr::nbytes(store);
        }
        self.input.nbytes()
    }

    /// The arrays in it, in the file's order.
    pub fn members(&self) -> &[MemberInfo] {
        &self.contents.members
    }

    /// One array: the named one (an NPZ member also by its file name), or the only one.
    ///
    /// # Errors
    /// [`ErrorKind::NoMember`], [`ErrorKind::SeveralArrays`], [`ErrorKind::NoArrays`].
    pub fn array(&self, member: Option<&str>) -> Result<LazyArray> {
        self.find(member)
            .map(|i| self.lazy(i))
            .map_err(|error| error.in_source(&self.name))
    }

    /// All arrays, in the order of [`Self::members`].
    pub fn arrays(&self) -> impl Iterator<Item = LazyArray> + '_ {
        (0..self.contents.members.len()).map(|i| self.lazy(i))
    }

    /// As [`Self::arrays`], without those that lie inside an array of objects which is listed itself: together with its
    /// objects they would be there twice.
    pub fn outer_arrays(&self) -> impl Iterator<Item = LazyArray> + '_ {
        let mut outer: Option<String> = None;
        self.arrays().filter(move |array| {
            let is_inside = outer.as_ref().is_some_and(|outer| {
                let rest = array.path().strip_prefix(outer.as_str());
                rest.is_some_and(|rest| outer.is_empty() || rest.starts_with('.'))
            });
            if !is_inside {
                outer = array.objects().map(|_| array.path().to_owned());
            }
            !is_inside
        })
    }

    /// The values of the array of objects that is member number `i` of an NPY or NPZ.
    pub fn objects(&self, i: usize) -> Option<&Objects> {
        self.contents.objects.get(&i)
    }

    /// The values of the member of an NPY or NPZ with that path (the only one, if `None`), if it is an array of objects.
    pub fn objects_at(&self, path: Option<&str>) -> Option<&Objects> {
        if path.is_some() {
            return self.objects(self.find(path).ok()?);
        }
        let mut outer = (0..self.contents.members.len()).filter(|i| !self.is_inner(*i));
        match (outer.next(), outer.next()) {
            (Some(only), None) => self.objects(only),
            _ => None,
        }
    }

    /// The masked array with that path (that the file is, if `None`), whose data and mask are members of their own.
    pub fn masked(&self, path: Option<&str>) -> Option<LazyMasked> {
        let i = *self.contents.masked.get(path.unwrap_or_default())?;
        let (data, mask) = (self.lazy(i), self.lazy(i + 1));
        Some(LazyMasked { data, mask })
    }

    /// Whether member number `i` is an element of a member of objects before it.
    pub fn is_inner(&self, i: usize) -> bool {
        self.contents.inner.contains(&i)
    }

    fn lazy(&self, i: usize) -> LazyArray {
        let (info, backing) = (&self.contents.members[i], &self.contents.backings[i]);
        LazyArray::new(Arc::clone(&self.name), info, backing.clone())
    }

    fn find(&self, member: Option<&str>) -> Result<usize> {
        let members = &self.contents.members;
        let path = member.unwrap_or_default();
        if let Some(id) = self.contents.unknown.get(path).cloned()
            && members.iter().all(|member| member.path != path)
            && (member.is_some() || members.is_empty())
        {
            return Err(ErrorKind::PersistentId { id }.into());
        }
        let present = || {
            let paths = members
                .iter()
                .take(LISTED)
                .map(|member| member.path.clone());
            paths.collect::<Vec<_>>()
        };
        match (member, members.len()) {
            (_, 0) => Err(ErrorKind::NoArrays.into()),
            (None, 1) => Ok(0),
            (None, count) => {
                let present = present();
                Err(ErrorKind::SeveralArrays { count, present }.into())
            }
            (Some(wanted), _) => {
                // Of a name that is there twice, NumPy takes the last.
                let named = |name: &str| members.iter().rposition(|member| member.path == name);
                let without_suffix = || wanted.strip_suffix(".npy").and_then(named);
                named(wanted).or_else(without_suffix).ok_or_else(|| {
                    let (wanted, present) = (wanted.to_owned(), present());
                    ErrorKind::NoMember { wanted, present }.into()
                })
            }
        }
    }

    pub(crate) fn member_info(&self, member: Option<&str>) -> Result<&MemberInfo> {
        self.find(member).map(|i| &self.contents.members[i])
    }

    pub(crate) fn input(&self) -> &Input {
        &self.input
    }

    pub(crate) fn options(&self) -> &OpenOptions {
        &self.options
    }

    /// What its pickles refer to; `None` if there is no pickle in it.
    pub fn pickle(&self) -> Option<&PickleInfo> {
        self.contents.pickle.as_ref()
    }

    /// The verdict on its pickles.
    pub fn safety(&self) -> &Safety {
        &self.contents.safety
    }

    /// An NPB file that is cut off or damaged at its end opens with the arrays that are whole enough, since parts of them
    /// can be read; this tells whether it is such a file.
    ///
    /// # Errors
    /// [`ErrorKind::Incomplete`].
    pub fn require_whole(&self) -> Result<()> {
        let Some(error) = &self.contents.incomplete else {
            return Ok(());
        };
        let problem = error.kind().to_string();
        let error = ErrorKind::Incomplete { problem }.at(error.offset().unwrap_or(0));
        Err(error.in_source(&self.name))
    }

    /// Bytes of the file that were read so far, by this source and its arrays.
    pub fn touched(&self) -> u64 {
        self.input.touched()
    }

    /// Bytes after the end of what the format describes, which belong to no array: where they begin, and how many there
    /// are. A killed [`append_rows`](crate::append_rows()) leaves rows there.
    pub fn trailing(&self) -> Option<(u64, u64)> {
        let end = self.contents.end?;
        let nbytes = self.input.nbytes().checked_sub(end)?;
        (nbytes > 0).then_some((end, nbytes))
    }

    /// Reads all of it and tells each problem.
    pub(crate) fn inspect(&self, report: &mut Report<'_>) -> Result<()> {
        match &self.contents.inspect {
            Some(inspect) => inspect.inspect(report),
            None => Ok(()),
        }
    }
}

fn contents(input: &Input, folder: Option<&Path>, options: &OpenOptions) -> Result<Contents> {
    let head = input.head(Format::SNIFF_NBYTES)?;
    match sniff(&head) {
        Some(Format::Npy) => crate::npy_file::open(input, options),
        Some(Format::Npz) => crate::npz_file::open(input, options),
        #[cfg(feature = "npb")]
        Some(Format::Npb) => crate::npb_file::open(input, options),
        Some(Format::Pickle) => crate::pickle_file::open(input, folder, options),
        Some(_) => Err(ErrorKind::NotBuilt {
            what: "this format",
        }
        .into()),
        None if head.is_empty() => Err(ErrorKind::Empty.at(0)),
        None => match crate::compressed::open(input, folder, options)? {
            Some(contents) => Ok(contents),
            None => Err(ErrorKind::UnknownFormat {
                head: head.to_vec(),
            }
            .at(0)),
        },
    }
}

/// All of a file as memory, read when it is looked at; for [`Source::from_bytes`].
///
/// **Nobody may cut or change the file while the bytes, or arrays over them, are alive**: the system ends a process that
/// looks at what is gone (SIGBUS). Opening a file by its path has no such danger.
///
/// # Errors
/// [`crate::ErrorKind::System`]; pipes and folders cannot be mapped.
pub fn map(path: impl AsRef<Path>) -> Result<Bytes> {
    let path = path.as_ref();
    let mapped = || {
        let file = std::fs::File::open(path)?;
        let map = ndferry_io::MappedFile::map(&file).map_err(crate::error::outside)?;
        Ok(map.bytes().clone())
    };
    mapped().map_err(|error: Error| error.in_path(path))
}
