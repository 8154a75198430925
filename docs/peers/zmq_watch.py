"""Watches `ndferry send --live X.npy zmq+tcp://HOST:PORT`: python zmq_watch.py tcp://HOST:PORT

The frames are those that come from now on. Who takes them too slowly misses some: the numbers tell which."""
import io, json, math, struct, sys, zlib
import numpy as np, zmq
MANIFEST, HEADER, DATA, END, REFUSE = 0, 1, 2, 4, 19

def frames(socket):  # number and array of each, until the stream ends
    first, parts = 0, []
    while True:
        head, body = (data := memoryview(b"".join(socket.recv_multipart())))[:40], data[40:]
        magic, kind, _, number, nbytes, crc, own = struct.unpack("<5sBxxQQQII", head)
        if (magic, nbytes, crc) != (b"\x93NPB\1", len(body), zlib.crc32(body)) or own != zlib.crc32(head[:36]):
            raise ValueError("no NPB message, or a damaged one")
        if kind == MANIFEST:
            ndim = struct.unpack_from("<28xI", body)[0]
            (_, *shape), (_, *tile) = (struct.unpack_from(f"<{ndim}Q", body, at) for at in (32, 32 + 8 * ndim))
            tiles = math.prod(-(-n // t) for n, t in zip(shape, tile))  # one after another they are a frame
        elif kind == HEADER and number == 0:
            _, _, dtype = getattr(np.lib.format, f"read_array_header_{body[6]}_0")(io.BytesIO(body[8:]))
        elif kind == HEADER:
            first = json.loads(bytes(body))["first_row"]
        elif kind == DATA:
            row, at = divmod(number, tiles)
            if body[:4] != b"\0\0\0\0": raise ValueError("not a raw block")
            parts = parts * (at > 0) + [body[8:]]
            if at == tiles - 1: yield first + row, np.frombuffer(b"".join(parts), dtype).reshape(shape)
        elif kind == REFUSE: raise RuntimeError("refused: " + bytes(body[4:]).decode())
        elif kind == END: return

if __name__ == "__main__":
    with zmq.Context() as context, context.socket(zmq.SUB) as socket:
        socket.rcvhwm = 16  # blocks of 1 MiB or less that wait here; then the sender leaves frames out
        socket.subscribe(b"")
        socket.connect(sys.argv[1])
        for number, array in frames(socket):
            print(number, array.dtype, array.shape, array.mean())
