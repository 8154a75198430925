"""Arrays as text in files, and for people: savetxt, loadtxt, genfromtxt, array2string."""
from __future__ import absolute_import

import gzip

from numpy._array import array
from numpy._create import asarray, empty
from numpy._dtype import dtype as _make_dtype
from numpy._printing import printoptions


def _opened(file, mode):
    """A file to read or write, and whether it is ours to close."""
    if isinstance(file, basestring):
        return (gzip.open(file, mode + 'b') if file.endswith('.gz') else open(file, mode)), True
    return file, False


def savetxt(fname, X, fmt='%.18e', delimiter=' ', newline='\n', header='', footer='', comments='# ', encoding=None):
    """Numbers as text, a line for each row; `fmt` is one format for all, one for each column, or a whole line."""
    X = asarray(X)
    if X.ndim == 0 or X.ndim > 2:
        raise ValueError('Expected 1D or 2D array, got %dD array instead' % X.ndim)
    if X.dtype.names is not None:
        rows, width = [tuple(row) for row in X.tolist()], len(X.dtype.names)
    else:
        rows = X.tolist() if X.ndim == 2 else [[item] for item in X.tolist()]
        width = X.shape[1] if X.ndim == 2 else 1
    is_complex = X.dtype.kind == 'c'
    if isinstance(fmt, (list, tuple)):
        if len(fmt) != width:
            raise AttributeError('fmt has wrong shape.  %s' % (fmt,))
        line = delimiter.join(fmt)
    elif fmt.count('%') == 1:
        line = delimiter.join([' (%s+%sj)' % (fmt, fmt) if is_complex else fmt] * width)
    elif fmt.count('%') == width * (2 if is_complex else 1):
        line = fmt
    else:
        raise ValueError('fmt has wrong number of %% formats:  %s' % fmt)
    file, ours = _opened(fname, 'w')
    try:
        if header:
            file.write(comments + header.replace('\n', '\n' + comments) + newline)
        for row in rows:
            if is_complex:
                row = [part for item in row for part in (item.real, item.imag)]
            try:
                text = line % tuple(row)
            except TypeError:
                raise TypeError("Mismatch between array dtype ('%s') and format specifier ('%s')" % (X.dtype, line))
            file.write((text.replace('+-', '-') if is_complex else text) + newline)
        if footer:
            file.write(comments + footer.replace('\n', '\n' + comments) + newline)
    finally:
        if ours:
            file.close()


def _rows(fname, comments, delimiter, skip):
    """The words of each line that has any."""
    comments = () if comments is None else (comments,) if isinstance(comments, basestring) else tuple(comments)
    file, ours = _opened(fname, 'r')
    try:
        for number, line in enumerate(file):
            if number < skip:
                continue
            for comment in comments:
                line = line.split(comment, 1)[0]
            line = line.strip('\r\n') if delimiter is not None else line.strip()
            if line.strip():
                yield number, [word.strip() for word in (line.split(delimiter) if delimiter is not None else line.split())]
    finally:
        if ours:
            file.close()


def loadtxt(fname, dtype=float, comments='#', delimiter=None, converters=None, skiprows=0, usecols=None, unpack=False, ndmin=0,
            encoding=None, max_rows=None, quotechar=None):
    """What savetxt writes: rows of as many words each. Structured dtypes take a word for each field."""
    if quotechar is not None:
        raise NotImplementedError('loadtxt with quotechar')
    wanted = _make_dtype(dtype)
    columns = None if usecols is None else [usecols] if isinstance(usecols, (int, long)) else list(usecols)
    rows, count = [], None
    for number, words in _rows(fname, comments, delimiter, skiprows):
        if max_rows is not None and len(rows) >= max_rows:
            break
        if columns is not None:
            try:
                words = [words[column] for column in columns]
            except IndexError:
                raise ValueError('invalid column index at row %d with %d columns' % (number + 1, len(words)))
        if count is not None and len(words) != count:
            raise ValueError('the number of columns changed from %d to %d at row %d; use `usecols` to select a subset and avoid '
                             'this error' % (count, len(words), len(rows) + 1))
        count = len(words)
        rows.append([_converted(converters, words, column, wanted) for column in range(count)])
    if wanted.names is not None:
        if rows and count != len(wanted.names):
            raise ValueError('the dtype passed requires %d columns but %d were found' % (len(wanted.names), count))
        made = array([tuple(row) for row in rows], wanted)
        if unpack:
            return [made[name] for name in wanted.names]
        return made[0] if made.shape == (1,) and ndmin == 0 else made
    if wanted.kind in 'iuf':
        rows = [[float(item) if wanted.kind == 'f' else item for item in row] for row in rows]
    made = array(rows, wanted) if rows else empty((0,), wanted)
    if made.ndim > ndmin:
        made = made.squeeze()
    while made.ndim < ndmin:
        made = made.reshape((1,) + made.shape) if ndmin == 1 or not rows else made.reshape(made.shape + (1,))
    return made.T if unpack else made


def _converted(converters, words, column, wanted):
    if callable(converters):
        return converters(words[column])
    if converters and column in converters:
        return converters[column](words[column])
    kind = wanted[column].kind if wanted.names is not None and column < len(wanted.names) else wanted.kind
    return _value(words[column], kind)


def _value(word, kind):
    try:
        if kind in 'iu':
            return int(word)
        if kind == 'f':
            return float(word)
        if kind == 'c':
            return complex(word.replace(' ', '').replace('i', 'j'))
        if kind == 'b':
            return bool(int(word))
    except ValueError:
        raise ValueError("could not convert string '%s' to %s" % (word, kind))
    return unicode(word) if kind == 'U' else word


def genfromtxt(fname, dtype=float, comments='#', delimiter=None, skip_header=0, skip_footer=0, names=None, usecols=None,
               missing_values=None, filling_values=None, unpack=False, encoding=None):
    """As loadtxt, but what is no number is NaN, or what `filling_values` says; `names=True` takes names from the first line."""
    if missing_values is not None or usecols is not None or dtype is None:
        raise NotImplementedError('genfromtxt with missing_values, usecols or dtype=None')
    # The line of names may be a comment.
    rows = [words for _, words in _rows(fname, None if names is True else comments, delimiter, skip_header)]
    if names is True:
        first = rows.pop(0) if rows else []
        if first and comments and first[0].startswith(comments):
            first[0] = first[0][len(comments):].strip()
            first = first[1:] if not first[0] else first
        names = [word.replace(' ', '_') for word in first]
        rows = [row for row in rows if not (comments and row[0].startswith(comments))]
    elif isinstance(names, basestring):
        names = [name.strip() for name in names.split(',')]
    rows = rows[:len(rows) - skip_footer]
    wanted = _make_dtype(dtype)
    if names:
        wanted = _make_dtype([(name, wanted) for name in names])
    if len(set(len(row) for row in rows)) > 1:
        raise ValueError('Some errors were detected ! Rows have different numbers of columns')
    unknown = filling_values if filling_values is not None else float('nan')

    def number(word, kind):
        try:
            return _value(word, kind)
        except ValueError:
            return unknown if kind in 'fc' else -1 if filling_values is None else unknown
    kinds = [wanted[i].kind for i in range(len(wanted.names))] if wanted.names is not None else None
    rows = [[number(word, kinds[i] if kinds else wanted.kind) for i, word in enumerate(row)] for row in rows]
    made = array([tuple(row) for row in rows], wanted) if kinds else array(rows, wanted).squeeze()
    return made.T if unpack and not kinds else made


def compared(texts, others, unlike):
    """Whether each is the text that stands in its place, or with `unlike` another one."""
    others = asarray(others)
    from numpy._functions import broadcast_arrays
    texts, others = broadcast_arrays(asarray(texts), others)
    same = [(one == other) != unlike for one, other in zip(_items(texts), _items(others))]
    made = array(same, bool).reshape(texts.shape)
    return made if made.ndim else made[()]


def _items(a):
    return a.ravel().tolist() if a.ndim else [a.item()]


def array2string(a, max_line_width=None, precision=None, suppress_small=None, separator=' ', prefix='', threshold=None,
                 edgeitems=None, **others):
    """As str(a), with other options."""
    if separator != ' ' or [value for value in others.values() if value is not None]:
        raise NotImplementedError('array2string with %s' % ('a separator' if separator != ' ' else ', '.join(sorted(others))))
    with printoptions(precision=precision, threshold=threshold, edgeitems=edgeitems, linewidth=max_line_width, suppress=suppress_small):
        return str(asarray(a)).replace('\n', '\n' + ' ' * len(prefix))
