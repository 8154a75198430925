"""dtype: what each element of an array is."""
from __future__ import absolute_import

from java.lang import IllegalArgumentException
from org.ndferry import Dtype
from org.ndferry.jython import Promotion, Sequences

_CHARS = {
    '|b1': '?', '|O': 'O', 'i1': 'b', 'u1': 'B', 'i2': 'h', 'u2': 'H', 'i4': 'i', 'u4': 'I', 'i8': 'l', 'u8': 'L',
    'f2': 'e', 'f4': 'f', 'f8': 'd', 'f16': 'g', 'c8': 'F', 'c16': 'D', 'c32': 'G',
}
_ALIASES = {
    'bool': '?', 'bool_': '?', 'int': 'i8', 'uint': 'u8', 'float': 'f8', 'complex': 'c16', 'str': 'U', 'unicode': 'U',
    'bytes': 'S', 'byte': 'i1', 'ubyte': 'u1', 'short': 'i2', 'ushort': 'u2', 'intc': 'i4', 'uintc': 'u4', 'long': 'i8',
    'ulong': 'u8', 'longlong': 'i8', 'ulonglong': 'u8', 'intp': 'i8', 'uintp': 'u8', 'half': 'f2', 'single': 'f4',
    'double': 'f8', 'csingle': 'c8', 'cdouble': 'c16', 'void': 'V',
}
_OF_PYTHON = {bool: '?', int: 'i8', long: 'i8', float: 'f8', complex: 'c16', str: 'S', unicode: 'U', type(None): 'f8', object: 'O'}


class dtype(object):
    """numpy.dtype. Made of everything that NumPy takes for one, but for Python objects and descriptions with titles."""

    __slots__ = ('_d',)

    def __new__(cls, spec=None, align=False, copy=False):
        if isinstance(spec, dtype):
            return spec
        return of_java(_java(spec))

    @property
    def str(self):
        return str(self._d.str())

    @property
    def name(self):
        return str(self._d.name())

    @property
    def kind(self):
        return str(self._d.kind().code())

    @property
    def itemsize(self):
        return self._d.itemsize()

    @property
    def byteorder(self):
        order = self.str[0]
        return '=' if order == '<' else order

    @property
    def isnative(self):
        if self.fields is not None:
            return all(field[0].isnative for field in self.fields.values())
        return self.str[0] != '>'

    @property
    def char(self):
        return _CHARS.get(self.str[1:], _CHARS.get(self.str, self.kind))

    @property
    def names(self):
        if not self._d.isStruct():
            return None
        return tuple(str(field.name()) for field in self._d.fields())

    @property
    def fields(self):
        if not self._d.isStruct():
            return None
        return dict((str(field.name()), (of_java(field.dtype()), field.offset())) for field in self._d.fields())

    @property
    def base(self):
        return of_java(self._d.base())

    @property
    def shape(self):
        return Sequences.tuple(self._d.subshape())

    @property
    def ndim(self):
        return len(self.shape)

    @property
    def subdtype(self):
        return (self.base, self.shape) if self.shape else None

    @property
    def hasobject(self):
        return self._d.hasObject()

    @property
    def descr(self):
        text = str(self._d)
        return eval(text, {'__builtins__': {}}) if text.startswith('[') else [('', self.str)]

    @property
    def type(self):
        from numpy import _scalars
        return _scalars.of_kind(self)

    def newbyteorder(self, order='S'):
        if self._d.isStruct() or self.shape:
            raise TypeError('newbyteorder of a structured dtype: change its fields')
        now = self.str
        if now[0] == '|':
            return self
        order = {'S': '<' if now[0] == '>' else '>', '=': '<', 'L': '<', 'B': '>', 'N': '<'}.get(order, order)
        return dtype(order + now[1:])

    def __getitem__(self, key):
        names = self.names
        if names is None:
            raise KeyError('There are no fields in dtype %s.' % self)
        if isinstance(key, (int, long)):
            key = names[key]
        if key not in names:
            raise KeyError('Field named %r not found.' % (key,))
        return self.fields[key][0]

    def __len__(self):
        return len(self.names or ())

    def __eq__(self, other):
        try:
            return self._d.equals(dtype(other)._d)
        except (TypeError, ValueError):
            return False

    def __ne__(self, other):
        return not self == other

    def __hash__(self):
        return self._d.hashCode()

    def __str__(self):
        if self._d.isStruct() or self.shape or self.kind in 'SUV' or self.str[0] == '>':
            text = str(self._d.spelling())
            return text[1:-1] if text.startswith("'") else text
        return self.name

    def __repr__(self):
        text = str(self)
        return 'dtype(%s)' % (text if text[:1] in '[{(' else repr(text))

    def __reduce__(self):
        return dtype, (self.descr if self.names is not None else self.str,)

    def __setstate__(self, state):
        """As NumPy's pickles have it, for Python's own pickle."""
        order, subdtype, names, fields, itemsize = state[1:6]
        order = str(order).replace('|', '<').replace('=', '<')
        if subdtype is not None:
            self._d = _java((subdtype[0], subdtype[1]))
        elif fields is not None:
            parts, at = [], 0
            for name in names:
                kind, offset = fields[name][:2]
                if offset < at:
                    raise ValueError('fields that overlap')
                if offset > at:
                    parts.append(('', 'V%d' % (offset - at)))
                parts.append((name, kind))
                at = offset + kind.itemsize
            if itemsize > at:
                parts.append(('', 'V%d' % (itemsize - at)))
            self._d = _java(parts)
        elif self.kind in 'mM':
            unit = state[8][1]
            count = '' if unit[1] == 1 else '%d' % unit[1]
            self._d = Dtype.of('%s%s8[%s%s]' % (order, self.kind, count, unit[0]))
        elif self.str[0] != '|':
            self._d = Dtype.of(order + self.str[1:])


dtype.__module__ = 'numpy'


def of_java(java):
    made = object.__new__(dtype)
    made._d = java
    return made


def _java(spec):
    try:
        known = spec in _OF_PYTHON
    except TypeError:
        known = False
    if known:
        return Dtype.of(_OF_PYTHON[spec])
    if isinstance(spec, Dtype):
        return spec
    own = getattr(spec, '_dtype_str', None)
    if own is not None:
        return Dtype.of(own)
    if isinstance(spec, basestring):
        text = str(spec)
        if text[:1] == '[':
            return _checked(Dtype.ofDescr, text)
        return _checked(Dtype.of, _ALIASES.get(text, text))
    if isinstance(spec, (list, tuple)):
        return _checked(Dtype.ofDescr, _descr(spec))
    if hasattr(spec, 'dtype'):
        return dtype(spec.dtype)._d
    raise TypeError('Cannot interpret %r as a data type' % (spec,))


def _descr(spec):
    if isinstance(spec, tuple):
        return "(%s, %s)" % (dtype(spec[0])._d, _extents(spec[1]))
    fields = []
    for field in spec:
        if not isinstance(field, tuple) or len(field) not in (2, 3):
            raise TypeError('a field is (name, dtype) or (name, dtype, shape), not %r' % (field,))
        more = ', ' + _extents(field[2]) if len(field) == 3 else ''
        fields.append('(%r, %s%s)' % (str(field[0]), dtype(field[1])._d, more))
    return '[' + ', '.join(fields) + ']'


def _extents(shape):
    shape = (shape,) if isinstance(shape, (int, long)) else tuple(shape)
    return '(' + ''.join('%d,' % extent for extent in shape) + ')'


def _checked(make, text):
    try:
        return make(text)
    except IllegalArgumentException as error:
        raise TypeError('data type %r not understood: %s' % (text, error.getMessage()))


def promote_types(a, b):
    """The smallest dtype to which both can be cast safely."""
    both = Promotion.promote(dtype(a)._d, dtype(b)._d)
    if both is None:
        raise TypeError('The DType %s could not be promoted by %s.' % (dtype(a), dtype(b)))
    return of_java(both)


_KINDS = 'buifc'


def result_type(*operands):
    """The dtype of an operation on these arrays, dtypes and numbers of Python, which take the dtype of what is beside them."""
    strong = [_strong(operand) for operand in operands]
    out = None
    for one in strong:
        if one is not None:
            out = one if out is None else promote_types(out, one)
    for operand, one in zip(operands, strong):
        if one is not None:
            continue
        weak = {bool: '?', complex: 'c8', float: 'f2'}.get(type(operand), 'i1')
        kind = dtype(weak).kind
        if out is None or _KINDS.find(out.kind) < _KINDS.find('u' if kind == 'i' else kind):
            own = dtype({bool: '?', complex: 'c16', float: 'f8'}.get(type(operand), 'i8'))
            if out is None or out.kind == 'b':
                out = own
            elif kind == 'c':
                out = promote_types(out, 'c16') if out.kind in 'iu' or out.itemsize == 8 else dtype('c8')
            else:
                out = promote_types(out, own)
    return out


def _strong(operand):
    if type(operand) in (bool, int, long, float, complex):
        return None
    own = getattr(operand, 'dtype', None)
    return own if isinstance(own, dtype) else dtype(operand)


_SAFE = {'no': 0, 'equiv': 1, 'safe': 2, 'same_kind': 3, 'unsafe': 4}


def can_cast(source, target, casting='safe'):
    """Whether elements may be cast under the rule."""
    source, target = dtype(getattr(source, 'dtype', source)), dtype(target)
    level = _SAFE[casting]
    if level == 4 or source == target:
        return True
    same = source.newbyteorder('<') == target.newbyteorder('<') if not (source.names or target.names) else False
    if level <= 1 or same:
        return same and level >= 1
    if source.kind in 'SU' or target.kind in 'SU':
        return source.kind == target.kind and source.itemsize <= target.itemsize
    if source.kind not in _KINDS or target.kind not in _KINDS:
        return False
    if promote_types(source, target) == target.newbyteorder('<'):
        return True
    kinds = _KINDS.find(source.kind), _KINDS.find(target.kind)
    return level == 3 and (kinds[0] <= kinds[1] or (source.kind == 'i' and target.kind == 'i')) and not (
        source.kind == 'i' and target.kind == 'u')
