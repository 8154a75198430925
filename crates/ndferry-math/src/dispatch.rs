//! From a [`Code`](crate::code::Code) to the Rust type of its loops.

/// The body with `$T` for each code of the table; `_` is all others.
macro_rules! dispatch_among {
    ($code:expr, $T:ident => $body:expr, $($($name:ident)|+ => $type:ty,)+ $(_ => $other:ty)?) => {
        match $code {
            $($($crate::code::Code::$name)|+ => {
                type $T = $type;
                $body
            })+
            $(_ => {
                type $T = $other;
                $body
            })?
        }
    };
}

/// The body with `$T` for each code; bools as `u8`, f2 as `f32`.
macro_rules! dispatch {
    ($code:expr, $T:ident => $body:expr) => {
        dispatch_among!(
            $code, $T => $body,
            Bool | U8 => u8, I8 => i8, I16 => i16, U16 => u16, I32 => i32, U32 => u32, I64 => i64, U64 => u64,
            F16 | F32 => f32, F64 => f64,
            C64 => num_complex::Complex<f32>, C128 => num_complex::Complex<f64>,
        )
    };
}

/// The same of integers alone; everything else counts as `i64`.
macro_rules! dispatch_ints {
    ($code:expr, $T:ident => $body:expr) => {
        dispatch_among!(
            $code, $T => $body,
            Bool | U8 => u8, I8 => i8, I16 => i16, U16 => u16, I32 => i32, U32 => u32, U64 => u64,
            _ => i64
        )
    };
}

/// The same of integers and real floats; everything else counts as `f64`.
macro_rules! dispatch_real {
    ($code:expr, $T:ident => $body:expr) => {
        dispatch_among!(
            $code, $T => $body,
            Bool | U8 => u8, I8 => i8, I16 => i16, U16 => u16, I32 => i32, U32 => u32, I64 => i64, U64 => u64,
            F16 | F32 => f32,
            _ => f64
        )
    };
}
