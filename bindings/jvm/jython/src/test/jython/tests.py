"""The tests that run inside of Jython, all in one process: it takes seconds to start."""
import array
import collections
import copy
import datetime
import os
import sys
import tempfile
import unittest

import jarray
import numpy as np
import ndferry_pickle
from java.lang import Math


class Arrays(unittest.TestCase):
    def test_slices_share_the_elements(self):
        a = np.arange(12).reshape(3, 4)
        a[1:, ::2][0] = -1
        self.assertEqual(a.tolist(), [[0, 1, 2, 3], [-1, 5, -1, 7], [8, 9, 10, 11]])
        self.assertEqual(a.T.strides, (8, 32))
        self.assertEqual(a[None, ..., 1].shape, (1, 3))
        self.assertEqual(a[::-1, -1].tolist(), [11, 7, 3])

    def test_arrays_of_indices_copy(self):
        a = np.arange(12).reshape(3, 4)
        self.assertEqual(a[a > 8].tolist(), [9, 10, 11])
        self.assertEqual(a[[0, 2], [1, 3]].tolist(), [1, 11])
        self.assertEqual(a[:, [3, 0]].tolist(), [[3, 0], [7, 4], [11, 8]])
        self.assertEqual(a[[[0], [1]], [0, 1]].tolist(), [[0, 1], [4, 5]])
        b = np.zeros((2, 3, 4, 5))
        self.assertEqual(b[0, :, [0, 1, 2]].shape, (3, 3, 5))
        self.assertEqual(b[:, [0, 1], 0].shape, (2, 2, 5))
        self.assertEqual(b[:, :, np.ones((4, 5), bool)].shape, (2, 3, 20))
        a[a % 2 == 0] = 0
        a[[0, 0], [1, 3]] = [5, 6]
        self.assertEqual(a.tolist(), [[0, 5, 0, 6], [0, 5, 0, 7], [0, 9, 0, 11]])

    def test_reshaping_shares_where_numpy_does(self):
        a = np.arange(24).reshape(4, 6)
        a[::2].reshape(2, 2, 3)[0, 0, 0] = 99
        a.T.reshape(24)[1] = -1
        a[:, ::2].ravel()[0] = -1
        self.assertEqual((a[0, 0], (a == -1).sum(), a.T.reshape(6, 2, 2).strides), (99, 0, (8, 96, 48)))

    def test_a_bytearray_is_shared(self):
        data = bytearray('\0' * 8)
        a = np.frombuffer(data, '<i4')
        a[1] = 258
        data[0] = 5
        self.assertEqual((a.tolist(), list(data)), ([5, 258], [5, 0, 0, 0, 2, 1, 0, 0]))
        self.assertEqual(np.frombuffer('\1\0\0\0', '<i4').tolist(), [1])

    def test_a_value_may_overlap_with_its_place(self):
        a = np.arange(6)
        a[1:] = a[:-1]
        self.assertEqual(a.tolist(), [0, 0, 1, 2, 3, 4])

    def test_elements_have_a_dtype_and_are_numbers_of_java(self):
        a = np.array([4, 9], 'f4')
        self.assertEqual(repr(a[0]), 'np.float32(4.0)')
        self.assertEqual(Math.sqrt(a[1]), 3.0)
        self.assertEqual(range(10)[np.int64(3)], 3)
        self.assertEqual((a[0] + np.float64(1)).dtype, 'f8')
        self.assertEqual(hash(np.int32(5)), hash(5))

    def test_it_is_printed_as_numpy_does(self):
        self.assertEqual(repr(np.array([[1, 2], [3, 40]], 'u1')), 'array([[ 1,  2],\n       [ 3, 40]], dtype=uint8)')
        self.assertEqual(str(np.linspace(0, 1, 3)), '[0.  0.5 1. ]')
        self.assertEqual(repr(np.dtype([('x', '<i4'), ('y', '<f8', 2)])), "dtype([('x', '<i4'), ('y', '<f8', (2,))])")

    def test_arithmetic_promotes_and_wraps(self):
        a = np.array([250, 5], 'u1')
        self.assertEqual((a + 10).tolist(), [4, 15])
        self.assertEqual((a + 10).dtype, 'u1')
        self.assertEqual((a + np.array([1], 'i1')).dtype, 'i2')
        self.assertEqual((a / 2).tolist(), [125.0, 2.5])
        self.assertEqual((-7 // np.array([2])).tolist(), [-4])
        self.assertEqual((np.array([1.5, -2]) % 1).tolist(), [0.5, 0.0])
        self.assertEqual(np.ones((2, 3), 'i4').sum().dtype, 'i8')
        self.assertEqual(np.arange(6).reshape(2, 3).mean(axis=0).tolist(), [1.5, 2.5, 3.5])
        self.assertEqual((~np.array([True, False])).tolist(), [False, True])

    def test_errors_are_those_of_numpy(self):
        a = np.zeros((2, 3))
        for wrong, kind in [
            (lambda: a[2], IndexError), (lambda: a[0, 0, 0], IndexError), (lambda: a[1.5], IndexError),
            (lambda: a.reshape(4), ValueError), (lambda: np.array([[1], [1, 2]]), ValueError),
            (lambda: np.array([256], 'u1'), OverflowError), (lambda: a + np.zeros(2), ValueError),
            (lambda: bool(a), ValueError), (lambda: np.zeros(-1), ValueError), (lambda: np.dtype('q9'), TypeError),
            (lambda: a.transpose(0, 0), ValueError), (lambda: a.__setitem__(Ellipsis, np.zeros(4)), ValueError),
            (lambda: np.frombuffer('123', '<i2'), ValueError), (lambda: a.sum(axis=2), ValueError),
            (lambda: np.frombuffer('12', 'u1').__setitem__(0, 1), ValueError), (lambda: np.array([object()], 'f8'), TypeError),
            (lambda: np.array([None], 'i4'), TypeError), (lambda: np.unravel_index(6, (2, 3)), ValueError),

        ]:
            self.assertRaises(kind, wrong)

    def test_sequences_of_python_and_arrays_of_java(self):
        for typecode, dtype, most in zip('bBhHiIlfd', 'i1 u1 i2 u2 i4 u4 i8 f4 f8'.split(),
                                         [127, 255, 32767, 65535, 2 ** 31 - 1, 2 ** 32 - 1, 2 ** 63 - 1, 1.5, 1e300]):
            made = np.array(array.array(typecode, [1, most]))
            self.assertEqual((made.dtype, made.tolist()), (np.dtype(dtype), [1, most]))
            back = ndferry_pickle.to_array_array(made)
            self.assertEqual((back.typecode, back.tolist()), (typecode, [1, most]))
        self.assertEqual(np.array(jarray.array([True, False], 'z')).dtype, bool)
        for dtype, typecode in zip('u1 u2 >i2 u4 i8 f4 f8'.split(), 'bhhilfd'):
            java = np.array([[0, 1], [2, 100]], dtype).T.tojava()
            self.assertEqual((java.typecode, java.tolist()), (typecode, [0, 2, 1, 100]))
        self.assertEqual(np.array([65535], 'u2').tojava().tolist(), [-1])
        self.assertRaises(TypeError, np.array([1j]).tojava)
        self.assertEqual(np.array([1, 2.5]).dtype, float)
        self.assertEqual(np.array([2 ** 63]).dtype, 'u8')
        self.assertEqual(np.array([np.float32(1), np.arange(3)[1]]).dtype, 'f8')
        self.assertEqual(np.array([np.ones(2, 'f4'), np.zeros(2, 'f4')]).dtype, 'f4')
        self.assertEqual(np.array([(1, 2.5)], 'i4,f8')['f1'].tolist(), [2.5])

    def test_shapes(self):
        a = np.arange(24).reshape(2, 3, 4)
        self.assertEqual(a.swapaxes(0, 2).shape, (4, 3, 2))
        self.assertEqual(a.reshape(4, -1, order='F').shape, (4, 6))
        self.assertEqual(np.moveaxis(a, 0, -1).shape, (3, 4, 2))
        self.assertEqual(a[:1].squeeze().shape, (3, 4))
        self.assertEqual(np.concatenate([a, a], 1).shape, (2, 6, 4))
        self.assertEqual(np.stack([a, a], -1).shape, (2, 3, 4, 2))
        self.assertEqual([part.shape[2] for part in np.array_split(a, 3, 2)], [2, 1, 1])
        self.assertEqual(np.roll(np.arange(5), 2).tolist(), [3, 4, 0, 1, 2])
        self.assertEqual(np.rot90(a[0]).tolist(), [[3, 7, 11], [2, 6, 10], [1, 5, 9], [0, 4, 8]])
        self.assertEqual(np.diag([1, 2], 1).tolist(), [[0, 1, 0], [0, 0, 2], [0, 0, 0]])
        self.assertEqual([x.tolist() for x in np.nonzero(a % 7 == 3)],
                         [[i // 12 for i in (3, 10, 17)], [i // 4 % 3 for i in (3, 10, 17)], [i % 4 for i in (3, 10, 17)]])


class Functions(unittest.TestCase):
    def test_shifts_and_widths_and_weights_belong_to_their_axes(self):
        a = np.arange(9.0).reshape(3, 3)
        self.assertEqual(np.roll(np.arange(5), (1, 2)).tolist(), [2, 3, 4, 0, 1])
        self.assertEqual(np.roll(a, (1, 2), 1).tolist(), a.tolist())
        self.assertEqual(np.roll(a, 1, (0, 1))[0].tolist(), [8, 6, 7])
        self.assertRaises(ValueError, np.roll, a, (1, 2, 3), (0, 1))
        self.assertEqual(np.average(a, 0, [1, 2, 3]).tolist(), [4, 5, 6])
        self.assertEqual(np.average(np.array([100, 100], 'i1'), weights=np.array([2, 2], 'i1')), 100)
        self.assertRaises(TypeError, np.average, a, None, [1, 2, 3])
        self.assertRaises(ZeroDivisionError, np.average, a, 0, [0, 0, 0])
        rows, columns = np.gradient(np.array([[0, 1, 4], [2, 3, 6]]))
        self.assertEqual((rows.tolist(), columns.tolist()), ([[2, 2, 2]] * 2, [[1, 2, 3]] * 2))
        self.assertEqual(np.gradient(np.arange(4, dtype='f4'), 2).tolist(), [0.5] * 4)
        self.assertRaises(ValueError, np.gradient, [1])
        if np._call.is_complete():
            self.assertEqual(np.pad(np.ones((1, 1), int), ((1,), (0,))).tolist(), [[0], [1], [0]])

    def test_what_is_no_number_stays_where_it_is(self):
        inf, nan = float('inf'), float('nan')
        self.assertEqual(np.tril([[1, nan], [2, inf]]).tolist(), [[1, 0], [2, inf]])
        self.assertEqual(np.triu([[1, 2], [-inf, 3]]).tolist(), [[1, 2], [0, 3]])
        self.assertEqual(np.tril([1, 2]).tolist(), [[1, 0], [1, 2]])
        self.assertEqual(np.triu(np.ones((2, 3), bool), 1).tolist(), [[False, True, True], [False, False, True]])
        self.assertEqual(np.nan_to_num([inf, nan, 1, -inf]).tolist(), [1.7976931348623157e308, 0, 1, -1.7976931348623157e308])
        self.assertEqual(np.nan_to_num([inf, nan], nan=3.0, posinf=2.0).tolist(), [2, 3])

    def test_unsigned_numbers_do_not_wrap_around_unseen(self):
        a, b = np.array([0, 1], 'u1'), np.array([255, 2], 'u1')
        self.assertEqual(np.isclose(a, b, atol=1).tolist(), [False, True])
        self.assertEqual(np.clip(b, -1, 300).tolist(), [255, 2])
        self.assertEqual(np.clip(b, -1, 100).dtype, 'u1')
        self.assertRaises(ValueError, np.array, [float('nan')], 'i4')
        for value in (300.7, -1.5, float('inf'), 256):
            self.assertRaises(OverflowError, a.__setitem__, 0, value)
            self.assertRaises(OverflowError, np.array, [value], 'u1')
        a[0] = np.float64(300.7)
        a[1] = 2.9
        self.assertEqual(a.tolist(), [44, 2])

    def test_indices_outside_are_refused(self):
        self.assertEqual([x.tolist() for x in np.unravel_index([5, 0], (2, 3))], [[1, 0], [2, 0]])
        self.assertEqual(np.ravel_multi_index(([1, 0], [2, 0]), (2, 3)).tolist(), [5, 0])
        for wrong in (lambda: np.unravel_index(6, (2, 3)), lambda: np.unravel_index([-1], (2, 3)),
                      lambda: np.ravel_multi_index((2, 0), (2, 3)), lambda: np.repeat([1, 2], [-1, 2]),
                      lambda: np.take([1], [0], mode='other'), lambda: np.diff([1], -1)):
            self.assertRaises(ValueError, wrong)
        self.assertRaises(TypeError, np.bincount, [1.5])
        self.assertEqual(np.bincount([]).tolist(), [])
        self.assertEqual(np.take([10, 20], [True, False]).tolist(), [20, 10])
        self.assertEqual(np.delete([1, 2], []).tolist(), [1, 2])

    def test_elements_come_in_the_order_that_is_asked_for(self):
        a = np.arange(6).reshape(2, 3)
        for order, of_c, of_f in (('C', [0, 1, 2, 3, 4, 5], [0, 2, 4, 1, 3, 5]), ('F', [0, 3, 1, 4, 2, 5], [0, 1, 2, 3, 4, 5]),
                                  ('A', [0, 1, 2, 3, 4, 5], [0, 1, 2, 3, 4, 5]), ('K', [0, 1, 2, 3, 4, 5], [0, 1, 2, 3, 4, 5])):
            f = np.arange(6).reshape(3, 2).T
            self.assertEqual((order, a.flatten(order).tolist(), a.ravel(order).tolist()), (order, of_c, of_c))
            self.assertEqual((order, f.flatten(order).tolist(), f.ravel(order).tolist()), (order, of_f, of_f))


class More(unittest.TestCase):
    def test_the_elements_one_after_another(self):
        a = np.arange(6).reshape(2, 3)
        flat = a.T.flat
        flat[1] = 9
        self.assertEqual((flat[1], list(flat), len(flat), a.tolist()), (9, [0, 9, 1, 4, 2, 5], 6, [[0, 1, 2], [9, 4, 5]]))
        self.assertTrue(a.flags.c_contiguous and a.flags['WRITEABLE'] and not a.T.flags.c_contiguous)
        self.assertRaises(AttributeError, lambda: a.flags.other)
        self.assertEqual(list(np.ndenumerate(a))[-1], ((1, 2), 5))
        self.assertEqual(np.s_[1:, ...], (slice(1, None), Ellipsis))

    def test_limits_of_dtypes(self):
        self.assertEqual((np.iinfo('u2').max, np.iinfo(np.int8).min, np.finfo(np.float32).eps), (65535, -128, 2.0 ** -23))
        self.assertEqual((np.finfo(float).max, np.finfo('c8').bits), (sys.float_info.max, 32))
        self.assertRaises(ValueError, np.iinfo, float)
        self.assertRaises(ValueError, np.finfo, int)
        self.assertTrue(np.issubdtype('u1', np.unsignedinteger) and not np.issubdtype(np.float32, float) and np.issubdtype(float, np.inexact))

    def test_lines_through_points(self):
        if np._call.is_complete():
            self.assertTrue(np.allclose(np.polyfit([0, 1, 2, 3], [1, 3, 9, 19], 2), [2, 0, 1]))
        else:
            self.assertRaises(NotImplementedError, np.polyfit, [0, 1], [1, 2], 1)
        with np.errstate(all='ignore'):
            self.assertEqual(np.corrcoef([[1, 2, 3], [3, 2, 1]])[0, 1], -1)


class Objects(unittest.TestCase):
    def test_indexing_and_shapes_share_the_objects(self):
        a = np.array([[1, 'two', None], [{}, [], u'x']], dtype=object)
        self.assertEqual((a.dtype, a.shape, a.strides, str(a.dtype)), (np.dtype('O'), (2, 3), (24, 8), 'object'))
        self.assertTrue(a[1, 0] is a.T[0, 1] and a[:, 1].tolist() == ['two', []])
        a.T[0, 0] = a
        self.assertTrue(a[0, 0] is a and a.copy()[0, 0] is a)
        a[0] = [1, 2, 3]
        a[1, 0] = [5]
        a[:, 2] = 'z'
        a[a == 2] = 7
        self.assertEqual(a.tolist(), [[1, 7, 'z'], [[5], [], 'z']])
        self.assertEqual(a[[1, 0], [0, 1]].tolist(), [[5], 7])
        self.assertEqual(a.reshape(-1)[1:3].tolist(), [7, 'z'])
        self.assertEqual(a.ravel('F').tolist(), [1, [5], 7, [], 'z', 'z'])
        self.assertRaises(IndexError, lambda: a[2])
        self.assertRaises(ValueError, a.__setitem__, slice(None), [1, 2])

    def test_what_is_no_number_makes_an_array_of_objects_as_in_numpy(self):
        for made in (np.array([None, 1]), np.array([{}, None]), np.array([object]), np.array([2 ** 70]), np.array(None),
                     np.array([[1], [2, 3]], dtype=object), np.empty(2, object), np.arange(2).astype(object)):
            self.assertEqual(made.dtype, object)
        self.assertRaises(ValueError, np.array, [{}, []])
        self.assertEqual(np.array([[1], [2, 3]], dtype=object).tolist(), [[1], [2, 3]])
        self.assertEqual(np.array([None, 1], float).tolist()[1], 1.0)
        self.assertEqual([np.zeros(1, 'O')[0], np.ones(1, 'O')[0], np.empty(1, 'O')[0]], [0, 1, None])

    def test_operators_are_those_of_the_objects(self):
        a = np.array([1, 2.5, 2 ** 70], dtype=object)
        self.assertEqual((2 * a - 1).tolist(), [1, 4.0, 2 ** 71 - 1])
        self.assertEqual(((a > 2).dtype, (a > 2).tolist(), a.max(), a[:2].sum()), (np.dtype(bool), [False, True, True], 2 ** 70, 3.5))
        self.assertEqual(np.array([[1, 2 ** 70], [3, 4]], dtype=object).sum(axis=1).tolist(), [2 ** 70 + 1, 7])
        self.assertEqual((np.array(['a', 'b'], dtype=object) + 'x').tolist(), ['ax', 'bx'])
        self.assertEqual(a[:2].astype('f4').tolist(), [1.0, 2.5])
        numbers = np.zeros(2)
        numbers[:] = a[:2]
        self.assertEqual(numbers.tolist(), [1.0, 2.5])
        for refused in (lambda: np.sin(a), lambda: np.linalg.inv(a), a.tojava, a.tobytes, lambda: np.zeros(2).view(object)):
            self.assertRaises(TypeError, refused)
        self.assertRaises(ValueError, np.frombuffer, '12345678', object)

    def test_it_is_printed_as_numpy_does(self):
        self.assertEqual(repr(np.array([1, 'a', None], dtype=object)), "array([1, 'a', None], dtype=object)")
        self.assertEqual(repr(np.array([[1, 'a'], [None, {}]])), "array([[1, 'a'],\n       [None, {}]], dtype=object)")
        self.assertEqual(str(np.array([[1], [2, 3]], dtype=object)), '[list([1]) list([2, 3])]')
        self.assertEqual(repr(np.empty((0, 5), object)), 'array([], shape=(0, 5), dtype=object)')
        self.assertEqual(str(type(np.empty(1, object))), "<class 'numpy.ndarray'>")
        self.assertEqual(repr(np.arange(1001).astype(object)), 'array([0, 1, 2, ..., 998, 999, 1000], dtype=object)')

    def test_pickles_and_files_keep_them(self):
        a = np.array([[1, 'two', None], [{'k': [1]}, u'x', 2 ** 70]], dtype=object)
        for protocol in range(6):
            for one in (a, a.T, a[:, :0]):
                back = ndferry_pickle.loads(ndferry_pickle.dumps(one, protocol))
                self.assertEqual((back.dtype, back.shape, back.tolist()), (a.dtype, one.shape, one.tolist()))
        a[0, 0] = a
        back = ndferry_pickle.loads(ndferry_pickle.dumps(a, 2))
        self.assertTrue(back[0, 0] is back)
        folder = tempfile.mkdtemp()
        a[0, 0] = 1
        np.save(os.path.join(folder, 'a.npy'), a)
        np.savez(os.path.join(folder, 'a.npz'), a=a, b=np.arange(3))
        for path, get in (('a.npy', lambda loaded: loaded), ('a.npz', lambda loaded: loaded['a'])):
            with open(os.path.join(folder, path), 'rb') as opened:
                self.assertEqual(get(np.load(opened, allow_pickle=True)).tolist(), a.tolist())
            path = os.path.join(folder, path)
            self.assertEqual(get(np.load(path, allow_pickle=True)).tolist(), a.tolist())
            self.assertRaises(ValueError, lambda: get(np.load(path)))

    def test_shapes_that_lie_are_refused(self):
        whole = ndferry_pickle.dumps(np.array([None, None]), 2)
        self.assertEqual(whole.count('J\x02\x00\x00\x00') + whole.count('K\x02'), 1)
        for wrong in ('J\xff\xff\xff\x7f', 'J\x03\x00\x00\x00', 'J\xff\xff\xff\xff', 'N', '\x8a\x09' + '\xff' * 8 + '\0'):
            self.assertRaises(ValueError, ndferry_pickle.loads, whole.replace('K\x02', wrong))
        none = ndferry_pickle.dumps(np.empty((0, 5), object), 2)
        for wrong in ('J\xff\xff\xff\xff', '\x8a\x08' + '\0' * 7 + '\x40'):
            self.assertRaises(ValueError, ndferry_pickle.loads, none.replace('K\x05', wrong))


class Linalg(unittest.TestCase):
    def test_arguments_become_options(self):
        asked = []
        linalg, call = np.linalg, np.linalg.call
        linalg.call = lambda name, *operands, **options: asked.append((name, len(operands), sorted(
            key for key in options if options[key] is not None))) or (1, 2)
        try:
            linalg.norm([1], 2, keepdims=True)
            linalg.cond([[1]], 1)
            linalg.lstsq([[1]], [1], 0.5)
            linalg.eigh([[1]])
            linalg.solve([[1]], [1])
        finally:
            linalg.call = call
        self.assertEqual(asked, [
            ('linalg.norm', 1, ['keepdims', 'ord']), ('linalg.cond', 1, ['p']), ('linalg.lstsq', 2, ['rcond']),
            ('linalg.eigh', 1, ['UPLO']), ('linalg.solve', 2, [])])

    def test_without_the_library_it_says_what_is_missing(self):
        try:
            np.linalg.inv(np.eye(2))
        except NotImplementedError as error:
            from org.ndferry import Natives
            self.assertTrue('linalg.inv' in str(error) and str(error).endswith(Natives.missing()), error)
            self.assertTrue('ndferry-natives' in str(error) or 'ndferry.natives' in str(error), error)
            self.assertFalse(np._call.is_complete())
        else:
            self.assertTrue(np._call.is_complete())

    def test_some_elements_count_or_it_is_said_what_is_missing(self):
        a, mask = np.array([[1, 5, 2], [4, 0, 3]]), [True, False, True]
        asked = [lambda: np.min(a, where=mask, initial=9), lambda: a.max(axis=0, where=mask, initial=-1).tolist(),
                 lambda: np.sum(a, initial=7), lambda: a.sum(axis=1, where=mask).tolist()]
        if np._call.is_complete():
            self.assertEqual([one() for one in asked], [1, [4, -1, 3], 22, [3, 7]])
        else:
            for one in asked:
                self.assertRaises(NotImplementedError, one)

    def test_results_go_where_they_are_wanted_if_they_fit(self):
        out = np.full(3, -1.)
        self.assertTrue(np.divide([1, 2, 3], [1, 0, 2], out=out, where=np.array([1, 0, 2]) != 0) is out)
        self.assertEqual(out.tolist(), [1, -1, 1.5])
        np.add(out, 1, (out,))
        self.assertEqual(out.tolist(), [2, 0, 2.5])
        # NumPy refuses, too, what would lose what is behind the point.
        counts = np.zeros(3, int)
        self.assertRaises(TypeError, np.add, out, 0.5, counts)
        self.assertRaises(TypeError, out.sum, None, None, counts[0:1].reshape(()))
        self.assertEqual(counts.tolist(), [0, 0, 0])

    def test_complex_numbers_are_kept_without_the_library(self):
        a = np.array([[1 + 2j, 3], [0, -1j]])
        self.assertEqual((a.dtype, a.T[1].tolist(), a[a.astype(bool)].size, a[1, 1], repr(a[0])),
                         (np.dtype('c16'), [3, -1j], 3, -1j, 'array([1.+2.j, 3.+0.j])'))
        self.assertEqual(((2 * a - a * a / 1j).tolist(), a.sum(axis=0).tolist(), abs(a).dtype, a.conj()[0, 0], a.imag.tolist(), (a == 3).sum()),
                         ([[2 + 4j - (-3 + 4j) / 1j, 6 + 9j], [0, -3j]], [1 + 2j, 3 - 1j], np.dtype('f8'), 1 - 2j, [[2, 0], [0, -1]], 1))
        for protocol in range(6):
            back = ndferry_pickle.loads(ndferry_pickle.dumps([a.astype('c8').T, a[0, 0]], protocol))
            self.assertEqual((back[0].dtype, back[0].tolist(), back[1]), (np.dtype('c8'), a.T.tolist(), 1 + 2j))
        path = os.path.join(tempfile.mkdtemp(), 'a.npy')
        np.save(path, a)
        self.assertEqual(np.load(path).tolist(), a.tolist())


class Files(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp()

    def test_npy_and_npz_come_back(self):
        a = np.arange(6, dtype='>f4').reshape(2, 3)
        path = os.path.join(self.folder, 'a.npy')
        np.save(path, a.T)
        back = np.load(path)
        self.assertEqual((back.dtype.str, back.tolist()), ('>f4', a.T.tolist()))
        self.assertEqual(np.load(path, mmap_mode='r')[1, 1], 4)
        np.savez_compressed(os.path.join(self.folder, 'b'), a, y=np.arange(3))
        archive = np.load(os.path.join(self.folder, 'b.npz'))
        self.assertEqual(sorted(archive.files), ['arr_0', 'y'])
        self.assertEqual(archive['y'].tolist(), [0, 1, 2])
        archive.close()
        a.tofile(os.path.join(self.folder, 'raw'))
        self.assertEqual(np.fromfile(os.path.join(self.folder, 'raw'), '>f4', 2).tolist(), [0, 1])
        self.assertRaises(IOError, np.load, os.path.join(self.folder, 'none.npy'))
        self.assertRaises(ValueError, np._files.loads, '\x93NUMPY\x01\x00')


class Pickles(unittest.TestCase):
    def test_all_protocols_keep_values_and_kinds(self):
        a = np.arange(6, dtype='<u2').reshape(2, 3)
        value = {
            'plain': [1, 2.5, None, True, 's', u'\u20ac', (1,), 2 ** 70, -3, 1 + 2j, set([1]), frozenset([2])],
            'scalar': np.float32(2.5), 'dtype': np.dtype('i4,f8'), 'error': ValueError('no', 3),
            'ints': array.array('i', [1, -2, 70000]), 'reals': array.array('d', [1.5, float('inf')]),
            'ordered': collections.OrderedDict([('b', 1), ('a', 2)]), 'time': datetime.timedelta(1, 2),
        }
        for protocol in range(6):
            for one in (a, a.T, a[:0], a[0, 0:1].reshape(()), a.astype('>i8'), np.array([(1, 'x')], 'i4,S3')):
                back = ndferry_pickle.loads(ndferry_pickle.dumps(one, protocol))
                self.assertEqual((back.dtype, back.shape, back.tolist()), (one.dtype, one.shape, one.tolist()))
            back = ndferry_pickle.loads(ndferry_pickle.dumps(value, protocol))
            self.assertEqual(repr(back.pop('error')), repr(value['error']))
            for key in back:
                self.assertEqual((key, back[key], type(back[key])), (key, value[key], type(value[key])))

    def test_what_is_shared_stays_shared(self):
        a, inner = np.zeros(3), [1]
        inner.append(inner)
        back = ndferry_pickle.loads(ndferry_pickle.dumps([a, a, inner], 2))
        self.assertTrue(back[0] is back[1])
        self.assertTrue(back[2][1] is back[2])

    def test_nothing_is_imported_unless_it_is_allowed(self):
        evil = "cos\nsystem\n(S'true'\ntR."
        self.assertRaises(ndferry_pickle.UnsafePickle, ndferry_pickle.loads, evil)
        self.assertEqual(ndferry_pickle.loads("cos.path\nbasename\n(S'/a/b'\ntR.", allow=['os.path.basename']), 'b')
        for name in ('eval', 'getattr', 'open', '__import__', 'compile', 'type', 'execfile', 'globals', 'apply'):
            self.assertRaises(ndferry_pickle.UnsafePickle, ndferry_pickle.loads, 'c__builtin__\n%s\n.' % name)

    def test_few_bytes_do_not_ask_for_gigabytes_or_hours(self):
        import fractions
        for bomb in ('c__builtin__\nlist\n(c__builtin__\nxrange\n(I2000000000\ntRtR.',
                     'c__builtin__\nset\n(c__builtin__\nxrange\n(I2000000000\ntRtR.',
                     'ccollections\ndeque\n(c__builtin__\nxrange\n(I2000000000\ntRtR.',
                     "cfractions\nFraction\n(S'1e999999999'\ntR.", 'B\xff\xff\xff\x7f.', 'T\xff\xff\xff\x7f.',
                     "c__builtin__\nint\n(S'%s'\ntR." % ('9' * 100000),
                     "c__builtin__\nint\n(cdecimal\nDecimal\n(S'1e99999999'\ntRtR.",
                     "cfractions\nFraction\n(cdecimal\nDecimal\n(S'1e99999999'\ntRtR.",
                     'cnumpy\nfloat64\n((c__builtin__\nxrange\n(I200000000\ntRttR.'):
            self.assertRaises(Exception, ndferry_pickle.loads, bomb)
        third = fractions.Fraction(1, 3)
        self.assertEqual(ndferry_pickle.loads(ndferry_pickle.dumps(third, 2)), third)

    def test_bytes_that_are_cut_or_changed_are_errors_and_nothing_else(self):
        whole = ndferry_pickle.dumps({'a': np.arange(3), 'b': [1, u'x']}, 4)
        for n in range(len(whole)):
            self.assertRaises(Exception, ndferry_pickle.loads, whole[:n])

    def test_install_makes_pickle_do_so(self):
        import cPickle
        import pickle
        a = np.arange(3)
        ndferry_pickle.install()
        try:
            for module in (pickle, cPickle):
                self.assertEqual(module.loads(module.dumps(a, 5)).tolist(), [0, 1, 2])
        finally:
            ndferry_pickle.uninstall()
        for module in (pickle, cPickle):
            self.assertEqual(module.HIGHEST_PROTOCOL, 2)
            for protocol in (0, 1, 2):
                self.assertEqual(module.loads(module.dumps(a, protocol)).tolist(), [0, 1, 2])

    def test_copies_are_copies(self):
        a = np.arange(3)
        b = copy.deepcopy([a])[0]
        b[0] = 9
        self.assertEqual(a[0], 0)


class Texts(unittest.TestCase):
    def test_tables_are_written_and_read_as_by_numpy(self):
        import StringIO
        written = StringIO.StringIO()
        np.savetxt(written, np.arange(6).reshape(2, 3) / 7.0, delimiter=',', fmt='%.4f', header='a,b,c', footer='end')
        text = '# a,b,c\n0.0000,0.1429,0.2857\n0.4286,0.5714,0.7143\n# end\n'
        self.assertEqual(written.getvalue(), text)
        lines = lambda some: StringIO.StringIO(some)
        self.assertEqual(np.loadtxt(lines(text), delimiter=',').tolist(), [[0, 0.1429, 0.2857], [0.4286, 0.5714, 0.7143]])
        self.assertEqual(np.loadtxt(lines(text), delimiter=',', usecols=1).tolist(), [0.1429, 0.5714])
        self.assertEqual(np.loadtxt(lines('1 2\n3 4\n'), int, unpack=True).tolist(), [[1, 3], [2, 4]])
        self.assertEqual(np.loadtxt(lines('7\n')).shape, ())
        self.assertEqual(np.loadtxt(lines('7\n'), ndmin=2).shape, (1, 1))
        self.assertEqual(np.loadtxt(lines('a 1.5\n'), [('name', 'U4'), ('size', 'f8')])['size'], 1.5)
        self.assertEqual(np.genfromtxt(lines(text), delimiter=',', names=True)['b'].tolist(), [0.1429, 0.5714])
        self.assertEqual(repr(np.genfromtxt(lines('1,x\n,4'), delimiter=',')), 'array([[ 1., nan],\n       [nan,  4.]])')
        for wrong in ('1 2\n3\n', '1 x\n'):
            self.assertRaises(ValueError, np.loadtxt, lines(wrong))
        again = StringIO.StringIO()
        np.savetxt(again, [1 / 3.0])
        self.assertEqual(again.getvalue(), '3.333333333333333148e-01\n')

    def test_some_fields_are_a_view_of_them(self):
        a = np.zeros(2, [('x', 'i4'), ('y', 'f8'), ('name', 'U3')])
        part = a[['x', 'name']]
        part['x'] = [5, 6]
        self.assertEqual((a['x'].tolist(), part.dtype.names, part.itemsize), ([5, 6], ('x', 'name'), 24))
        self.assertRaises(ValueError, lambda: a[['z']])
        self.assertEqual((a[a['name'] == ''].size, (a['name'] != 'q').all()), (2, True))

    def test_dates_have_the_unit_that_they_are_given(self):
        self.assertEqual((str(np.timedelta64(3, 'D')), str(np.datetime64(18262, 'D'))), ('3 days', '2020-01-01'))
        self.assertRaises(NotImplementedError, np.datetime64, '2020-01-01')


class Printing(unittest.TestCase):
    def test_options_hold_until_they_change_and_with_them_only_inside(self):
        a = np.array([1e-6, 1 / 3.0])
        before = np.get_printoptions()
        np.set_printoptions(precision=2, suppress=True)
        try:
            self.assertEqual(str(a), '[0.   0.33]')
            with np.printoptions(precision=4) as now:
                self.assertEqual((str(a), now['suppress']), ('[0.     0.3333]', True))
            self.assertEqual(repr(a), 'array([0.  , 0.33])')
        finally:
            np.set_printoptions(**before)
        self.assertEqual(np.get_printoptions(), before)
        self.assertEqual(str(a), '[1.00000000e-06 3.33333333e-01]')
        for wrong, kind in [({'threshold': float('nan')}, ValueError), ({'edgeitems': -1}, ValueError), ({'wide': 1}, TypeError),
                            ({'formatter': {'int': str}}, NotImplementedError)]:
            self.assertRaises(kind, np.set_printoptions, **wrong)


class Guide(unittest.TestCase):
    def test_the_examples_of_the_guide_run(self):
        at = os.path.abspath(os.path.dirname(sys.argv[0]))
        while not os.path.exists(os.path.join(at, 'LAYOUT.md')):
            at = os.path.dirname(at)
        with open(os.path.join(at, 'docs', 'guide', 'jython.md')) as opened:
            blocks = opened.read().split('```python\n')[1:]
        blocks = [block.split('```')[0] for block in blocks]
        # Those in ImageJ have tests of their own.
        here = [block for block in blocks if 'import ndferry_images' not in block]
        self.assertTrue(len(here) >= 2)
        for block in here:
            exec block in {}


if __name__ == '__main__':
    result = unittest.TextTestRunner(sys.stdout).run(unittest.defaultTestLoader.loadTestsFromName('__main__'))
    sys.exit(not result.wasSuccessful())
