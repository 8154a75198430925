//! [`Element`]: which Rust type holds which dtype.

use half::f16;

use crate::{ByteOrder, Dtype, Error, Kind};

/// A Rust type that is an element of some dtype: integers, floats (also [`half::f16`]), `bool`, and pairs of floats
/// for complex numbers.
pub trait Element: Copy + 'static {
    /// Its dtype in this machine's byte order.
    fn dtype() -> Dtype;

    /// One element from exactly its bytes, which are reversed first if `swapped`.
    fn from_bytes(bytes: &[u8], swapped: bool) -> Self;

    /// Appends its bytes in this machine's order.
    fn write(self, out: &mut Vec<u8>);

    /// Whether `dtype` is this type in either byte order.
    ///
    /// # Errors
    /// [`Error::DtypeMismatch`] if not.
    fn require(dtype: &Dtype) -> Result<(), Error> {
        let own = Self::dtype();
        if own.kind() == dtype.kind() && own.itemsize() == dtype.itemsize() {
            return Ok(());
        }
        Err(Error::DtypeMismatch {
            left: own.str(),
            right: dtype.str(),
        })
    }
}

macro_rules! number {
    ($($type:ty: $kind:ident)*) => {$(
        impl Element for $type {
            fn dtype() -> Dtype {
                Dtype { kind: Kind::$kind, byteorder: native(size_of::<$type>()), itemsize: size_of::<$type>() }
            }

            fn from_bytes(bytes: &[u8], swapped: bool) -> Self {
                let mut own = [0; size_of::<$type>()];
                own.copy_from_slice(bytes);
                if swapped {
                    own.reverse();
                }
                Self::from_ne_bytes(own)
            }

            fn write(self, out: &mut Vec<u8>) {
                out.extend_from_slice(&self.to_ne_bytes());
            }
        }
    )*};
}

number!(i8: Int i16: Int i32: Int i64: Int u8: Uint u16: Uint u32: Uint u64: Uint f16: Float f32: Float f64: Float);

macro_rules! complex {
    ($($type:ty)*) => {$(
        impl Element for [$type; 2] {
            fn dtype() -> Dtype {
                Dtype { kind: Kind::Complex, byteorder: ByteOrder::NATIVE, itemsize: size_of::<Self>() }
            }

            fn from_bytes(bytes: &[u8], swapped: bool) -> Self {
                let (re, im) = bytes.split_at(size_of::<$type>());
                [<$type>::from_bytes(re, swapped), <$type>::from_bytes(im, swapped)]
            }

            fn write(self, out: &mut Vec<u8>) {
                self.into_iter().for_each(|part| part.write(out));
            }
        }
    )*};
}

complex!(f32 f64);

impl Element for bool {
    fn dtype() -> Dtype {
        Dtype::BOOL
    }

    fn from_bytes(bytes: &[u8], _swapped: bool) -> Self {
        bytes[0] != 0
    }

    fn write(self, out: &mut Vec<u8>) {
        out.push(self.into());
    }
}

fn native(itemsize: usize) -> ByteOrder {
    if itemsize > 1 {
        ByteOrder::NATIVE
    } else {
        ByteOrder::NotApplicable
    }
}
