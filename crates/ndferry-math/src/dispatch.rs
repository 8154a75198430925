//! From a [`Code`](crate::code::Code) to the Rust type of its loops.

/// The body with `$T` for each code; bools as `u8`, f2 as `f32`.
macro_rules! dispatch {
    ($code:expr, $T:ident => $body:expr) => {
        match $code {
            $crate::code::Code::Bool | $crate::code::Code::U8 => {
                type $T = u8;
                $body
            }
            $crate::code::Code::I8 => {
                type $T = i8;
                $body
            }
            $crate::code::Code::I16 => {
                type $T = i16;
                $body
            }
            $crate::code::Code::U16 => {
                type $T = u16;
                $body
            }
            $crate::code::Code::I32 => {
                type $T = i32;
                $body
            }
            $crate::code::Code::U32 => {
                type $T = u32;
                $body
            }
            $crate::code::Code::I64 => {
                type $T = i64;
                $body
            }
            $crate::code::Code::U64 => {
                type $T = u64;
                $body
            }
            $crate::code::Code::F16 | $crate::code::Code::F32 => {
                type $T = f32;
                $body
            }
            $crate::code::Code::F64 => {
                type $T = f64;
                $body
            }
            $crate::code::Code::C64 => {
                type $T = num_complex::Complex<f32>;
                $body
            }
            $crate::code::Code::C128 => {
                type $T = num_complex::Complex<f64>;
                $body
            }
        }
    };
}

/// The same of integers alone; everything else counts as `i64`.
macro_rules! dispatch_ints {
    ($code:expr, $T:ident => $body:expr) => {
        match $code {
            $crate::code::Code::Bool | $crate::code::Code::U8 => {
                type $T = u8;
                $body
            }
            $crate::code::Code::I8 => {
                type $T = i8;
                $body
            }
            $crate::code::Code::I16 => {
                type $T = i16;
                $body
            }
            $crate::code::Code::U16 => {
                type $T = u16;
                $body
            }
            $crate::code::Code::I32 => {
                type $T = i32;
                $body
            }
            $crate::code::Code::U32 => {
                type $T = u32;
                $body
            }
            $crate::code::Code::U64 => {
                type $T = u64;
                $body
            }
            _ => {
                type $T = i64;
                $body
            }
        }
    };
}

/// The same of integers and real floats; everything else counts as `f64`.
macro_rules! dispatch_real {
    ($code:expr, $T:ident => $body:expr) => {
        match $code {
            $crate::code::Code::Bool | $crate::code::Code::U8 => {
                type $T = u8;
                $body
            }
            $crate::code::Code::I8 => {
                type $T = i8;
                $body
            }
            $crate::code::Code::I16 => {
                type $T = i16;
                $body
            }
            $crate::code::Code::U16 => {
                type $T = u16;
                $body
            }
            $crate::code::Code::I32 => {
                type $T = i32;
                $body
            }
            $crate::code::Code::U32 => {
                type $T = u32;
                $body
            }
            $crate::code::Code::I64 => {
                type $T = i64;
                $body
            }
            $crate::code::Code::U64 => {
                type $T = u64;
                $body
            }
            $crate::code::Code::F16 | $crate::code::Code::F32 => {
                type $T = f32;
                $body
            }
            _ => {
                type $T = f64;
                $body
            }
        }
    };
}
