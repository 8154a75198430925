"""Pickles of NumPy's arrays and what else NumPy pickles, and changed ones: opcode by opcode, and byte by byte.

Some changed ones are still pickles, often of another array; most are none. Whoever loads them must expect anything.
"""

import pickle
import pickletools
import struct

import pickle_kinds

# Types, orders, codecs and names that a text in a pickle may be changed to.
TEXTS = "i4 f8 u1 b1 c16 f2 U3 S5 V4 V16 M8 m8 O8 f16 i3 < > | = C F K A latin1 ascii a b x f0".split() + ["", "é"]
NUMBERS = [0, 1, 2, 3, 4, 5, 6, 7, 8, 12, 16, 24, 63, 127, 128, 144, 255, 256, 65535, -1, -2, -112, -128, 2**31 - 1, -(2**31), 2**40]
GLOBALS = [(core + module, name) for core in ("numpy.core.", "numpy._core.") for module, name in (("multiarray", "_reconstruct"), ("multiarray", "scalar"), ("numeric", "_frombuffer"))]
GLOBALS += [("numpy", "ndarray"), ("numpy", "dtype"), ("_codecs", "encode"), ("builtins", "bytearray"), ("builtins", "complex")]
# Opcodes that stand for themselves.
ALONE = [pickle.POP, pickle.DUP, pickle.MARK, pickle.TUPLE, pickle.TUPLE1, pickle.TUPLE2, pickle.TUPLE3, pickle.EMPTY_TUPLE, pickle.LIST]
ALONE += [pickle.EMPTY_LIST, pickle.EMPTY_DICT, pickle.NONE, pickle.NEWTRUE, pickle.NEWFALSE, pickle.REDUCE, pickle.BUILD, pickle.NEWOBJ]
ALONE += [pickle.APPEND, pickle.APPENDS, pickle.SETITEM, pickle.SETITEMS, pickle.STOP, pickle.POP_MARK, pickle.MEMOIZE, pickle.FROZENSET]
INTS = {"INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1"}
STRINGS = {"UNICODE", "BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8"}
PAYLOADS = {"BINBYTES", "SHORT_BINBYTES", "BYTEARRAY8", "BINBYTES8"}


def seeds(largest=3000):
    """One pickle of each thing and protocol, and of a few that hold several things."""
    out = {}
    for family, name, value in pickle_kinds.kinds():
        if family in ("generators", "masked", "subclasses", "class_of_dtype", "new_strings"):
            continue
        for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
            try:
                data = pickle.dumps(value, protocol)
            except (pickle.PicklingError, TypeError, AttributeError):
                continue
            if len(data) <= largest:
                out.setdefault(data, f"{family}/{name}.{protocol}")
    return sorted(out, key=lambda data: (out[data], data))


def chunks(data):
    """The opcodes of a pickle: name, argument, bytes. Without frames, whose lengths no change would keep right."""
    ops = list(pickletools.genops(data))
    ends = [pos for _, _, pos in ops[1:]] + [len(data)]
    return [(op.name, arg, data[pos:end]) for (op, arg, pos), end in zip(ops, ends) if op.name != "FRAME"]


def number(rng, n):
    """A number, in one of the opcodes that have room for it."""
    forms = [b"I%d\n" % n, b"L%dL\n" % n, pickle.encode_long(n)]
    forms[2] = pickle.LONG1 + bytes([len(forms[2])]) + forms[2]
    if -(2**31) <= n < 2**31:
        forms += [pickle.BININT + struct.pack("<i", n)] * 2
    if 0 <= n < 256:
        forms += [pickle.BININT1 + bytes([n])] * 4
    if 0 <= n < 65536:
        forms += [pickle.BININT2 + struct.pack("<H", n)]
    return rng.choice(forms)


def text(rng, value):
    encoded = value.encode("utf-8", "surrogatepass")
    forms = [pickle.BINUNICODE + struct.pack("<I", len(encoded)) + encoded]
    if len(encoded) < 256:
        forms += [pickle.SHORT_BINUNICODE + bytes([len(encoded)]) + encoded] * 3
    latin1 = value.encode("latin1", "replace")
    if len(latin1) < 256:
        # What Python 2 writes.
        forms += [pickle.SHORT_BINSTRING + bytes([len(latin1)]) + latin1]
    return rng.choice(forms)


def payload(rng, data):
    forms = [pickle.BINBYTES + struct.pack("<I", len(data)) + data, pickle.BYTEARRAY8 + struct.pack("<Q", len(data)) + data]
    if len(data) < 256:
        forms += [pickle.SHORT_BINBYTES + bytes([len(data)]) + data, pickle.SHORT_BINSTRING + bytes([len(data)]) + data]
    return rng.choice(forms)


def other_argument(rng, name, arg, data):
    """The same kind of thing with another value, or with the same in another opcode."""
    if name in INTS and isinstance(arg, int):
        return number(rng, rng.choice([arg, arg + 1, arg - 1, *NUMBERS[:12], rng.choice(NUMBERS)]))
    if name in STRINGS:
        return text(rng, rng.choice([arg, *[rng.choice(TEXTS) for _ in range(4)]]))
    if name in PAYLOADS:
        grown = bytes(arg) + bytes(rng.randrange(256) for _ in range(rng.choice([1, 2, 4, 8, len(arg)])))
        cut = bytes(arg)[: max(0, len(arg) - rng.choice([1, 2, 4, 8]))]
        return payload(rng, rng.choice([bytes(arg), bytes(arg), grown, cut, rng.randbytes(len(arg))]))
    if name == "GLOBAL":
        return b"c%s\n%s\n" % tuple(part.encode() for part in rng.choice(GLOBALS))
    if name in ("NEWTRUE", "NEWFALSE"):
        return rng.choice([pickle.NEWTRUE, pickle.NEWFALSE, number(rng, 0), number(rng, 1), pickle.NONE])
    if name in ("BINGET", "BINPUT"):
        return data[:1] + bytes([rng.randrange(16)])
    if name == "PROTO":
        return data[:1] + bytes([rng.randrange(7)])
    return rng.choice(ALONE)


def by_opcodes(rng, data, donor):
    parts = chunks(data)
    for _ in range(rng.choice([1, 1, 1, 2, 3])):
        i = rng.randrange(len(parts))
        name, arg, own = parts[i]
        kind = rng.randrange(12)
        if kind < 7:
            with_argument = [j for j, part in enumerate(parts) if part[0] in INTS | STRINGS | PAYLOADS or part[0] in ("GLOBAL", "NEWTRUE", "NEWFALSE")]
            i = rng.choice(with_argument or [i])
            name, arg, own = parts[i]
            parts[i] = ("", None, other_argument(rng, name, arg, own))
        elif kind == 7:
            del parts[i]
        elif kind == 8:
            parts.insert(i, rng.choice(parts))
        elif kind == 9:
            j = rng.randrange(len(parts))
            parts[i], parts[j] = parts[j], parts[i]
        elif kind == 10:
            parts.insert(i, ("", None, rng.choice(ALONE)))
        else:
            theirs = chunks(donor)
            j = rng.randrange(len(theirs))
            parts[i : i + rng.randrange(3)] = theirs[j : j + rng.randrange(1, 4)]
        if not parts:
            break
    return b"".join(part[2] for part in parts)


def by_bytes(rng, data, donor):
    out = bytearray(data)
    for _ in range(rng.choice([1, 1, 2])):
        i = rng.randrange(len(out)) if out else 0
        kind = rng.randrange(6)
        if kind == 0 and out:
            out[i] ^= 1 << rng.randrange(8)
        elif kind == 1 and out:
            out[i] = rng.choice([0, 1, 0x7F, 0x80, 0xFF, rng.randrange(256)])
        elif kind == 2:
            out[i:i] = rng.randbytes(rng.choice([1, 2, 4]))
        elif kind == 3:
            del out[i : i + rng.choice([1, 1, 2, 8])]
        elif kind == 4:
            del out[i:]
        else:
            j = rng.randrange(len(donor))
            out[i : i + rng.randrange(9)] = donor[j : j + rng.randrange(9)]
    return bytes(out)


def joined(rng, data, donor):
    """Two pickles as one of a tuple, as one who has the other's memo."""
    first, second = chunks(data)[:-1], chunks(donor)[:-1]
    parts = [part[2] for part in first] + [part[2] for part in second if part[0] != "PROTO"]
    return b"".join(parts) + pickle.TUPLE2 + pickle.STOP


def mutant(rng, seeds):
    """A changed pickle, and how it was changed."""
    data, donor = rng.choice(seeds), rng.choice(seeds)
    kind = rng.choices(["opcodes", "bytes", "joined"], [12, 5, 1])[0]
    change = {"opcodes": by_opcodes, "bytes": by_bytes, "joined": joined}[kind]
    return kind, change(rng, data, donor)

