"""Jython's part of differential.py. Without a folder it only says whether all functions are there."""
import json
import os
import sys

import numpy as np
from numpy._call import is_complete


class Index(object):
    def __getitem__(self, key):
        return key


def changed(array, change):
    array = array.copy()
    change(array)
    return array


def printed(array, **options):
    """As text, a number for each character."""
    with np.printoptions(**options):
        return np.array([ord(letter) for letter in str(array) + repr(array)])


def value(text, names):
    names = dict(names, np=np, index=Index(), changed=changed, printed=printed)
    try:
        return np.array(eval(compile(text, 'case', 'eval', 0x2000), names))  # true division
    except Exception as error:
        for kind in type(error).__mro__:
            if kind in (ValueError, TypeError, IndexError, OverflowError, ZeroDivisionError, NotImplementedError):
                return str('%s: %r' % (kind.__name__, error))
        return 'Exception: %r' % error
    except __import__('java').lang.Throwable as error:
        return 'Java: %s' % error


def main(folder):
    with open(os.path.join(folder, 'cases.json')) as opened:
        cases = json.load(opened)
    arrays = np.load(os.path.join(folder, 'arrays.npz'))
    found, errors = {}, {}
    for i, (text, names) in enumerate(cases):
        made = value(text, dict((str(name), arrays['%d_%s' % (i, name)]) for name in names))
        if isinstance(made, str):
            errors[i] = made
        else:
            found['%d' % i] = made
    np.savez(os.path.join(folder, 'found.npz'), **found)
    with open(os.path.join(folder, 'errors.json'), 'w') as opened:
        json.dump(errors, opened)


if len(sys.argv) > 1:
    main(sys.argv[1])
elif is_complete():
    from org.ndferry import Functions
    print 'complete' if 'linalg.inv' in list(Functions.names()) else 'native'
else:
    print 'basic'
