"""Takes an array from `ndferry send X.npy zmq+tcp://…`: python zmq_recv.py tcp://HOST:PORT X.npy"""
import io, math, struct, sys, zlib
import numpy as np, zmq
MANIFEST, HEADER, DATA, END, CREDIT, ACK, HELLO = 0, 1, 2, 4, 17, 18, 32

def message(kind, transfer, body):
    head = struct.pack("<4sBBHQQQI", b"\x93NPB", 1, kind, 0, transfer, 0, len(body), zlib.crc32(body))
    return head + struct.pack("<I", zlib.crc32(head)) + body

def recv(server, store):  # gives one array to store(), and only then says that it is stored and verified
    sender, blocks, server.rcvtimeo = None, set(), 60_000
    while True:
        who, *parts = server.recv_multipart()
        head, body = (data := memoryview(b"".join(parts)))[:40], data[40:]
        magic, kind, transfer, number, nbytes, crc, own = struct.unpack("<5sBxxQQQII", head)
        if (magic, nbytes, crc) != (b"\x93NPB\1", len(body), zlib.crc32(body)) or own != zlib.crc32(head[:36]):
            raise ValueError("no NPB message, or a damaged one")
        if kind == HELLO and sender is None:  # raw blocks only, and 16 MiB of them before it hears that they were taken
            sender, hello = who, struct.pack("<BBHIIIQQ", 1, 1, 0, 1, 1, 0, 1 << 24, 1 << 24)
            server.send_multipart([who, message(HELLO, 0, hello)])
        elif who != sender: continue  # somebody else, who will give up
        elif kind == MANIFEST:
            flags, ndim = struct.unpack_from("<18xH8xI", body)
            if flags: raise NotImplementedError("an array that grows, objects, or several arrays")
            shape, tile = (struct.unpack_from(f"<{ndim}Q", body, at) for at in (32, 32 + 8 * ndim))
        elif kind == HEADER and number == 0:
            _, fortran, dtype = getattr(np.lib.format, f"read_array_header_{body[6]}_0")(io.BytesIO(body[8:]))
            out, grid = np.empty(shape, dtype), [-(-n // t) for n, t in zip(shape, tile)]  # axes as they are stored
        elif kind == DATA:
            place = tuple(slice(i * t, i * t + t) for i, t in zip(np.unravel_index(number, grid) if grid else (), tile))
            if body[:8] != struct.pack("<II", 0, out[place].nbytes): raise ValueError("not a raw block of that size")
            out[place], _ = np.frombuffer(body[8:], dtype).reshape(out[place].shape), blocks.add(number)
            server.send_multipart([who, message(CREDIT, transfer, struct.pack("<Q", len(data)))])
        elif kind == END and len(blocks) == math.prod(grid) * bool(out.nbytes):
            store(out.T if fortran else out)
            return server.send_multipart([who, message(ACK, transfer, struct.pack("<Q", len(blocks)))])

if __name__ == "__main__":
    (server := zmq.Context.instance().socket(zmq.ROUTER)).bind(sys.argv[1])
    recv(server, lambda array: np.save(sys.argv[2], array))
