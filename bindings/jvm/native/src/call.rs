//! Functions of arrays: what Java's operands are, for [`ndferry_math::call`].

use jni::Env;
use ndferry::Array;
use ndferry_math::{Operand, Options};

use crate::failure::{Failure, OfFunction};
use crate::given::{Buffers, Given};
use crate::packet::Unpacket;

/// What Java gives: an array or a number.
enum Either<'a> {
    Array(Given<'a>),
    Number(Operand<'static>),
}

/// Calls one.
pub(crate) fn call<'local>(
    env: &mut Env<'local>,
    name: &str,
    packet: &[u8],
    mut buffers: Buffers<'_, 'local>,
    options: &str,
) -> Result<Vec<Array>, Failure> {
    let mut packet = Unpacket::new(packet);
    let mut given = Vec::new();
    for _ in 0..packet.count()? {
        given.push(match packet.u8()? {
            0 => Either::Array(buffers.array(env, &mut packet)?),
            1 => Either::Number(Operand::Bool(packet.u8()? != 0)),
            2 => Either::Number(Operand::Int(packet.i128()?)),
            3 => Either::Number(Operand::Float(packet.f64()?)),
            4 => Either::Number(Operand::Complex(packet.f64()?, packet.f64()?)),
            _ => return Err(Failure::bug("an operand of no kind")),
        });
    }
    let operands = given.iter().map(Either::operand);
    let operands: Vec<_> = operands.collect::<Result<_, _>>()?;
    let options = match options {
        "" => Options::new(),
        text => Options::from_json(text)?,
    };
    Ok(ndferry_math::call(name, &operands, &options)?)
}

impl Either<'_> {
    fn operand(&self) -> Result<Operand<'_>, Failure> {
        Ok(match self {
            Self::Array(given) => Operand::Array(given.view()?),
            Self::Number(number) => number.clone(),
        })
    }
}

impl From<ndferry_math::MathError> for Failure {
    fn from(error: ndferry_math::MathError) -> Self {
        use ndferry_math::ErrorKind;
        let kind = match error.kind() {
            ErrorKind::Value => OfFunction::Value,
            ErrorKind::Type => OfFunction::Type,
            ErrorKind::Index => OfFunction::Index,
            ErrorKind::Axis => OfFunction::Axis,
            ErrorKind::LinAlg => OfFunction::LinAlg,
            ErrorKind::Overflow => OfFunction::Overflow,
            ErrorKind::Memory => OfFunction::Memory,
            ErrorKind::Attribute => OfFunction::Attribute,
        };
        Self::Function(kind, error.to_string())
    }
}
