"""Receives what `ndferry send` sends with Python's standard library and NumPy alone: Python 2.7, or 3.4 and later.

    NDFERRY_TOKEN=... python stdlib_recv.py HOST PORT OUT.npz

Stores one transfer, then acknowledges it. Blocks come raw. Without a token listen at 127.0.0.1 alone."""
import hashlib, hmac, io, json, operator, os, socket, struct, sys, zipfile, zlib, numpy as np
MANIFEST, HEADER, DATA, END, CATALOG, ACK, REFUSE, HELLO, AUTH, BLOCK = 0, 1, 2, 4, 5, 18, 19, 32, 33, 1 << 24

def message(kind, transfer, body=b""):
    head = struct.pack("<4sBBHQQQI", b"\x93NPB", 1, kind, 0, transfer, 0, len(body), zlib.crc32(body) & 0xffffffff)
    return head + struct.pack("<I", zlib.crc32(head) & 0xffffffff) + body

def messages(read):
    """Kind, transfer, sequence and body of each message that means something here; `read` gives so many bytes."""
    while True:
        head = read(40)
        if head[:5] != b"\x93NPB\1" or zlib.crc32(head[:36]) & 0xffffffff != struct.unpack("<I", head[36:])[0]:
            raise ValueError("the other side broke off, or does not speak NPB")
        kind, transfer, sequence, nbytes, crc = struct.unpack_from("<B2xQQQI", head, 5)
        body = read(min(nbytes, BLOCK + 8))
        if len(body) != nbytes or zlib.crc32(body) & 0xffffffff != crc:
            raise ValueError("a message is damaged, cut or too long")
        if kind < 128 and kind not in (3, 6, 34): yield kind, transfer, sequence, body

def array(stream, manifest):
    """The array that follows its MANIFEST: its name, itself, its number of blocks."""
    headers, flags, itemsize, ndim = struct.unpack_from("<I14xH4xII", manifest)
    shape, tile = (struct.unpack_from("<%dQ" % ndim, manifest, 32 + at * ndim) for at in (0, 8))
    texts = [next(stream)[::3] for _ in range(headers)]
    header, data, count, nbytes = io.BytesIO(texts[0][1]), bytearray(), 0, itemsize
    extents, fortran, dtype = getattr(np.lib.format, "read_array_header_%d_%d" % np.lib.format.read_magic(header))(header)
    for extent in shape: nbytes *= extent
    flat = all(t == 1 or all(map(operator.ge, tile[at + 1:], shape[at + 1:])) for at, t in enumerate(tile))  # runs
    same = (dtype.itemsize, shape) == (itemsize, tuple(extents[::-1] if fortran else extents))
    if flags & ~4 or dtype.hasobject or not (flat and same) or any(kind != HEADER for kind, _ in texts):
        raise ValueError("only plain arrays of a fixed shape are taken here")
    for kind, _, sequence, body in stream:
        if kind == END: break
        if (kind, sequence, body[:4]) != (DATA, count, b"\0" * 4): raise ValueError("a packed block, or one out of order")
        data, count = data.__iadd__(body[8:]), count + 1  # in place
        if len(data) > nbytes: break
    if len(data) != nbytes: raise ValueError("too many elements, or too few")
    name = json.loads(texts[1][1].decode("utf-8")).get("name", "") if headers > 1 else ""
    return name, np.ndarray(extents, dtype, data, order="F" if fortran else "C"), count

def take(stream):
    """The arrays of a transfer by their names, and its ACK."""
    arrays, blocks = {}, 0
    for kind, transfer, _, body in stream:
        if kind == MANIFEST:
            name, value, count = array(stream, body)
            arrays[name], blocks = value, blocks + count
        if kind == CATALOG or kind == MANIFEST and not struct.unpack_from("<H", body, 18)[0] & 4:
            return arrays, message(ACK, 0 if kind == CATALOG else transfer, struct.pack("<Q", blocks))

def recv(link, token, path):
    """One transfer into an .npz file, which appears whole or not at all."""
    stream, token, flags = messages(link.makefile("rb").read), token.strip().encode("utf-8"), 2 if token.strip() else 0
    try:
        kind, _, _, theirs = next(stream)
        if kind != HELLO or struct.unpack_from("<H", theirs, 2)[0] & 6 != flags: raise ValueError("only one side has a token")
        hello, challenge = message(HELLO, 0, struct.pack("<BBHIIIQQ", 1, 1, flags, 1, 1, 0, BLOCK, 2**64 - 1)), os.urandom(32)
        link.sendall(hello + (message(AUTH, 0, b"\1\0\0\0" + challenge) if token else b""))
        if token:
            answer, both = next(stream)[3], [hashlib.sha256(each).digest() for each in (message(HELLO, 0, theirs), hello)]
            rest = challenge + answer[4:36] + b"".join(both) + b"\0" * 32
            proof = lambda step: hmac.new(token, b"ndferry NPB auth" + step + rest, hashlib.sha256).digest()
            if not hmac.compare_digest(answer[36:], proof(b"\2")): raise ValueError("the token is wrong")
            link.sendall(message(AUTH, 0, b"\3\0\0\0" + proof(b"\3")))
        arrays, ack = take(stream)
        with zipfile.ZipFile(path + ".part", "w", zipfile.ZIP_STORED, True) as out:  # savez takes not every name
            for name, value in arrays.items():
                np.save(path + ".npy", value); out.write(path + ".npy", (name or "arr_0") + ".npy"); os.remove(path + ".npy")
        with open(path + ".part", "rb+") as out: os.fsync(out.fileno())
        os.rename(path + ".part", path)
        link.sendall(ack)
    except Exception as error:
        link.sendall(message(REFUSE, 0, struct.pack("<I", 1) + str(error).encode("utf-8")))
        raise

if __name__ == "__main__":
    listener = socket.socket()
    listener.bind((sys.argv[1], int(sys.argv[2]))); listener.listen(1)
    sys.stderr.write("listening on tcp://%s:%d\n" % listener.getsockname())
    link = listener.accept()[0]
    link.settimeout(60)
    recv(link, os.environ.get("NDFERRY_TOKEN", ""), sys.argv[3])
