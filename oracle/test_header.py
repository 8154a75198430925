"""Headers of NPY files that nobody writes, or only other programs: read or refused as NumPy does."""

import io
import struct

import numpy as np
import pytest

from agent import Refused, ask, spec

DESCRS = [
    "'<i4'", "' <i4'", "'<i4 '", "'<f12'", "'<f16'", "'<c24'", "'i4'", "'=i4'", "'|i4'", "'>i1'", "'|u1'", "'<b1'",
    "'?'", "'<?'", "'int32'", "'float'", "'<U'", "'U0'", "'S'", "'S-1'", "'V'", "'|V0'", "'<V4'", "'<S4'", "'|S4'",
    "'i'", "'d'", "'<d'", "'g'", "'<M8'", "'<M8[s]'", "'<M8[ s]'", "'<M8[10s]'", "'M8[s'", "'<m8[us/10]'",
    "'f4,i4'", "'(2,)i4'", "'2i4'", "'<i4,'", "''", "'O'", "'|O8'", "'<i3'", "'<f1'", "'<c4'", "'<i16'", "'a5'",
    "'<a5'", "'P'", "'p'", "'l'", "'q'", "'L'", "'b'", "'B'", "'<B'", "'h'", "'e'", "'F'", "'G'", "'<u8\\n'",
    "'\\t<u8'", "b'<i4'", "u'<i4'", "None", "4", "('<i4',)", "('<i4',(2,))", "('<i4',2)", "[('','<i4')]",
    "[('a','<i4')]", "[('a','<i4'),('a','<i4')]", "[('','<i4'),('','<f4')]", "[('a','')]", "[('a',' <i4')]",
    "[['a','<i4']]", "[('a',['<i4'])]", "[('a',[('b','<i4')])]", "[('a',[['b','<i4']])]", "[('a','<i4',2)]",
    "[('a','<i4',(2,))]", "[('a','<i4',[2])]", "[('a','<i4',())]", "[('a','<i4',(0,))]", "[('a','<i4',(2,3))]",
    "[('a','<i4',-1)]", "[('a','<i4',(-1,))]", "[('a','<i4',1)]", "[('a','<i4',(1,))]", "[(('t','a'),'<i4')]",
    "[(('a','a'),'<i4')]", "[(['t','a'],'<i4')]", "[('a','<i4','x')]", "[('a','<i4',2.0)]", "[('a','<i4',True)]",
    "[]", "()", "[()]", "[('a',)]", "[('a','<i4',2,3)]", "{'names':['a'],'formats':['<i4']}", "[('','|V4')]",
    "[('a','<i4'),('','|V4'),('b','<i4')]", "[('a','<i4'),('','|V4')]", "[('','|V4'),('','|V4')]",
    "[('f0','<i4'),('','<i4')]", "[('','<i4'),('f0','<i4')]", "[(b'a','<i4')]", "[('a',b'<i4')]",
    "[('a',('<i4',(2,)))]", "[('a',('<i4',2))]", "[('a',None)]", "[('a','O')]", "[(u'a','<i4')]",
    "[('a','i4,f4')]", "[('a','2i4')]", "[('a','(2,2)i4')]", "[('a','int')]",
]  # fmt: skip
SHAPES = ["(2,)", "()", "(2, 3)", "(2L,)", "[2]", "2", "(2.0,)", "(-1,)", "('2',)", "None", "(True,)"]
# Long doubles of 32-bit x86 are read on every machine; a title may be the name again, as in some pickles.
MORE = {"'<f12'", "'<c24'", "[(('a','a'),'<i4')]"}
IS_NUMPY_1 = np.lib.NumpyVersion(np.__version__) < "2.0.0"


def file(descr, shape="(2,)"):
    header = f"{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}, }}".encode()
    header += b" " * (-(11 + len(header)) % 64) + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + bytes(500)


def check(data):
    try:
        right = np.load(io.BytesIO(data))
    except Exception as error:  # of many kinds
        with pytest.raises(Refused):
            print(error, ask("npy_read", data)[0])
        return
    found = ask("npy_read", data)[0]
    assert (found["dtype"], tuple(found["shape"])) == (spec(right.dtype), right.shape)


@pytest.mark.skipif(IS_NUMPY_1, reason="the newest NumPy says what a descr is")
@pytest.mark.parametrize("descr", DESCRS)
def test_a_descr_is_read_or_refused_as_numpy_does(descr):
    if descr in MORE:
        assert ask("npy_read", file(descr))
    else:
        check(file(descr))


@pytest.mark.parametrize("shape", SHAPES)
def test_a_shape_is_read_or_refused_as_numpy_does(shape):
    check(file("'<i4'", shape))
