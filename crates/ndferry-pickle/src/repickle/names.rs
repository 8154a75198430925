//! Which name of one NumPy is which of the other, and the names that mean something to a rewriter.

use std::collections::HashMap;
use std::sync::LazyLock;

/// What NumPy a pickle is to be loaded by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Era {
    /// NumPy 1; with protocol 5 from 1.17 on.
    One,
    /// NumPy 2.
    Two,
}

/// What becomes of a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Renamed {
    /// It is the same in both.
    Same,
    /// Another module, and another name in it if one is given.
    To(String, Option<&'static str>),
    /// The other NumPy has no such thing.
    Lacking,
    /// It is in a private part of NumPy that only this era has, and nobody said where it went.
    Unknown,
}

/// Submodules of `numpy.core` in 1.23 and 1.26 that are in `numpy._core` of 2.0 to 2.4 under the same name.
const CORE: &[&str] = &[
    "_add_newdocs",
    "_add_newdocs_scalars",
    "_asarray",
    "_dtype",
    "_dtype_ctypes",
    "_exceptions",
    "_internal",
    "_machar",
    "_methods",
    "_multiarray_umath",
    "_string_helpers",
    "_type_aliases",
    "_ufunc_config",
    "arrayprint",
    "defchararray",
    "einsumfunc",
    "fromnumeric",
    "function_base",
    "getlimits",
    "memmap",
    "multiarray",
    "numeric",
    "numerictypes",
    "overrides",
    "records",
    "shape_base",
    "umath",
];

/// Modules of `numpy.lib` that are `numpy.lib._NAME_impl` in NumPy 2.
const LIB: &[&str] = &[
    "arraypad",
    "arraysetops",
    "arrayterator",
    "function_base",
    "histograms",
    "index_tricks",
    "nanfunctions",
    "npyio",
    "polynomial",
    "scimath",
    "shape_base",
    "stride_tricks",
    "twodim_base",
    "type_check",
    "ufunclike",
    "utils",
];

/// A single name that moved: from there to there.
type Move = ((&'static str, &'static str), (&'static str, &'static str));

const TO_ONE: &[Move] = &[
    (("numpy", "bool"), ("numpy", "bool_")),
    (("numpy.rec", "recarray"), ("numpy", "recarray")),
    (("numpy.rec", "record"), ("numpy", "record")),
    (("numpy.char", "chararray"), ("numpy", "chararray")),
    (("numpy.exceptions", "AxisError"), ("numpy", "AxisError")),
    (
        ("numpy.exceptions", "ComplexWarning"),
        ("numpy", "ComplexWarning"),
    ),
    (
        ("numpy.exceptions", "ModuleDeprecationWarning"),
        ("numpy", "ModuleDeprecationWarning"),
    ),
    (
        ("numpy.exceptions", "RankWarning"),
        ("numpy", "RankWarning"),
    ),
    (
        ("numpy.exceptions", "TooHardError"),
        ("numpy", "TooHardError"),
    ),
    (
        ("numpy.exceptions", "VisibleDeprecationWarning"),
        ("numpy", "VisibleDeprecationWarning"),
    ),
    // NumPy 1.16.0 wrote these.
    (
        ("numpy.core._multiarray_umath", "_reconstruct"),
        ("numpy.core.multiarray", "_reconstruct"),
    ),
    (
        ("numpy.core._multiarray_umath", "scalar"),
        ("numpy.core.multiarray", "scalar"),
    ),
    (
        ("numpy._core._multiarray_umath", "_reconstruct"),
        ("numpy.core.multiarray", "_reconstruct"),
    ),
    (
        ("numpy._core._multiarray_umath", "scalar"),
        ("numpy.core.multiarray", "scalar"),
    ),
    // Before 1.0.
    (
        ("numpy.core._internal", "_reconstruct"),
        ("numpy.core.multiarray", "_reconstruct"),
    ),
    (
        ("numpy._core._internal", "_reconstruct"),
        ("numpy.core.multiarray", "_reconstruct"),
    ),
];

const TO_TWO: &[Move] = &[
    (("numpy", "chararray"), ("numpy.char", "chararray")),
    (("numpy", "string_"), ("numpy", "bytes_")),
    (("numpy", "unicode_"), ("numpy", "str_")),
    (("numpy", "AxisError"), ("numpy.exceptions", "AxisError")),
    (
        ("numpy", "ComplexWarning"),
        ("numpy.exceptions", "ComplexWarning"),
    ),
    (
        ("numpy", "ModuleDeprecationWarning"),
        ("numpy.exceptions", "ModuleDeprecationWarning"),
    ),
    (
        ("numpy", "RankWarning"),
        ("numpy.exceptions", "RankWarning"),
    ),
    (
        ("numpy", "TooHardError"),
        ("numpy.exceptions", "TooHardError"),
    ),
    (
        ("numpy", "VisibleDeprecationWarning"),
        ("numpy.exceptions", "VisibleDeprecationWarning"),
    ),
    (("numpy.core.records", "recarray"), ("numpy", "recarray")),
    (("numpy.core.records", "record"), ("numpy", "record")),
    (
        ("numpy.core.defchararray", "chararray"),
        ("numpy.char", "chararray"),
    ),
    (("numpy.core.memmap", "memmap"), ("numpy", "memmap")),
    (("numpy.core.defmatrix", "matrix"), ("numpy", "matrix")),
    (("numpy.lib.polynomial", "poly1d"), ("numpy", "poly1d")),
    // NumPy 1.16.0 wrote these.
    (
        ("numpy.core._multiarray_umath", "_reconstruct"),
        ("numpy._core.multiarray", "_reconstruct"),
    ),
    (
        ("numpy.core._multiarray_umath", "scalar"),
        ("numpy._core.multiarray", "scalar"),
    ),
    (
        ("numpy._core._multiarray_umath", "_reconstruct"),
        ("numpy._core.multiarray", "_reconstruct"),
    ),
    (
        ("numpy._core._multiarray_umath", "scalar"),
        ("numpy._core.multiarray", "scalar"),
    ),
    // Before 1.0.
    (
        ("numpy.core._internal", "_reconstruct"),
        ("numpy._core.multiarray", "_reconstruct"),
    ),
    (
        ("numpy._core._internal", "_reconstruct"),
        ("numpy._core.multiarray", "_reconstruct"),
    ),
];

/// Whole modules that moved, besides those of `numpy.core` and `numpy.lib`.
const MODULES_TO_ONE: &[(&str, &str)] = &[
    ("numpy.rec", "numpy.core.records"),
    ("numpy.char", "numpy.core.defchararray"),
];

const MODULES_TO_TWO: &[(&str, &str)] = &[("numpy.linalg.linalg", "numpy.linalg")];

/// What only NumPy 2 has.
const LACKING_IN_ONE: &[(&str, &str)] = &[
    ("numpy._core._internal", "_convert_to_stringdtype_kwargs"),
    ("numpy.core._internal", "_convert_to_stringdtype_kwargs"),
    ("numpy.dtypes", "StringDType"),
];

/// What a name is called in `era`. Without the name, only whole modules are looked at.
pub(super) fn rename(era: Era, module: &str, name: Option<&str>) -> Renamed {
    let (moves, modules) = match era {
        Era::One => (TO_ONE, MODULES_TO_ONE),
        Era::Two => (TO_TWO, MODULES_TO_TWO),
    };
    if let Some(name) = name {
        if era == Era::One && LACKING_IN_ONE.contains(&(module, name)) {
            return Renamed::Lacking;
        }
        if let Some((_, to)) = moves.iter().find(|(from, _)| *from == (module, name)) {
            return Renamed::To(to.0.to_owned(), (to.1 != name).then_some(to.1));
        }
    }
    if let Some((_, to)) = modules.iter().find(|(from, _)| *from == module) {
        return Renamed::To((*to).to_owned(), None);
    }
    let (from, to) = match era {
        Era::One => ("numpy._core", "numpy.core"),
        Era::Two => ("numpy.core", "numpy._core"),
    };
    if let Some(rest) = module.strip_prefix(from) {
        match rest.strip_prefix('.') {
            Some(sub) if CORE.contains(&sub) => return Renamed::To(format!("{to}.{sub}"), None),
            Some(_) => return Renamed::Unknown,
            None if rest.is_empty() => return Renamed::To(to.to_owned(), None),
            None => {}
        }
    }
    if let Some(sub) = module.strip_prefix("numpy.lib.") {
        let inner = sub.strip_prefix('_').and_then(|s| s.strip_suffix("_impl"));
        match (era, inner) {
            (Era::One, Some(sub)) if LIB.contains(&sub) => {
                return Renamed::To(format!("numpy.lib.{sub}"), None);
            }
            // These two are modules of their own in NumPy 2 as well.
            (Era::Two, None) if matches!(sub, "npyio" | "stride_tricks" | "scimath") => {}
            (Era::Two, None) if LIB.contains(&sub) => {
                return Renamed::To(format!("numpy.lib._{sub}_impl"), None);
            }
            _ => {}
        }
    }
    Renamed::Same
}

/// A global that the rewriter must know to see what is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Known {
    /// `_frombuffer`: arrays of protocol 5.
    FromBuffer,
    /// `numpy.dtype`.
    Dtype,
    /// `numpy.random._pickle.__generator_ctor`.
    Generator,
    /// `numpy.random._pickle.__randomstate_ctor`.
    RandomState,
    /// `numpy.random._pickle.__bit_generator_ctor`.
    BitGenerator,
    /// A class of bit generators.
    BitGeneratorClass(&'static str),
    /// `_ufunc_reconstruct`, of NumPy before 1.20.
    Ufunc,
    /// joblib's array, whose bytes follow its state.
    JoblibArray,
    /// `copyreg._reconstructor`.
    Reconstructor,
}

const BIT_GENERATORS: &[(&str, &str)] = &[
    ("numpy.random._mt19937", "MT19937"),
    ("numpy.random._pcg64", "PCG64"),
    ("numpy.random._pcg64", "PCG64DXSM"),
    ("numpy.random._philox", "Philox"),
    ("numpy.random._sfc64", "SFC64"),
];

const KNOWN: &[(&str, &str, Known)] = &[
    ("numpy.core.numeric", "_frombuffer", Known::FromBuffer),
    ("numpy._core.numeric", "_frombuffer", Known::FromBuffer),
    ("numpy", "dtype", Known::Dtype),
    ("numpy.random._pickle", "__generator_ctor", Known::Generator),
    (
        "numpy.random._pickle",
        "__randomstate_ctor",
        Known::RandomState,
    ),
    (
        "numpy.random._pickle",
        "__bit_generator_ctor",
        Known::BitGenerator,
    ),
    ("numpy.core", "_ufunc_reconstruct", Known::Ufunc),
    (
        "joblib.numpy_pickle",
        "NumpyArrayWrapper",
        Known::JoblibArray,
    ),
    (
        "sklearn.externals.joblib.numpy_pickle",
        "NumpyArrayWrapper",
        Known::JoblibArray,
    ),
    ("copyreg", "_reconstructor", Known::Reconstructor),
    ("copy_reg", "_reconstructor", Known::Reconstructor),
];

/// What this global is to the rewriter.
pub(super) fn known(module: &str, name: &str) -> Option<Known> {
    let of_table = KNOWN.iter().find(|(m, n, _)| (*m, *n) == (module, name));
    let class = || BIT_GENERATORS.iter().find(|of| **of == (module, name));
    match of_table {
        Some((_, _, known)) => Some(*known),
        None => class().map(|(_, name)| Known::BitGeneratorClass(name)),
    }
}

/// Words that are neither names nor modules, and mean something all the same.
const WORDS: &[&str] = &[
    "C",
    "F",
    "K",
    "shape",
    "dtype",
    "numpy_array_alignment_bytes",
];

/// The word with that text, if it is one that a rewriter looks at: a part of a name in the tables above, a key.
pub(super) fn word(text: &str) -> Option<&'static str> {
    static TABLE: LazyLock<HashMap<String, &'static str>> = LazyLock::new(|| {
        let mut words: Vec<&'static str> = WORDS.to_vec();
        for ((module, name), _) in TO_ONE.iter().chain(TO_TWO) {
            words.extend([*module, *name]);
        }
        words.extend(
            MODULES_TO_ONE
                .iter()
                .chain(MODULES_TO_TWO)
                .map(|(from, _)| *from),
        );
        words.extend(
            LACKING_IN_ONE
                .iter()
                .chain(BIT_GENERATORS)
                .flat_map(|(m, n)| [*m, *n]),
        );
        words.extend(KNOWN.iter().flat_map(|(m, n, _)| [*m, *n]));
        let mut table: HashMap<String, &'static str> = words
            .iter()
            .map(|word| ((*word).to_owned(), *word))
            .collect();
        let subs = |era, subs: &[&str], spell: &dyn Fn(&str) -> String| -> Vec<String> {
            let all = subs.iter().map(|sub| spell(sub));
            all.filter(|module| rename(era, module, None) != Renamed::Same)
                .collect()
        };
        let mut made = vec!["numpy.core".to_owned(), "numpy._core".to_owned()];
        made.extend(subs(Era::Two, CORE, &|sub| format!("numpy.core.{sub}")));
        made.extend(subs(Era::One, CORE, &|sub| format!("numpy._core.{sub}")));
        made.extend(subs(Era::Two, LIB, &|sub| format!("numpy.lib.{sub}")));
        made.extend(subs(Era::One, LIB, &|sub| format!("numpy.lib._{sub}_impl")));
        for module in made {
            // A fixed number of them, once.
            let word: &'static str = Box::leak(module.clone().into_boxed_str());
            table.entry(module).or_insert(word);
        }
        table
    });
    TABLE.get(text).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn renamed(era: Era, module: &str, name: &str) -> (String, String) {
        match rename(era, module, Some(name)) {
            Renamed::To(module, new) => (module, new.unwrap_or(name).to_owned()),
            other => (format!("{other:?}"), name.to_owned()),
        }
    }

    #[test]
    fn single_names_come_before_their_modules() {
        let pair = |a: &str, b: &str| (a.to_owned(), b.to_owned());
        assert_eq!(
            renamed(Era::One, "numpy.rec", "recarray"),
            pair("numpy", "recarray")
        );
        assert_eq!(
            renamed(Era::One, "numpy.rec", "format_parser"),
            pair("numpy.core.records", "format_parser")
        );
        assert_eq!(
            renamed(Era::Two, "numpy.core.records", "record"),
            pair("numpy", "record")
        );
        assert_eq!(renamed(Era::One, "numpy", "bool"), pair("numpy", "bool_"));
    }

    #[test]
    fn only_known_parts_of_the_core_are_renamed() {
        let to = |module: &str| Renamed::To(module.to_owned(), None);
        let one = |module| rename(Era::One, module, Some("x"));
        assert_eq!(one("numpy._core.multiarray"), to("numpy.core.multiarray"));
        assert_eq!(one("numpy._core"), to("numpy.core"));
        assert_eq!(one("numpy._core.strings"), Renamed::Unknown);
        assert_eq!(one("numpy._corefoo"), Renamed::Same);
        assert_eq!(one("numpy.core.multiarray"), Renamed::Same);
        assert_eq!(one("mynumpy._core.multiarray"), Renamed::Same);
        assert_eq!(
            rename(Era::Two, "numpy.core.umath", None),
            to("numpy._core.umath")
        );
    }

    #[test]
    fn what_is_renamed_twice_is_as_it_was() {
        for sub in CORE {
            let old = format!("numpy.core.{sub}");
            let Renamed::To(new, None) = rename(Era::Two, &old, None) else {
                panic!("{old} is not renamed");
            };
            let Renamed::To(back, None) = rename(Era::One, &new, None) else {
                panic!("{new} is not renamed");
            };
            assert_eq!(back, old);
            assert!(word(&old).is_some() && word(&new).is_some());
        }
    }
}
