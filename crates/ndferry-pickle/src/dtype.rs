//! Pickled dtypes: `numpy.dtype`, a type string, and a state of one of five versions.

use std::collections::{HashMap, HashSet};

use ndferry_array::{ByteOrder, DateUnit, Dtype, Field, Kind, Struct, TimeUnit};

use crate::role::Role;
use crate::value::{Id, Tree, Value};
use crate::{ErrorKind, Limits, Result};

/// Reads dtypes, each once: pickles share them between arrays.
#[derive(Debug, Default)]
pub(crate) struct Dtypes {
    known: HashMap<Id, Known>,
    /// The one asked for last, which is most likely asked for again.
    last: Option<(Id, Known)>,
    /// Those being read, to notice one that contains itself.
    open: HashSet<Id>,
}

/// A dtype, and how many fields it has when nested ones are counted wherever they occur.
#[derive(Clone, Debug)]
pub(crate) struct Known {
    pub(crate) dtype: Dtype,
    pub(crate) fields: usize,
    pub(crate) has_object: bool,
    /// How many pointers in it have four bytes, as 32-bit machines write them; `dtype` has eight for each.
    narrow: usize,
}

impl Known {
    /// A dtype without fields.
    pub(crate) fn plain(dtype: Dtype) -> Self {
        Self {
            has_object: dtype.has_object(),
            fields: 0,
            narrow: 0,
            dtype,
        }
    }
}

/// What the state of a dtype says, of whatever version.
struct State {
    endian: Id,
    subdtype: Id,
    names: Option<Id>,
    fields: Id,
    elsize: Id,
    flags: Option<Id>,
    metadata: Option<Id>,
}

impl Dtypes {
    /// The dtype that was asked for last, if it is this one.
    #[inline]
    pub(crate) fn last(&self, id: Id) -> Option<&Known> {
        let (last, known) = self.last.as_ref()?;
        (*last == id).then_some(known)
    }

    pub(crate) fn read(&mut self, tree: &Tree, limits: &Limits, id: Id) -> Result<Known> {
        if let Some(known) = self.last(id) {
            return Ok(known.clone());
        }
        let known = self.read_other(tree, limits, id)?;
        self.last = Some((id, known.clone()));
        Ok(known)
    }

    fn read_other(&mut self, tree: &Tree, limits: &Limits, id: Id) -> Result<Known> {
        if let Some(known) = self.known.get(&id) {
            return Ok(known.clone());
        }
        let (call, role, args) = match (tree.get(id), tree.role_call(id)) {
            (_, Some(call)) => call,
            (other, None) => {
                let (expected, found) = ("a dtype", other.type_name());
                return Err(ErrorKind::Kind { expected, found }.at(tree.offset_of(id)));
            }
        };
        if !self.open.insert(id) || self.open.len() > Dtype::MAX_DEPTH {
            let limit = Dtype::MAX_DEPTH;
            return Err(
                ErrorKind::Array(ndferry_array::Error::DtypeDepth { limit }).at(call.offset)
            );
        }
        let known = match (role, args) {
            (Role::Dtype, [first, ..]) => {
                let state = call.state();
                self.of_parts(tree, limits, *first, state, call.offset)
            }
            (Role::StringDtype, _) => Ok(Known {
                dtype: Dtype::VARIABLE_STRING,
                fields: 0,
                has_object: true,
                narrow: 0,
            }),
            _ => {
                let what = match tree.global(call.function) {
                    Some((module, name)) => format!("a dtype made by {module}.{name}"),
                    None => "a dtype made by an object".to_owned(),
                };
                Err(ErrorKind::Unsupported { what }.at(call.offset))
            }
        };
        self.open.remove(&id);
        let known = known?;
        self.known.insert(id, known.clone());
        Ok(known)
    }

    fn of_parts(
        &mut self,
        tree: &Tree,
        limits: &Limits,
        first: Id,
        state: Option<Id>,
        offset: u64,
    ) -> Result<Known> {
        let wrong = |problem: String| {
            let what = "dtype";
            ErrorKind::State { what, problem }.at(offset)
        };
        let base = match (tree.name(first)?, tree.global(first)) {
            (Some(text), _) => Dtype::parse(&text).map_err(|e| ErrorKind::Array(e).at(offset))?,
            (None, Some(_)) if tree.role(first) == Role::Record => void(0),
            (None, Some((module, name))) => {
                let what = format!("the dtype of {module}.{name}");
                return Err(ErrorKind::Unsupported { what }.at(offset));
            }
            (None, None) => {
                let found = tree.get(first).type_name();
                return Err(wrong(format!("it is made of a {found}")));
            }
        };
        let narrow = usize::from(
            *base.kind() == Kind::Object
                && tree.name(first)?.is_some_and(|text| text.ends_with('4')),
        );
        let Some(state) = state else {
            return Ok(Known {
                narrow,
                ..Known::plain(base)
            });
        };
        let state = State::of(tree, state).ok_or_else(|| {
            let found = tree.sequence(state).map(<[Id]>::len);
            wrong(match found {
                Some(len) => format!("no version of NumPy writes a state of these {len} parts"),
                None => "its state is not a tuple".to_owned(),
            })
        })?;
        let flags = state.flags;
        let mut known = self.of_state(tree, limits, &base, state, offset)?;
        known.narrow += narrow;
        if let Some(flags) = flags {
            let problem = flags_problem(tree.int(flags), known.has_object);
            problem.map_or(Ok(()), |problem| Err(wrong(problem)))?;
        }
        Ok(known)
    }

    fn of_state(
        &mut self,
        tree: &Tree,
        limits: &Limits,
        base: &Dtype,
        state: State,
        offset: u64,
    ) -> Result<Known> {
        let wrong = |problem: String| {
            let what = "dtype";
            ErrorKind::State { what, problem }.at(offset)
        };
        let State {
            endian,
            subdtype,
            names,
            fields,
            elsize,
            flags,
            metadata,
        } = state;
        let byteorder = match tree.name(endian)?.as_deref() {
            Some("<") => ByteOrder::Little,
            Some(">") => ByteOrder::Big,
            Some("=") => ByteOrder::NATIVE,
            Some("|") => ByteOrder::NotApplicable,
            other => return Err(wrong(format!("its byte order is {other:?}"))),
        };
        let itemsize = match tree.int(elsize) {
            Some(-1) => None,
            Some(nbytes) => Some(
                usize::try_from(nbytes)
                    .ok()
                    .filter(|n| i32::try_from(*n).is_ok())
                    .ok_or_else(|| wrong(format!("its elements have {nbytes} bytes")))?,
            ),
            None => return Err(wrong("its itemsize is no number".to_owned())),
        };
        let array = |e| ErrorKind::Array(e).at(offset);

        let has_parts = [subdtype, fields]
            .iter()
            .any(|part| !matches!(tree.get(*part), Value::None));
        // NumPy would take the parts for what lies behind an address.
        if has_parts && *base.kind() != Kind::Void {
            return Err(wrong(format!("{base} has fields or a subarray")));
        }
        // No NumPy writes this. Loading it, NumPy swaps the bytes of every field, whatever order the field has.
        if has_parts && byteorder == ByteOrder::Big {
            return Err(wrong("it has parts and an order of bytes".to_owned()));
        }
        if !matches!(tree.get(subdtype), Value::None) {
            let Some([base, shape]) = tree.sequence(subdtype) else {
                return Err(wrong("its subarray is not (dtype, shape)".to_owned()));
            };
            let base = self.read(tree, limits, *base)?;
            let shape = tree
                .shape(*shape)
                .ok_or_else(|| wrong("the shape of its subarray".to_owned()))?;
            let dtype = Dtype::subarray(base.dtype.clone(), &shape).map_err(array)?;
            // No overflow: the dtype has eight bytes for each.
            let narrow = base.narrow * shape.iter().product::<usize>();
            if itemsize.is_some_and(|nbytes| nbytes != dtype.itemsize() - 4 * narrow) {
                return Err(wrong(format!(
                    "its subarray does not fill {itemsize:?} bytes"
                )));
            }
            return Ok(Known {
                dtype,
                narrow,
                ..base
            });
        }
        if let Value::Dict(pairs) = tree.get(fields) {
            let aligned = flags
                .and_then(|flags| tree.int(flags))
                .is_some_and(|flags| flags & 0x80 != 0);
            return self.of_fields(tree, limits, names, pairs, itemsize, aligned, offset);
        }
        if !matches!(tree.get(fields), Value::None) {
            return Err(wrong("its fields are not a dict".to_owned()));
        }
        let kind = match base.kind() {
            Kind::Datetime(_) => Kind::Datetime(time_unit(tree, metadata)?.map_err(wrong)?),
            Kind::Timedelta(_) => Kind::Timedelta(time_unit(tree, metadata)?.map_err(wrong)?),
            other => other.clone(),
        };
        // Only strings come in other sizes than their type string says.
        let itemsize = match (&kind, itemsize) {
            (Kind::Bytes | Kind::Unicode | Kind::Void, Some(nbytes)) => nbytes,
            (_, Some(nbytes)) if nbytes != base.itemsize() => {
                return Err(wrong(format!("{base} does not have {nbytes} bytes")));
            }
            _ => base.itemsize(),
        };
        Ok(Known::plain(
            Dtype::new(kind, byteorder, itemsize).map_err(array)?,
        ))
    }

    #[expect(clippy::too_many_arguments, reason = "one call, of parts of one state")]
    fn of_fields(
        &mut self,
        tree: &Tree,
        limits: &Limits,
        names: Option<Id>,
        pairs: &[(Id, Id)],
        itemsize: Option<usize>,
        aligned: bool,
        offset: u64,
    ) -> Result<Known> {
        let wrong = |problem: String| {
            let what = "dtype";
            ErrorKind::State { what, problem }.at(offset)
        };
        let mut by_name = HashMap::with_capacity(pairs.len());
        // Before version 2, the names in order were under the key -1.
        let mut old_names = None;
        for (key, value) in pairs {
            match tree.name(*key)? {
                Some(name) => {
                    by_name.insert(name, *value);
                }
                None if tree.int(*key) == Some(-1) => old_names = Some(*value),
                // A title may be anything that can be a key.
                None => {}
            }
        }
        let names = names
            .filter(|names| !matches!(tree.get(*names), Value::None))
            .or(old_names);
        let Some(names) = names.and_then(|names| tree.sequence(names)) else {
            return Err(wrong("it has fields but no names".to_owned()));
        };
        let Some(itemsize) = itemsize else {
            return Err(wrong("a struct without itemsize".to_owned()));
        };
        let mut fields = Vec::with_capacity(names.len().min(pairs.len()));
        let mut narrows = Vec::new();
        let mut count = 0;
        let mut has_object = false;
        for name in names {
            let Some(name) = tree.name(*name)? else {
                return Err(wrong("the name of a field is no text".to_owned()));
            };
            // Taken out, so that a name counts once.
            let field = by_name.remove(&name).and_then(|field| tree.sequence(field));
            let (dtype, at, title) = match field {
                Some([dtype, at]) => (*dtype, *at, None),
                Some([dtype, at, title]) => (*dtype, *at, Some(*title)),
                _ => return Err(wrong(format!("field {name:?} is not (dtype, offset)"))),
            };
            let known = self.read(tree, limits, dtype)?;
            let Some(at) = tree.int(at).and_then(|at| usize::try_from(at).ok()) else {
                return Err(wrong(format!("field {name:?} has no offset")));
            };
            count += 1 + known.fields;
            has_object |= known.has_object;
            if count > limits.fields {
                return Err(ErrorKind::Limit {
                    what: "fields of a dtype",
                    found: count as u64,
                    limit: limits.fields as u64,
                }
                .at(offset));
            }
            let title = match title {
                Some(title) => tree.name(title)?.map(|title| title.into_owned()),
                None => None,
            };
            let title_nbytes = title.as_ref().map_or(0, String::len);
            if title_nbytes > limits.name_nbytes {
                return Err(ErrorKind::Limit {
                    what: "bytes of a field's title",
                    found: title_nbytes as u64,
                    limit: limits.name_nbytes as u64,
                }
                .at(offset));
            }
            if known.narrow > 0 {
                narrows.push((at, known.narrow));
            }
            fields.push(Field {
                name: name.into_owned(),
                title,
                dtype: known.dtype,
                offset: at,
            });
        }
        let narrow = narrows.iter().map(|(_, count)| count).sum();
        let itemsize = widen(&mut fields, itemsize, &mut narrows)
            .ok_or_else(|| wrong(format!("{narrow} pointers in {itemsize} bytes")))?;
        let aligned = aligned && narrow == 0;
        let fields =
            Struct::new(fields, itemsize, aligned).map_err(|e| ErrorKind::Array(e).at(offset))?;
        Ok(Known {
            dtype: Dtype::structured(fields),
            fields: count,
            has_object,
            narrow,
        })
    }
}

impl State {
    fn of(tree: &Tree, id: Id) -> Option<Self> {
        let Value::Tuple(parts) = tree.get(id) else {
            return None;
        };
        let version = parts.first().and_then(|id| tree.int(*id));
        let (rest, names, flags, metadata) = match (parts, version) {
            ([_, e, s, n, f, z, _, flags, meta], Some(4)) => {
                ([*e, *s, *f, *z], Some(*n), Some(*flags), Some(*meta))
            }
            ([_, e, s, n, f, z, _, flags], Some(3)) => {
                ([*e, *s, *f, *z], Some(*n), Some(*flags), None)
            }
            ([_, e, s, n, f, z, _], Some(2)) => ([*e, *s, *f, *z], Some(*n), None, None),
            ([_, e, s, f, z, _], Some(1)) => ([*e, *s, *f, *z], None, None, None),
            ([e, s, f, z, _], _) => ([*e, *s, *f, *z], None, None, None),
            _ => return None,
        };
        let [endian, subdtype, fields, elsize] = rest;
        Some(Self {
            endian,
            subdtype,
            names,
            fields,
            elsize,
            flags,
            metadata,
        })
    }
}

/// What is wrong with the flags of a dtype, which NumPy believes: whether to count references to elements and to take
/// elements from a list (`NPY_ITEM_REFCOUNT`, `NPY_LIST_PICKLE`, `NPY_ITEM_IS_POINTER` in `ndarraytypes.h`).
fn flags_problem(flags: Option<i64>, has_object: bool) -> Option<String> {
    const REFCOUNT: i64 = 1;
    const LIST_PICKLE: i64 = 2;
    const IS_POINTER: i64 = 4;
    let Some(flags) = flags else {
        return Some("its flags are no number".to_owned());
    };
    let says_object = flags & (REFCOUNT | LIST_PICKLE | IS_POINTER) != 0;
    match has_object {
        true if flags & REFCOUNT == 0 || flags & LIST_PICKLE == 0 => {
            Some(format!("it holds objects, which its flags {flags} deny"))
        }
        false if says_object => Some(format!(
            "it holds no objects, which its flags {flags} claim"
        )),
        _ => None,
    }
}

/// The unit in `(metadata, (unit, num, den, events))`; without it, there is none.
fn time_unit(tree: &Tree, metadata: Option<Id>) -> Result<std::result::Result<TimeUnit, String>> {
    // Of version 3 or older, NumPy 2.4 crashes on it. There is a unit in all that were ever written, if only the generic one.
    let Some(metadata) = metadata.filter(|id| !matches!(tree.get(*id), Value::None)) else {
        return Ok(Err("it has no time unit".to_owned()));
    };
    let parts = match tree.sequence(metadata) {
        Some([_, parts]) => tree.sequence(*parts),
        _ => None,
    };
    let Some([unit, num, den, ..]) = parts else {
        return Ok(Err("its metadata is no time unit".to_owned()));
    };
    let (Some(unit), Some(num), Some(1)) = (tree.name(*unit)?, tree.int(*num), tree.int(*den))
    else {
        return Ok(Err("its time unit is not (unit, number, 1)".to_owned()));
    };
    let Ok(multiple @ 1..) = i32::try_from(num) else {
        return Ok(Err(format!("its time unit is {num} {unit}")));
    };
    Ok(DateUnit::parse(&unit)
        .map(|unit| TimeUnit { unit, multiple })
        .map_err(|error| error.to_string()))
}

/// Makes room for pointers of eight bytes where a 32-bit machine had four: each moves what lies behind it. The elements
/// are no affair of this: where there are objects, they come as a list of tuples. Gives the itemsize.
fn widen(fields: &mut [Field], itemsize: usize, narrows: &mut [(usize, usize)]) -> Option<usize> {
    narrows.sort_unstable();
    let mut before = 0usize;
    for (_, count) in narrows.iter_mut() {
        before = before.checked_add(*count)?;
        *count = before;
    }
    for field in fields {
        let moved_by = narrows.partition_point(|(at, _)| *at < field.offset);
        let pointers = moved_by.checked_sub(1).map_or(0, |last| narrows[last].1);
        field.offset = field.offset.checked_add(pointers.checked_mul(4)?)?;
    }
    itemsize.checked_add(before.checked_mul(4)?)
}

fn void(itemsize: usize) -> Dtype {
    Dtype::new(Kind::Void, ByteOrder::NotApplicable, itemsize).unwrap_or(Dtype::U8)
}
