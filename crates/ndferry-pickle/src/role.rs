//! [`Role`]: what a class or function is to this crate, by its exact name. Everything else is [`Role::Other`].

/// A name that means something here. Never a prefix: `numpy.*` also holds what runs anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    Other,
    /// Makes an empty array, whose state comes afterwards.
    Reconstruct,
    FromBuffer,
    /// `numpy.ndarray`, as a class to be made or to be called.
    NdArray,
    Scalar,
    Dtype,
    StringDtype,
    /// What the dtype of a struct may be made of: `numpy.record`, `numpy.void`.
    Record,
    MaskedArray,
    ArrayArray,
    ArrayReconstructor,
    /// joblib's, of which the elements follow between the opcodes.
    ArrayWrapper,
    /// joblib's, of which the elements are in another file.
    ArrayInFile,
    /// `_codecs.encode`
    Encode,
    Bytes,
    ByteArray,
    /// `copyreg._reconstructor`
    Reconstructor,
}

impl Role {
    pub(crate) fn of(module: &str, name: &str) -> Self {
        match (module, name) {
            (
                "numpy.core.multiarray"
                | "numpy._core.multiarray"
                | "numpy.core._multiarray_umath"
                | "numpy.core._internal"
                | "numpy._core._internal",
                "_reconstruct",
            ) => Self::Reconstruct,
            ("numpy.core.numeric" | "numpy._core.numeric", "_frombuffer") => Self::FromBuffer,
            ("numpy", "ndarray") => Self::NdArray,
            (
                "numpy.core.multiarray" | "numpy._core.multiarray" | "numpy.core._multiarray_umath",
                "scalar",
            ) => Self::Scalar,
            ("numpy", "dtype") => Self::Dtype,
            (
                "numpy.core._internal" | "numpy._core._internal",
                "_convert_to_stringdtype_kwargs",
            ) => Self::StringDtype,
            ("numpy" | "numpy.rec" | "numpy.core.records", "record") | ("numpy", "void") => {
                Self::Record
            }
            ("numpy.ma.core", "_mareconstruct") | ("numpy.ma.mrecords", "_mrreconstruct") => {
                Self::MaskedArray
            }
            ("array", "array") => Self::ArrayArray,
            ("array", "_array_reconstructor") => Self::ArrayReconstructor,
            (
                "joblib.numpy_pickle" | "sklearn.externals.joblib.numpy_pickle",
                "NumpyArrayWrapper",
            ) => Self::ArrayWrapper,
            (
                "joblib.numpy_pickle" | "sklearn.externals.joblib.numpy_pickle",
                "NDArrayWrapper" | "ZNDArrayWrapper",
            ) => Self::ArrayInFile,
            ("_codecs", "encode") => Self::Encode,
            ("__builtin__" | "builtins", "bytes") => Self::Bytes,
            ("__builtin__" | "builtins", "bytearray") => Self::ByteArray,
            ("copyreg" | "copy_reg", "_reconstructor") => Self::Reconstructor,
            _ => Self::Other,
        }
    }
}
