"""Pickles: what `pickle.loads` makes of them is right, and what it would run is refused."""

import array
import collections
import datetime
import decimal
import fractions
import os
import pathlib
import pickle
import uuid
from typing import Any

import numpy as np
import pytest
from same import same

import ndferry

UTC = datetime.timezone.utc
STRUCT = [("a", "i4"), ("b", "f8"), ("c", "S3")]
ARRAYS = {
    "C order": np.arange(12.0).reshape(3, 4),
    "F order": np.asfortranarray(np.arange(12.0).reshape(3, 4)),
    "permuted": np.arange(24).reshape(2, 3, 4).transpose(1, 0, 2),
    "strided": np.arange(24).reshape(4, 6)[::2, ::-3],
    "big-endian": np.arange(5, dtype=">i4"),
    "text": np.array(["a", "bcé"]),
    "bytes": np.array([b"a", b"bc"]),
    "times": np.array(["2020-01-01", "NaT"], "M8[us]"),
    "spans": np.array([1, -1], "m8[25s]"),
    "structs": np.array([(1, 2.5, b"x")], STRUCT),
    "aligned": np.zeros(2, np.dtype([("a", "i1"), ("b", "f8")], align=True)),
    "nested": np.zeros(2, [("a", [("b", "<u2", (2, 3))]), ("c", "?")]),
    "objects": np.array([1, "a", None, {"k": np.arange(3)}], object),
    "structs of objects": np.array([(1, "x"), (2, [3])], [("a", "i4"), ("b", "O")]),
    "masked": np.ma.array([1, 2, 3], mask=[False, True, False], fill_value=99),
    "masked structs": np.ma.array([(1, 2.0)], mask=[(False, True)], dtype=[("a", "i4"), ("b", "f8")]),
    "masked objects": np.ma.array([1, "b"], mask=[False, True], dtype=object),
    "masked constant": np.ma.masked,
    "matrix": np.matrix([[1, 2], [3, 4]]),
    "records": np.rec.array([(1, 2.0)], dtype=[("a", "i4"), ("b", "f8")]),
    "no elements": np.zeros((0, 3)),
    "no axes": np.array(5),
    "bool": np.array([True, False]),
    "complex": np.arange(3) * 1j,
    "half": np.arange(3, dtype="f2"),
    "long double": np.arange(3, dtype="g"),
    "large": np.arange(100_000),
}
SCALARS = {
    "float32": np.float32(1.5),
    "str_": np.str_("x"),
    "void": np.array([(1, 2.5, b"x")], STRUCT)[0],
    "datetime64": np.datetime64("2021-01-01T00:00", "m"),
    "dtype": np.dtype(STRUCT),
    "class": np.float64,
}
VALUES = {
    "integers": [0, -1, 2**31, 2**63, 2**100, -(2**70)],
    "floats": [1.5, float("inf"), -0.0],
    "strings": ["", "é", "\ud800x", "x" * 5000],
    "byte strings": [b"", b"xyz", bytearray(b"abc"), bytes(range(256))],
    "sets": [{1}, frozenset([1, (2, 3)]), set(), frozenset()],
    "numbers": [1 + 2j, slice(1, 2, None), range(1, 10, 2), Ellipsis, True, None],
    "containers": [
        collections.OrderedDict([("b", 1), ("a", 2)]),
        collections.defaultdict(list, {"a": [1]}),
        collections.deque([1, 2], maxlen=5),
        collections.Counter("aab"),
        (1, (2, ())),
    ],
    "dates": [
        datetime.date(2020, 2, 29),
        datetime.datetime(2020, 2, 29, 1, 2, 3, 456, tzinfo=UTC),
        datetime.datetime(2020, 2, 29, fold=1),
        datetime.time(1, 2, 3, fold=1),
        datetime.timedelta(-1, 2, 3),
        datetime.timezone(datetime.timedelta(hours=1), "x"),
    ],
    "exact": [decimal.Decimal("1.50"), decimal.Decimal("NaN"), fractions.Fraction(-3, 4), uuid.UUID(int=5)],
    "paths": [pathlib.PurePosixPath("/a/b"), pathlib.PureWindowsPath("c:/x")],
    "array.array": [array.array("d", [1, 2]), array.array("l", [1, -2]), array.array("u", "héy"), array.array("B")],
}
if hasattr(np, "dtypes") and hasattr(np.dtypes, "StringDType"):
    string = np.dtypes.StringDType
    ARRAYS["StringDType"] = np.array(["a", "long" * 10], string())
    ARRAYS["StringDType with gaps"] = np.array(["a", None], string(na_object=None))

ALL = {**ARRAYS, **SCALARS, **VALUES}
PICKLERS = {"C": pickle.dumps, "Python": getattr(pickle, "_dumps")}


@pytest.mark.parametrize("pickler", PICKLERS)
@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize("name", ALL)
def test_what_is_loaded_is_what_pickle_loads(name: Any, protocol: Any, pickler: Any) -> None:
    pickled = PICKLERS[pickler](ALL[name], protocol)
    assert same(ndferry.loads(pickled), pickle.loads(pickled))


@pytest.mark.parametrize("protocol", range(6))
def test_all_of_them_together_too(protocol: Any) -> None:
    pickled = pickle.dumps(ALL, protocol)
    assert same(ndferry.loads(pickled), pickle.loads(pickled))


@pytest.mark.parametrize("protocol", range(6))
def test_sharing_and_cycles_are_kept(protocol: Any) -> None:
    a_list: list[Any] = [1]
    a_list.append(a_list)
    a_tuple: tuple[list[Any]] = ([],)
    a_tuple[0].append(a_tuple)
    objects = np.empty(2, object)
    objects[0], objects[1] = objects, a_list
    ours = ndferry.loads(pickle.dumps([a_list, a_tuple, objects, a_list], protocol))
    assert ours[0][1] is ours[0]
    assert ours[1][0][0] is ours[1]
    assert ours[2][0] is ours[2]
    assert ours[2][1] is ours[0]
    assert ours[3] is ours[0]


@pytest.mark.parametrize("name", ARRAYS)
def test_arrays_are_writable_and_aligned(name: Any) -> None:
    ours = ndferry.loads(pickle.dumps(["x", ALL[name]]))[1]
    if ours is not np.ma.masked:
        assert ours.flags.writeable
        assert ours.flags.aligned


def test_without_copies_arrays_share_the_buffer_and_are_read_only() -> None:
    pickled = b"".join([pickle.dumps(np.arange(1000)), b"\0"])
    ours = ndferry.loads(pickled, copy=False)
    assert not ours.flags.writeable
    npy = ndferry.dumps(np.arange(100_000), "npy")
    shared = ndferry.loads(npy, copy=False)
    start = np.frombuffer(npy, "u1").__array_interface__["data"][0]
    assert start < shared.__array_interface__["data"][0] < start + len(npy)
    assert not shared.flags.writeable


def test_a_buffer_that_is_written_to_later_changes_no_array() -> None:
    buffer = bytearray(pickle.dumps(np.arange(10_000)))
    for copy in (True, False):
        ours = ndferry.loads(buffer, copy=copy)
        before = ours.copy()
        kept, buffer[:] = bytes(buffer), b"\0" * len(buffer)
        assert np.array_equal(ours, before)
        buffer[:] = kept


def test_buffers_out_of_band_are_those_of_the_caller() -> None:
    a = np.arange(1000.0)
    buffers: list[pickle.PickleBuffer] = []
    pickled = pickle.dumps([a, a[::2].copy()], 5, buffer_callback=buffers.append)
    assert len(buffers) == 2
    ours = ndferry.loads(pickled, buffers=[buffer.raw() for buffer in buffers])
    assert same(ours, [a, a[::2]])
    with pytest.raises(ndferry.UnsupportedError, match="buffer 0"):
        ndferry.loads(pickled)


class Unknown:
    def __init__(self) -> None:
        self.a = np.arange(3)


class Sub(dict[str, Any]):
    pass


def test_what_would_run_is_refused_and_named() -> None:
    with pytest.raises(ndferry.UnsafePickle, match="posix.system") as caught:
        ndferry.loads(pickle.dumps([os.system, Unknown()]))
    names = [(module, name) for module, name, _ in caught.value.globals]
    assert ("posix", "system") in names
    assert caught.value.offset == caught.value.globals[0][2]


def test_objects_of_unknown_classes_come_as_data_where_that_is_allowed() -> None:
    name = f"{Unknown.__module__}.Unknown"
    pickled = pickle.dumps(Unknown())
    with pytest.raises(ndferry.UnsafePickle):
        ndferry.loads(pickled)
    for allow in ("opaque", [name]):
        ours = ndferry.loads(pickled, allow=allow)
        assert type(ours) is ndferry.Opaque
        assert (ours.module, ours.name) == (Unknown.__module__, "Unknown")
        assert same(ours.state, {"a": np.arange(3)})
    with pytest.raises(ndferry.UnsafePickle):
        ndferry.loads(pickled, allow=["other.Unknown"])
    ours = ndferry.loads(pickle.dumps(Sub(x=1)), allow="opaque")
    assert ours.pairs == [("x", 1)]


def test_dates_need_a_policy_that_passes_them() -> None:
    pickled = pickle.dumps(datetime.date(2020, 1, 1))
    with pytest.raises(ndferry.UnsafePickle):
        ndferry.loads(pickled, allow="arrays")
    assert ndferry.loads(pickle.dumps(np.arange(3)), allow="arrays")[2] == 2


def test_text_of_python_2_is_decoded_as_asked() -> None:
    pickled = b"S'caf\\xe9'\n."
    assert ndferry.loads(pickled) == "café"
    assert ndferry.loads(pickled, encoding="bytes") == b"caf\xe9"
    with pytest.raises(UnicodeDecodeError):
        ndferry.loads(pickled, encoding="ASCII")


@pytest.mark.parametrize(
    ("pickled", "offset"),
    [(b"", 0), (b"hello", 0), (b"\x80\x04\x95", 3), (pickle.dumps(np.arange(5))[:-20], 11)],
)
def test_damage_is_told_with_its_byte(pickled: Any, offset: Any) -> None:
    with pytest.raises(ndferry.FormatError) as caught:
        ndferry.loads(pickled)
    assert caught.value.offset == offset
    assert isinstance(caught.value, ValueError)


def test_every_cut_pickle_is_refused() -> None:
    pickled = pickle.dumps(ALL, 4)
    for end in range(0, len(pickled) - 1, 97):
        with pytest.raises(ndferry.FerryError):
            ndferry.loads(pickled[:end])


def test_several_pickles_come_one_after_another(tmp_path: Any) -> None:
    path = tmp_path / "several.pkl"
    path.write_bytes(b"".join(pickle.dumps(i) for i in range(3)))
    assert ndferry.load(path) == 0
    assert list(ndferry.load_all(path)) == [0, 1, 2]
    assert next(ndferry.load_all(path)) == 0


def test_a_member_is_found_by_keys_and_indexes(tmp_path: Any) -> None:
    path = tmp_path / "model.pkl"
    path.write_bytes(pickle.dumps({"layers": [{"w.x": np.arange(3)}]}))
    assert same(ndferry.load(path, r"layers.0.w\.x"), np.arange(3))
    with pytest.raises(ndferry.MemberError, match="nothing at"):
        ndferry.load(path, "layers.1")


def test_a_million_nested_lists_end_well() -> None:
    depth = 1_000_000
    ours = ndferry.loads(b"]" * depth + b"a" * (depth - 1) + b".")
    assert type(ours) is list
    while ours:
        (ours,) = ours
