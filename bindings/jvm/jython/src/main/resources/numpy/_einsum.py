"""numpy.einsum: sums of products of arrays, with a letter for each axis."""
from __future__ import absolute_import

from numpy._call import is_complete
from numpy._create import asarray
from numpy._dtype import result_type
from numpy._operators import stored


def einsum(*operands, **options):
    """einsum(subscripts, *operands, out=None, dtype=None): 'ij,jk->ik', 'ii', '...i,i'; or einsum(a, [0, 1], b, [1, 2], [0, 2])."""
    out, dtype = options.pop('out', None), options.pop('dtype', None)
    options.pop('optimize', None)
    if options.pop('order', 'K') not in ('K', 'C', 'A') or options.pop('casting', 'safe') not in ('safe', 'same_kind', 'unsafe'):
        raise NotImplementedError('einsum with an order or a casting rule')
    if options:
        raise TypeError("einsum() got an unexpected keyword argument '%s'" % options.popitem()[0])
    if not operands:
        raise ValueError('must specify the einstein sum subscripts string and at least one operand')
    if isinstance(operands[0], basestring):
        inputs, output = _parsed(operands[0])
        arrays = [asarray(one) for one in operands[1:]]
    else:
        inputs, output, arrays = _listed(operands)
    if len(inputs) != len(arrays):
        raise ValueError('%s operands provided to einstein sum function than specified in the subscripts string' % (
            'more' if len(arrays) > len(inputs) else 'fewer'))
    for array in arrays:
        if array.dtype.kind not in 'biufc':
            raise TypeError('numbers are multiplied, not %r' % array.dtype)
    common = result_type(*([array.dtype for array in arrays])) if dtype is None else dtype
    terms = [_term(array.astype(common, copy=False), labels) for array, labels in zip(arrays, inputs)]
    if output is None:
        output = _implied(inputs)
    known = {}
    for array, labels in terms:
        for label, extent in zip(labels, array.shape):
            if known.get(label, 1) == 1:
                known[label] = extent
            elif extent not in (1, known[label]):
                raise ValueError('operands could not be broadcast together with remapped shapes')
    spread = sorted(label for label in known if not isinstance(label, basestring))
    output = [one for label in output for one in (spread if label == '...' else [label])]
    if len(set(output)) != len(output):
        raise ValueError('einstein sum subscripts string includes output subscript multiple times')
    for label in output:
        if label not in known:
            raise ValueError("einstein sum subscripts string included output subscript '%s' which never appeared in an input" % label)
    if [label for label in spread if label not in output]:
        raise ValueError('output has fewer dimensions than the ellipsis stands for')
    made, labels = terms[0]
    for nth, (array, others) in enumerate(terms[1:]):
        later = set(output).union(*[one for _, one in terms[nth + 2:]])
        made, labels = _product(made, labels, array, others, later)
    made, labels = _summed(made, labels, set(output))
    made = made.transpose([labels.index(label) for label in output])
    return stored(made if made.ndim else made[()], out)


def _parsed(text):
    """The letters of each operand, and of the result unless they are implied."""
    text = str(text).replace(' ', '')
    parts = text.split('->')
    if len(parts) > 2:
        raise ValueError("einstein sum subscript string does not contain proper '->' output specified")
    inputs = [_letters(part) for part in parts[0].split(',')]
    return inputs, _letters(parts[1]) if len(parts) == 2 else None


def _letters(part):
    letters = []
    dots = part.split('...')
    if len(dots) > 2:
        raise ValueError("einstein sum subscripts string contains a '.' that is not part of an ellipsis ('...')")
    for nth, some in enumerate(dots):
        if nth:
            letters.append('...')
        for letter in some:
            if not letter.isalpha():
                raise ValueError("invalid subscript '%s' in einstein sum subscripts string, subscripts must be letters" % letter)
            letters.append(letter)
    return letters


def _listed(operands):
    """The form with lists of ints in place of letters."""

    def letters(numbers):
        made = []
        for number in numbers:
            if number is Ellipsis:
                made.append('...')
            elif not 0 <= number < 52:
                raise ValueError('subscript is not within the valid range [0, 52)')
            else:
                made.append('ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'[number])
        return made
    pairs = len(operands) // 2
    arrays = [asarray(one) for one in operands[:2 * pairs:2]]
    inputs = [letters(one) for one in operands[1:2 * pairs:2]]
    return inputs, letters(operands[-1]) if len(operands) % 2 else None, arrays


def _implied(inputs):
    """The axes of an ellipsis, then the letters that appear once, in order."""
    all_of_them = [label for labels in inputs for label in labels if label != '...']
    once = sorted(label for label in set(all_of_them) if all_of_them.count(label) == 1)
    return (['...'] if [labels for labels in inputs if '...' in labels] else []) + once


def _term(array, labels):
    """A view with one axis for each label; the axes of an ellipsis are labelled from the last one backwards, as they broadcast."""
    labels = list(labels)
    if '...' in labels:
        at = labels.index('...')
        count = array.ndim - len(labels) + 1
        if count < 0:
            raise ValueError('einstein sum subscripts string contains too many subscripts for operand')
        labels[at:at + 1] = [-count + nth for nth in range(count)]
    if len(labels) != array.ndim:
        raise ValueError('operand has %s dimensions than subscripts given in einstein sum, but no \'...\' ellipsis provided to '
                         'broadcast the extra dimensions.' % ('more' if array.ndim > len(labels) else 'fewer'))
    for label in set(labels):
        while labels.count(label) > 1:
            one = labels.index(label)
            other = labels.index(label, one + 1)
            if array.shape[one] != array.shape[other]:
                raise ValueError("dimensions in operand for collapsing index '%s' don't match (%d != %d)" % (
                    label, array.shape[one], array.shape[other]))
            array = array.diagonal(0, one, other)
            del labels[other], labels[one]
            labels.append(label)
    return array, labels


def _summed(array, labels, kept):
    """Without the axes that nobody asks for."""
    for axis, label in list(enumerate(labels))[::-1]:
        if label not in kept:
            array = _sum(array, axis)
    return array, [label for label in labels if label in kept]


def _product(one, labels, other, others, kept):
    """Of two arrays, summed over the labels that only they have."""
    # What repeats in one of them is an axis of the other alone.
    for label in set(labels) & set(others):
        at, there = labels.index(label), others.index(label)
        if one.shape[at] == 1 and other.shape[there] != 1:
            one, labels = one[(slice(None),) * at + (0,)], labels[:at] + labels[at + 1:]
        elif other.shape[there] == 1 and one.shape[at] != 1:
            other, others = other[(slice(None),) * there + (0,)], others[:there] + others[there + 1:]
    one, labels = _summed(asarray(one), labels, kept | set(others))
    other, others = _summed(asarray(other), others, kept | set(labels))
    both = [label for label in labels if label in others and label in kept]
    summed = [label for label in labels if label in others and label not in kept]
    left, right = [label for label in labels if label not in others], [label for label in others if label not in labels]
    extents = dict(zip(labels, one.shape))
    extents.update(zip(others, other.shape))
    one = one.transpose([labels.index(label) for label in both + left + summed])
    other = other.transpose([others.index(label) for label in both + summed + right])
    shape = tuple(extents[label] for label in both + left + right)

    def count(some):
        return reduce(lambda size, label: size * extents[label], some, 1)
    b, l, k, r = count(both), count(left), count(summed), count(right)
    if not summed:
        made = one.reshape(b, l, 1) * other.reshape(b, 1, r)
    elif l == r == 1 and b > 1:
        made = one.reshape(b, k) * other.reshape(b, k)
        made = _sum(made, 1)
    elif b == 1:
        made = _matmul(one.reshape(l, k), other.reshape(k, r))
    else:
        made = _matmul(one.reshape(b, l, k), other.reshape(b, k, r))
    return asarray(made).reshape(shape), both + left + right


def _sum(array, axis):
    """Of the same dtype; of bools, whether any of them is."""
    made = array.any(axis=axis) if array.dtype.kind == 'b' else array.sum(axis=axis)
    return asarray(made).astype(array.dtype, copy=False)


def _matmul(one, other):
    from numpy._functions import matmul, stack
    if one.ndim > 2 and not is_complete():
        return stack([matmul(left, right) for left, right in zip(one, other)])
    return matmul(one, other)
