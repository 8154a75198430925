//! Names that NumPy 1 and NumPy 2 spell differently, and the spellings that both load.

use std::borrow::Cow;

use crate::Numpy;

/// Where a class or function was found over the years, and where it is for each NumPy.
struct Row {
    name: &'static str,
    modules: &'static [&'static str],
    /// A module where every NumPy has it, and says nothing about it.
    any: &'static str,
    one: &'static str,
    two: &'static str,
}

const MULTIARRAY: &[&str] = &[
    "numpy.core.multiarray",
    "numpy._core.multiarray",
    "numpy.core._multiarray_umath",
    "numpy.core._internal",
    "numpy._core._internal",
];

const fn class(name: &'static str, modules: &'static [&'static str], two: &'static str) -> Row {
    let (any, one) = ("numpy", "numpy");
    Row {
        name,
        modules,
        any,
        one,
        two,
    }
}

const ROWS: &[Row] = &[
    Row {
        name: "_reconstruct",
        modules: MULTIARRAY,
        any: "numpy.core.multiarray",
        one: "numpy.core.multiarray",
        two: "numpy._core.multiarray",
    },
    Row {
        name: "scalar",
        modules: MULTIARRAY,
        any: "numpy.core.multiarray",
        one: "numpy.core.multiarray",
        two: "numpy._core.multiarray",
    },
    // NumPy 1 has none.
    Row {
        name: "_convert_to_stringdtype_kwargs",
        modules: &["numpy.core._internal", "numpy._core._internal"],
        any: "numpy._core._internal",
        one: "",
        two: "numpy._core._internal",
    },
    class(
        "recarray",
        &["numpy", "numpy.rec", "numpy.core.records"],
        "numpy.rec",
    ),
    class(
        "record",
        &["numpy", "numpy.rec", "numpy.core.records"],
        "numpy",
    ),
    class(
        "matrix",
        &["numpy", "numpy.matrixlib.defmatrix", "numpy.core.defmatrix"],
        "numpy",
    ),
    class(
        "memmap",
        &["numpy", "numpy.core.memmap", "numpy._core.memmap"],
        "numpy",
    ),
    class("poly1d", &["numpy", "numpy.lib.polynomial"], "numpy"),
    Row {
        name: "MaskedArray",
        modules: &["numpy.ma", "numpy.ma.core"],
        any: "numpy.ma.core",
        one: "numpy.ma.core",
        two: "numpy.ma",
    },
];

/// A module and a name in it as this NumPy spells them; `None` if that NumPy has no such thing.
pub(crate) fn name_for<'n>(
    module: &'n str,
    name: &'n str,
    numpy: Numpy,
) -> Option<(Cow<'n, str>, &'n str)> {
    let name = match (module, name, numpy) {
        // NumPy 1 has Python's own under that name, and warns.
        ("numpy", "bool", Numpy::Any | Numpy::One) => "bool_",
        ("numpy", "bool_", Numpy::Two) => "bool",
        ("numpy", "chararray" | "char.chararray", _)
        | ("numpy.char" | "numpy.core.defchararray" | "numpy._core.defchararray", "chararray", _) =>
        {
            return Some(match numpy {
                // `numpy.char` is a module of that name in NumPy 2 alone, and `numpy.chararray` warns there.
                Numpy::Any => ("numpy".into(), "char.chararray"),
                Numpy::One => ("numpy".into(), "chararray"),
                Numpy::Two => ("numpy.char".into(), "chararray"),
            });
        }
        (_, name, _) => name,
    };
    Some((module_for(module, name, numpy)?, name))
}

fn module_for<'n>(module: &'n str, name: &str, numpy: Numpy) -> Option<Cow<'n, str>> {
    if !module.starts_with("numpy") {
        return Some(Cow::Borrowed(module));
    }
    let known = |row: &&Row| row.name == name && row.modules.contains(&module);
    if let Some(row) = ROWS.iter().find(known) {
        let module = match numpy {
            Numpy::Any => row.any,
            Numpy::One => row.one,
            Numpy::Two => row.two,
        };
        return (!module.is_empty()).then_some(Cow::Borrowed(module));
    }
    let (old, new) = ("numpy.core", "numpy._core");
    let renamed = |from: &str, to: &str| {
        let rest = module.strip_prefix(from)?;
        (rest.is_empty() || rest.starts_with('.')).then(|| Cow::Owned(format!("{to}{rest}")))
    };
    let renamed = match numpy {
        Numpy::Any => None,
        Numpy::One => renamed(new, old),
        // NumPy 2 kept a function for pickled ufuncs where it was.
        Numpy::Two if name == "_ufunc_reconstruct" => None,
        Numpy::Two => renamed(old, new),
    };
    Some(renamed.unwrap_or(Cow::Borrowed(module)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_numpy_has_its_modules() {
        let of = |module, name| {
            [Numpy::Any, Numpy::One, Numpy::Two].map(|numpy| module_for(module, name, numpy))
        };
        let names = |any: &'static str, one: &'static str, two: &'static str| {
            [any, one, two].map(|module| Some(Cow::Borrowed(module)))
        };
        assert_eq!(
            of("numpy.core._multiarray_umath", "scalar"),
            names(
                "numpy.core.multiarray",
                "numpy.core.multiarray",
                "numpy._core.multiarray"
            )
        );
        assert_eq!(
            of("numpy.rec", "recarray"),
            names("numpy", "numpy", "numpy.rec")
        );
        assert_eq!(
            of("numpy._core.numeric", "_frombuffer"),
            names(
                "numpy._core.numeric",
                "numpy.core.numeric",
                "numpy._core.numeric"
            )
        );
        assert_eq!(
            of("numpy.corex", "f"),
            names("numpy.corex", "numpy.corex", "numpy.corex")
        );
        let chars =
            |numpy| name_for("numpy.core.defchararray", "chararray", numpy).map(|name| name.1);
        assert_eq!(chars(Numpy::Any), Some("char.chararray"));
        assert_eq!(
            name_for("numpy", "bool", Numpy::One).map(|name| name.1),
            Some("bool_")
        );
        assert_eq!(
            of("numpy._core._internal", "_convert_to_stringdtype_kwargs")[1],
            None
        );
    }
}
