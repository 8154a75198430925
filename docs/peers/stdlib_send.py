"""Sends arrays to `ndferry recv` with Python's standard library and NumPy alone: Python 2.7, or 3.4 and later.

    NDFERRY_TOKEN=... python stdlib_send.py FILE.npy HOST PORT
It succeeds once the receiver has stored and verified everything. Blocks go as they are; docs/formats/npb.md has the format.
"""
import hashlib, hmac, io, itertools, os, socket, struct, sys, zlib, numpy as np
MANIFEST, HEADER, DATA, END, ACK, REFUSE, HELLO, AUTH, NAME = 0, 1, 2, 4, 18, 19, 32, 33, 128
BLOCK, PATIENCE = 1 << 20, 60  # bytes, seconds

def message(kind, transfer, sequence, *parts):
    """A message in parts, its head first."""
    crc = 0
    for part in parts:
        crc = zlib.crc32(part, crc) & 0xffffffff
    head = struct.pack("<4sBBHQQQI", b"\x93NPB", 1, kind, 0, transfer, sequence, sum(map(len, parts)), crc)
    return (head + struct.pack("<I", zlib.crc32(head) & 0xffffffff),) + parts

def messages(array):
    """A plain array as messages; only what is not contiguous is copied."""
    if array.dtype.hasobject:
        raise TypeError("Python objects are not sent")
    fields, header, dtype = np.lib.format.header_data_from_array_1_0(array), io.BytesIO(), array.dtype
    np.lib.format.write_array_header_1_0(header, fields)
    stored, size, tile = array.T if fields["fortran_order"] else array, dtype.itemsize, []
    room, whole, group = max(1, BLOCK // max(1, size)), size, size
    for n in reversed(stored.shape):  # as many whole last axes as a block takes, a part of the next one
        tile.insert(0, max(1, min(room, n)))
        whole, group, room = whole * tile[0], group * (n if room > 1 else 1), room // n if tile[0] == n else 1
    numbers = {"b": 1, "u": 1, "U": 1, "i": 2, "m": 2, "M": 2, "f": 3, "c": 4}.get(dtype.kind, 0)
    width = min(4, size) if dtype.kind == "U" else size // 2 if dtype.kind == "c" else size
    order = {"|": 0, "<": 1, ">": 2}.get(dtype.byteorder, 1 if sys.byteorder == "little" else 2) if numbers else 0
    flat = np.ascontiguousarray(stored).reshape(-1)
    data = flat.view(np.uint8) if flat.nbytes else b""
    starts = [at for first in range(0, len(data), group or 1) for at in range(first, first + group, whole)]
    transfer = struct.unpack("<Q", os.urandom(8))[0] | 1
    yield message(MANIFEST, transfer, 0, struct.pack("<IQBBhBBHIII%dQ" % (2 * array.ndim), 1, len(starts), 0, 0, 0, numbers,
                                                     order, 0, width, size, array.ndim, *(list(stored.shape) + tile)))
    yield message(HEADER, transfer, 0, header.getvalue())
    for number, at in enumerate(starts):
        raw = data[at:min(at + whole, at - at % group + group)]
        yield message(DATA, transfer, number, struct.pack("<BBHI", 0, 0, 0, len(raw)), raw)
    yield message(END, transfer, 0, struct.pack("<QQ", len(starts), (list(stored.shape) + [0])[0]))

def answer(stream, wanted):
    """The next message of that kind: its body, and all of it. PING and what may be skipped are skipped."""
    while True:
        head = stream.read(40)
        if head[:4] != b"\x93NPB" or zlib.crc32(head[:36]) & 0xffffffff != struct.unpack("<I", head[36:])[0]:
            raise IOError("the receiver broke off, or does not speak NPB")
        kind, nbytes = struct.unpack_from("<B18xQ", head, 5)
        body = stream.read(min(nbytes, 4096))
        if kind == REFUSE:
            raise IOError("the receiver refused: " + body[4:].decode("utf-8", "replace"))
        if kind == wanted: return body, head + body

def send(array, host, port, token="", name=""):
    """Sends one array; returns once it is stored over there."""
    link, token = socket.create_connection((host, port), PATIENCE), token.strip().encode("utf-8")
    stream, flags = link.makefile("rb"), 2 if token else 0
    hello = b"".join(message(HELLO, 0, 0, struct.pack("<BBHIIIQQ", 1, 1, flags, 1, 1, 0, 1 << 24, 2**64 - 1)))
    link.sendall(hello)
    body, whole = answer(stream, HELLO)
    if struct.unpack_from("<H", body, 2)[0] & 2 != flags: raise IOError("only one side has a token")
    if token:
        rest = answer(stream, AUTH)[0][4:] + os.urandom(32) + hashlib.sha256(hello).digest() + hashlib.sha256(whole).digest()
        proof = lambda step: hmac.new(token, b"ndferry NPB auth" + step + rest + b"\0" * 32, hashlib.sha256).digest()
        link.sendall(b"".join(message(AUTH, 0, 0, b"\2\0\0\0", rest[32:64], proof(b"\2"))))
        if not hmac.compare_digest(answer(stream, AUTH)[0][4:], proof(b"\3")):
            raise IOError("the receiver does not know the token")
    try:
        for parts in itertools.chain([message(NAME, 0, 0, name.encode("utf-8"))], messages(array)):
            for part in parts: link.sendall(part)
    except (OSError, socket.error):
        pass  # what it says counts more
    answer(stream, ACK)

if __name__ == "__main__":
    send(np.load(sys.argv[1], mmap_mode="r"), sys.argv[2], int(sys.argv[3]), os.environ.get("NDFERRY_TOKEN", ""),
         os.path.basename(sys.argv[1]))
