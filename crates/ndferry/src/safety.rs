//! [`Safety`]: what would happen if Python unpickled it.

use std::fmt;

use ndferry_pickle::{Place, Use, Uses};

use crate::Policy;

/// The verdict on the pickles of a source, in order of gravity.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Safety {
    /// There is no pickle in it.
    NoPickle,
    /// Nothing but arrays and builtin values.
    Clean,
    /// Names classes or functions that ndferry does not rebuild; the arrays come out all the same.
    NeedsCode(Vec<GlobalUse>),
    /// Names what no honest file of arrays needs (`os.system`, `builtins.eval`), or crashes NumPy.
    Dangerous(Vec<GlobalUse>),
}

impl Safety {
    /// `no-pickle`, `clean`, `needs-code` or `dangerous`.
    pub fn word(&self) -> &'static str {
        match self {
            Self::NoPickle => "no-pickle",
            Self::Clean => "clean",
            Self::NeedsCode(_) => "needs-code",
            Self::Dangerous(_) => "dangerous",
        }
    }

    /// Whether it may be unpickled by anybody.
    pub fn is_safe(&self) -> bool {
        matches!(self, Self::NoPickle | Self::Clean)
    }
}

impl fmt::Display for Safety {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoPickle | Self::Clean => f.write_str(self.word()),
            Self::NeedsCode(globals) => {
                f.write_str("needs code: ")?;
                for (i, global) in globals.iter().enumerate() {
                    let comma = if i > 0 { ", " } else { "" };
                    write!(f, "{comma}{}.{}", global.module, global.name)?;
                }
                Ok(())
            }
            Self::Dangerous(globals) => match globals.first() {
                Some(first) => write!(f, "dangerous: {first}"),
                None => f.write_str("dangerous"),
            },
        }
    }
}

/// A module and a name that a pickle refers to, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct GlobalUse {
    /// The module. `?` where only running the pickle would tell.
    pub module: String,
    /// The name in it; with dots, it is looked up in parts.
    pub name: String,
    /// Byte of the opcode in the pickle's file (or archive member).
    pub offset: u64,
    /// The archive member that the pickle is in; empty for the file itself. Told by [`crate::scan()`].
    pub member: String,
    /// What is done with it. Told by [`crate::scan()`].
    pub uses: Uses,
    /// Where in the file it is.
    pub place: Place,
    /// Whether it is put to a use that no honest pickle has for it: called, or given to something that would call it,
    /// where only the class is ever named (`numpy.memmap('file')` opens and may cut off a file); or changed itself.
    pub is_misused: bool,
}

impl GlobalUse {
    pub(crate) fn new(module: &str, name: &str, offset: u64) -> Self {
        Self {
            module: module.to_owned(),
            name: name.to_owned(),
            offset,
            member: String::new(),
            uses: Uses::default(),
            place: Place::Pickle(0),
            is_misused: false,
        }
    }

    /// What a scan found, in this member.
    pub(crate) fn scanned(found: ndferry_pickle::NameUse, member: &str) -> Self {
        let made = [Use::Reduce, Use::NewObj, Use::Obj, Use::Inst];
        let given = [Use::Argument, Use::Inside];
        let mut misuses = vec![Use::Build, Use::Fill, Use::ResultCalled];
        let (module, name) = (&*found.module, &*found.name);
        if Self::opens_files(module, name) {
            misuses.extend(made);
            misuses.extend(given);
        }
        if Self::is_only_a_type(module, name) {
            misuses.extend(made);
        }
        // Made behind the scan's back, they hide what follows, or what lies in other files.
        if matches!(
            name,
            "NumpyArrayWrapper" | "NDArrayWrapper" | "ZNDArrayWrapper"
        ) {
            misuses.extend(given);
        }
        // `getattr(x, '__globals__')` leads anywhere.
        if &*found.name == "getattr" {
            misuses.push(Use::Dunder);
        }
        let mut out = Self::new(&found.module, &found.name, found.offset);
        out.member = member.to_owned();
        out.uses = found.uses;
        out.place = found.place;
        // What is done with what does not pass anyway is its own affair, but for attributes of that kind.
        let is_unknown = out.module == "?" || out.name == "?";
        out.is_misused = is_unknown || misuses.iter().any(|one| found.uses.contains(*one));
        out
    }

    /// Whether it is a class that honest pickles only name as the type of an array, since making one opens a file.
    pub(crate) fn opens_files(module: &str, name: &str) -> bool {
        matches!(
            (module, name),
            (
                "numpy" | "numpy.core.memmap" | "numpy._core.memmap",
                "memmap"
            )
        )
    }

    /// Whether it is another class that honest pickles only name as the type of an array: called itself, it takes bytes
    /// for pointers to objects.
    pub(crate) fn is_only_a_type(module: &str, name: &str) -> bool {
        match name {
            "recarray" | "chararray" | "matrix" => module.starts_with("numpy"),
            _ => false,
        }
    }

    /// Whether it is among what arrays and builtin values are made of; `arrays_only` leaves out values of the standard
    /// library.
    pub(crate) fn is_inert(&self, arrays_only: bool) -> bool {
        is_in(INERT, self) && !(arrays_only && BEYOND_ARRAYS.contains(&&*self.module))
    }
}

impl fmt::Display for GlobalUse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            module,
            name,
            offset,
            ..
        } = self;
        write!(f, "{module}.{name} at byte {offset}")?;
        if !self.member.is_empty() {
            write!(f, " of {}", self.member)?;
        }
        Ok(())
    }
}

/// Modules of [`INERT`] that arrays need nothing of.
const BEYOND_ARRAYS: &[&str] = &[
    "collections",
    "datetime",
    "decimal",
    "fractions",
    "uuid",
    "pathlib",
    "pathlib._local",
];

/// What passes: exact names whose calls make arrays, dtypes and builtin values, and nothing else. Never a prefix, since
/// `numpy.*` alone holds several ways to run code.
const INERT: &[(&str, &[&str])] = &[
    (
        "numpy",
        &[
            "ndarray",
            "dtype",
            "matrix",
            "recarray",
            "record",
            "memmap",
            "chararray",
            "bool_",
            "bool",
            "int8",
            "int16",
            "int32",
            "int64",
            "uint8",
            "uint16",
            "uint32",
            "uint64",
            "float16",
            "float32",
            "float64",
            "longdouble",
            "float96",
            "float128",
            "complex64",
            "complex128",
            "clongdouble",
            "complex192",
            "complex256",
            "str_",
            "bytes_",
            "string_",
            "unicode_",
            "void",
            "object_",
            "datetime64",
            "timedelta64",
            "intc",
            "uintc",
            "longlong",
            "ulonglong",
            "long",
            "ulong",
        ],
    ),
    ("numpy.core.multiarray", &["_reconstruct", "scalar"]),
    ("numpy._core.multiarray", &["_reconstruct", "scalar"]),
    ("numpy.core._multiarray_umath", &["_reconstruct", "scalar"]),
    (
        "numpy.core._internal",
        &["_reconstruct", "_convert_to_stringdtype_kwargs"],
    ),
    (
        "numpy._core._internal",
        &["_reconstruct", "_convert_to_stringdtype_kwargs"],
    ),
    ("numpy.core.numeric", &["_frombuffer"]),
    ("numpy._core.numeric", &["_frombuffer"]),
    ("numpy.matrixlib.defmatrix", &["matrix"]),
    ("numpy.core.defmatrix", &["matrix"]),
    ("numpy.core.records", &["recarray", "record"]),
    ("numpy.rec", &["recarray", "record"]),
    ("numpy.core.memmap", &["memmap"]),
    ("numpy.core.defchararray", &["chararray"]),
    ("numpy.char", &["chararray"]),
    ("numpy.ma", &["MaskedArray"]),
    (
        "numpy.ma.core",
        &["_mareconstruct", "MaskedArray", "MaskedConstant", "mvoid"],
    ),
    (
        "numpy.ma.mrecords",
        &["_mrreconstruct", "MaskedRecords", "mrecarray"],
    ),
    ("numpy.dtypes", &["StringDType"]),
    ("array", &["array", "_array_reconstructor"]),
    ("_codecs", &["encode"]),
    ("builtins", BUILTINS),
    ("__builtin__", BUILTINS),
    ("copyreg", &["_reconstructor"]),
    ("copy_reg", &["_reconstructor"]),
    (
        "collections",
        &["OrderedDict", "defaultdict", "deque", "Counter"],
    ),
    (
        "datetime",
        &["date", "datetime", "time", "timedelta", "timezone"],
    ),
    ("decimal", &["Decimal"]),
    ("fractions", &["Fraction"]),
    ("uuid", &["UUID"]),
    ("pathlib", PATHS),
    ("pathlib._local", PATHS),
    (
        "joblib.numpy_pickle",
        &["NumpyArrayWrapper", "NDArrayWrapper", "ZNDArrayWrapper"],
    ),
    (
        "sklearn.externals.joblib.numpy_pickle",
        &["NumpyArrayWrapper", "NDArrayWrapper", "ZNDArrayWrapper"],
    ),
    (
        "torch._utils",
        &[
            "_rebuild_tensor_v2",
            "_rebuild_tensor",
            "_rebuild_parameter",
        ],
    ),
    (
        "torch",
        &[
            "FloatStorage",
            "DoubleStorage",
            "HalfStorage",
            "BFloat16Storage",
            "ByteStorage",
            "CharStorage",
            "ShortStorage",
            "IntStorage",
            "LongStorage",
            "BoolStorage",
            "ComplexFloatStorage",
            "ComplexDoubleStorage",
            "Size",
        ],
    ),
];

const BUILTINS: &[&str] = &[
    "object",
    "bytes",
    "bytearray",
    "set",
    "frozenset",
    "complex",
    "slice",
    "range",
    "xrange",
    "list",
    "dict",
    "tuple",
    "int",
    "long",
    "float",
    "bool",
    "str",
    "unicode",
    "Ellipsis",
    "NotImplemented",
    "NoneType",
];

const PATHS: &[&str] = &[
    "PurePath",
    "PurePosixPath",
    "PureWindowsPath",
    "Path",
    "PosixPath",
    "WindowsPath",
];

/// What grades a name that does not pass as dangerous rather than merely unknown: whole modules of the standard library
/// and NumPy that no object of data comes from. This list decides nothing about what passes.
const DANGEROUS_MODULES: &[&str] = &[
    "os",
    "posix",
    "nt",
    "posixpath",
    "ntpath",
    "subprocess",
    "sys",
    "shutil",
    "pty",
    "popen2",
    "commands",
    "socket",
    "ssl",
    "socketserver",
    "ctypes",
    "_ctypes",
    "cffi",
    "code",
    "codeop",
    "bdb",
    "pdb",
    "cProfile",
    "profile",
    "trace",
    "timeit",
    "runpy",
    "imp",
    "importlib",
    "pkgutil",
    "pydoc",
    "doctest",
    "site",
    "venv",
    "ensurepip",
    "pip",
    "webbrowser",
    "urllib",
    "urllib2",
    "http",
    "httplib",
    "ftplib",
    "smtplib",
    "imaplib",
    "poplib",
    "telnetlib",
    "xmlrpc",
    "requests",
    "aiohttp",
    "asyncio",
    "multiprocessing",
    "threading",
    "signal",
    "tempfile",
    "glob",
    "fileinput",
    "io",
    "_io",
    "logging",
    "pickle",
    "_pickle",
    "cPickle",
    "marshal",
    "shelve",
    "dill",
    "cloudpickle",
    "types",
    "inspect",
    "operator",
    "_operator",
    "idlelib",
    "lib2to3",
    "distutils",
    "setuptools",
    "test",
    "_aix_support",
    "_osx_support",
    "_pyrepl",
    "gc",
    "linecache",
    "tokenize",
    "ast",
    "builtins",
    "__builtin__",
    "zipimport",
    "zipfile",
    "tarfile",
    "sqlite3",
    "torch.hub",
    "torch.utils",
    "torch.jit",
    "torch._inductor",
    "torch._dynamo",
    "torch.fx",
    "torch.serialization",
    "numpy.testing",
    "numpy.f2py",
    "numpy.distutils",
];

/// Names of [`DANGEROUS_MODULES`] that honest pickles do hold: types, and functions that only look something up.
const MERELY_UNKNOWN: &[(&str, &[&str])] = &[
    (
        "builtins",
        &[
            "getattr", "type", "len", "print", "max", "min", "sum", "abs", "sorted", "map",
            "filter", "zip",
        ],
    ),
    (
        "__builtin__",
        &[
            "getattr", "type", "len", "max", "min", "sum", "abs", "sorted", "map", "filter", "zip",
        ],
    ),
    ("operator", &["itemgetter", "add", "mul", "sub", "truediv"]),
    ("_operator", &["itemgetter", "add", "mul", "sub", "truediv"]),
    (
        "types",
        &["SimpleNamespace", "MappingProxyType", "NoneType"],
    ),
    // Stands for persistent ids, which `pickle.load` refuses.
    ("pickle", &["persistent_load"]),
    ("io", &["BytesIO", "StringIO"]),
    ("_io", &["BytesIO", "StringIO"]),
];

/// Functions that run code or commands, whatever module they are found in.
const DANGEROUS_NAMES: &[&str] = &[
    "system",
    "popen",
    "eval",
    "exec",
    "execfile",
    "execv",
    "execve",
    "__import__",
    "import_module",
    "check_output",
    "check_call",
    "getoutput",
    "getstatusoutput",
    "Popen",
    "runstring",
    "run_code",
    "run_module",
    "run_path",
    "run_file",
    "runsource",
    "_run_code",
    "spawnv",
    "rmtree",
    "_get_command_stdout",
];

impl Safety {
    /// The verdict on pickles that refer to these names.
    pub(crate) fn of(globals: &[GlobalUse], policy: &Policy) -> Self {
        let others: Vec<&GlobalUse> = globals
            .iter()
            .filter(|global| Self::grade(global, policy) != Grade::Passes)
            .collect();
        let dangerous: Vec<GlobalUse> = others
            .iter()
            .filter(|global| Self::grade(global, policy) == Grade::Dangerous)
            .copied()
            .cloned()
            .collect();
        if !dangerous.is_empty() {
            return Self::Dangerous(dangerous);
        }
        if others.is_empty() {
            return Self::Clean;
        }
        let mut seen = std::collections::HashSet::new();
        let first_of_each = others
            .into_iter()
            .filter(|global| seen.insert((&global.module, &global.name)));
        Self::NeedsCode(first_of_each.cloned().collect())
    }

    /// The verdict on one name.
    pub(crate) fn grade(global: &GlobalUse, policy: &Policy) -> Grade {
        let passes = policy.passes(global);
        // What only looks like a name says something only where it is one of the known.
        if global.place == Place::Search {
            let is_known = is_dangerous(global) && is_dangerous_name(&global.name);
            return match is_known && !passes {
                true => Grade::Dangerous,
                false => Grade::Passes,
            };
        }
        let is_getattr = global.name == "getattr";
        match passes {
            true if global.is_misused => Grade::Dangerous,
            true => Grade::Passes,
            // Of what does not pass, odd uses are its own affair.
            false if is_dangerous(global) => Grade::Dangerous,
            false if global.module == "?" || global.name == "?" => Grade::Dangerous,
            false if is_getattr && global.uses.contains(Use::Dunder) => Grade::Dangerous,
            false => Grade::NeedsCode,
        }
    }
}

/// What one name does to the verdict.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Grade {
    /// The policy has it.
    Passes,
    /// The policy does not have it.
    NeedsCode,
    /// Nor has any honest file of arrays.
    Dangerous,
}

impl Grade {
    /// `passes`, `needs-code` or `dangerous`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Passes => "passes",
            Self::NeedsCode => "needs-code",
            Self::Dangerous => "dangerous",
        }
    }
}

fn is_in(table: &[(&str, &[&str])], global: &GlobalUse) -> bool {
    table
        .iter()
        .any(|(module, names)| *module == global.module && names.contains(&&*global.name))
}

fn is_dangerous(global: &GlobalUse) -> bool {
    let is_dangerous_module = |module: &str| {
        DANGEROUS_MODULES.iter().any(|other| {
            module
                .strip_prefix(other)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        })
    };
    if is_in(MERELY_UNKNOWN, global) {
        return false;
    }
    // A name with dots is looked up in parts, which leads through modules that another one has imported.
    let mut parts = global.name.split('.').peekable();
    let leads_away = parts
        .any(|part| part.starts_with("__") || (parts_of_modules().any(|module| module == part)));
    let is_dotted = global.name.contains('.');
    is_dangerous_module(&global.module)
        || (is_dotted && leads_away)
        || (is_dotted && is_dangerous_module(&format!("{}.{}", global.module, global.name)))
        || is_dangerous_name(&global.name)
}

/// Modules of the standard library by which names with dots lead away.
fn parts_of_modules() -> impl Iterator<Item = &'static str> {
    [
        "os",
        "sys",
        "posix",
        "nt",
        "subprocess",
        "builtins",
        "shutil",
        "importlib",
        "socket",
        "ctypes",
        "pty",
    ]
    .into_iter()
}

fn is_dangerous_name(name: &str) -> bool {
    let last = name.rsplit('.').next().unwrap_or(name);
    DANGEROUS_NAMES.contains(&last)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(names: &[(&str, &str)]) -> Safety {
        let globals: Vec<GlobalUse> = names
            .iter()
            .enumerate()
            .map(|(i, (module, name))| GlobalUse::new(module, name, i as u64))
            .collect();
        Safety::of(&globals, &Policy::std().allowing(["mine.Thing"]))
    }

    #[test]
    fn arrays_and_builtins_are_clean() {
        let names = [
            ("numpy.core.multiarray", "_reconstruct"),
            ("numpy", "ndarray"),
            ("numpy", "dtype"),
        ];
        assert_eq!(verdict(&names), Safety::Clean);
        assert_eq!(verdict(&[]), Safety::Clean);
        assert_eq!(verdict(&[("mine", "Thing")]), Safety::Clean);
    }

    #[test]
    fn only_exact_names_pass() {
        for (module, name) in [
            ("numpy.core.multiarray", "fromfile"),
            ("numpy", "load"),
            ("numpy.core", "multiarray._reconstruct"),
            ("numpy", "dtype.x"),
            ("mine.Thing", "x"),
            ("mine", "Thing2"),
        ] {
            assert_eq!(
                verdict(&[(module, name)]).word(),
                "needs-code",
                "{module}.{name}"
            );
        }
    }

    #[test]
    fn what_is_misused_is_dangerous_whatever_it_is() {
        let memmap = |is_misused| GlobalUse {
            is_misused,
            ..GlobalUse::new("numpy", "memmap", 7)
        };
        let policy = Policy::std().allowing(["numpy.memmap"]);
        assert_eq!(Safety::of(&[memmap(false)], &policy), Safety::Clean);
        let called = Safety::of(&[memmap(true)], &policy);
        assert_eq!(called.to_string(), "dangerous: numpy.memmap at byte 7");
    }

    #[test]
    fn honest_classes_need_code_and_shells_are_dangerous() {
        let model = verdict(&[
            ("sklearn.svm._classes", "SVC"),
            ("numpy", "ndarray"),
            ("sklearn.svm._classes", "SVC"),
        ]);
        assert_eq!(model.to_string(), "needs code: sklearn.svm._classes.SVC");
        let shell = verdict(&[("sklearn.svm._classes", "SVC"), ("posix", "system")]);
        assert_eq!(shell.to_string(), "dangerous: posix.system at byte 1");
        for (module, name) in [
            ("builtins", "eval"),
            ("os.path", "join"),
            ("numpy.testing._private.utils", "runstring"),
            ("numpy.f2py.crackfortran", "getlincoef"),
            ("torch.jit.unsupported_tensor_ops", "execWrapper"),
        ] {
            assert_eq!(
                verdict(&[(module, name)]).word(),
                "dangerous",
                "{module}.{name}"
            );
        }
    }
}
