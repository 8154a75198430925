"""Reads NPB files with Python's standard library alone: python npb_reader.py FILE.npb [NAME] > OUT.npy"""
import ast, itertools, math, struct, sys, zlib
try: from compression.zstd import decompress as zstd  # from Python 3.14 on
except ImportError:
    try: from zstandard import decompress as zstd  # if it is installed
    except ImportError: zstd = None
CODECS = {0: bytes, 1: "lz4", 2: zstd or "zstd", 3: "pco", 4: zlib.decompress}

def message(data, at):
    """Kind and body of the message at this byte; both checksums are compared."""
    head = struct.unpack_from("<4sBBHQQQII", data, at)
    if head[:2] != (b"\x93NPB", 1) or head[3] & 255 or zlib.crc32(data[at:at + 36]) != head[8]:
        raise ValueError(f"byte {at}: no NPB message of version 1")
    body = data[at + 40:at + 40 + head[6]]
    if len(body) != head[6] or zlib.crc32(body) != head[7]:
        raise ValueError(f"byte {at}: the message is damaged or cut")
    return head[2], body

def unpack(body, width):
    """The elements of a tile: the codec undone, then the filter."""
    codec, filter, _, nbytes = struct.unpack_from("<BBHI", body)
    if lacks := [name for name in (CODECS[codec], (0, 0, "bitshuffle", "delta")[filter]) if isinstance(name, str)]:
        raise NotImplementedError("this Python does not read " + " and ".join(lacks))
    raw = CODECS[codec](body[8:])
    if len(raw) != nbytes:
        raise ValueError(f"a tile of {len(raw)} bytes instead of {nbytes}")
    planes = [raw[i * (nbytes // width):][:nbytes // width] for i in range(width if filter else 0)]
    return bytes(itertools.chain.from_iterable(zip(*planes))) if filter else raw

def load(data, name=None):
    """The array of that name, or the first one, as the bytes of an NPY file."""
    own, at, kind = struct.unpack("<QQQ", message(data, len(data) - 64)[1])  # TAIL
    if own != len(data) - 64: raise ValueError("the file was cut or joined")
    if kind & 255 == 5:
        body, arrays, offset = message(data, at)[1], {}, 8
        while offset < len(body):  # CATALOG
            end = offset + 4 + struct.unpack_from("<I", body, offset)[0]
            arrays[body[offset + 4:end].decode()], offset = struct.unpack_from("<Q", body, end + 16)[0], end + 32
        at = next(iter(arrays.values())) if name is None else arrays[name]
    root, blocks, offset = message(data, at)[1], [], 16
    for _ in range(1 + struct.unpack_from("<4xI", root)[0]):  # MANIFEST and HEADERs
        end = offset + 4 + struct.unpack_from("<I", root, offset)[0]
        blocks, offset = blocks + [root[offset + 4:end]], end
    flags, width, itemsize, ndim = struct.unpack_from("<18xHIII", blocks[0])
    tile, shape = (struct.unpack_from(f"<{ndim}Q", *at) for at in ((blocks[0], 32 + 8 * ndim), (root, offset)))
    parts = [message(data, part)[1][16:] for part, _ in struct.iter_unpack("<QQ", root[offset + 8 * ndim:])]
    places = itertools.chain.from_iterable(struct.iter_unpack("<QI", part) for part in parts)
    out, strides = bytearray(math.prod(shape) * itemsize), [itemsize * math.prod(shape[i + 1:]) for i in range(ndim)]
    for (at, _), start in zip(places, itertools.product(*(range(0, n, t) for n, t in zip(shape, tile)))):
        extent, first = [min(t, n - s) for t, n, s in zip(tile, shape, start)], sum(s * stride for s, stride in zip(start, strides))
        run, raw = math.prod(extent[-1:]) * itemsize, unpack(message(data, at)[1], width) if at else None
        for i, index in enumerate(itertools.product(*map(range, extent[:-1])) if at else ()):  # 0: never written
            to = first + sum(n * stride for n, stride in zip(index, strides))
            out[to:to + run] = raw[i * run:][:run]
    fields = ast.literal_eval(blocks[1][10 if blocks[1][6] == 1 else 12:].decode())
    text = repr({**fields, "shape": shape[::-1] if fields["fortran_order"] else shape}).encode() + b"\n"
    return (b"\x93NUMPY\2\0" + struct.pack("<I", len(text)) + text if flags & 3 == 1 else blocks[1]) + out  # 1: grew

if __name__ == "__main__":
    sys.stdout.buffer.write(load(open(sys.argv[1], "rb").read(), *sys.argv[2:3]))
