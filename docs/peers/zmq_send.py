"""Sends an array to `ndferry recv --listen zmq+tcp://…`: python zmq_send.py X.npy tcp://HOST:PORT [push]"""
import io, itertools, math, os, struct, sys, zlib
import numpy as np, zmq
MANIFEST, HEADER, DATA, END, CREDIT, ACK, REFUSE, HELLO = 0, 1, 2, 4, 17, 18, 19, 32

def message(kind, transfer, body, number=0, payload=b""):
    crc, nbytes = zlib.crc32(payload, zlib.crc32(body)), len(body) + len(payload)
    head = struct.pack("<4sBBHQQQI", b"\x93NPB", 1, kind, 0, transfer, number, nbytes, crc)
    return [head + struct.pack("<I", zlib.crc32(head)) + body, payload]

def send(array, peer, push=False, block=1 << 20):
    array, header, transfer = np.asarray(array, order="C"), io.BytesIO(), int.from_bytes(os.urandom(7), "little") + 1
    np.lib.format.write_array_header_2_0(header, np.lib.format.header_data_from_array_1_0(array))
    shape, nbytes, letter = array.shape, array.itemsize, array.dtype.kind
    tile = [max(1, min(n, block // max(1, nbytes * math.prod(shape[i + 1:])))) for i, n in enumerate(shape)]
    corners = list(itertools.product(*map(range, [0] * len(shape), shape, tile))) if array.nbytes else []
    kind = {"f": 3, "c": 4, **dict.fromkeys("imM", 2), **dict.fromkeys("buU", 1)}.get(letter, 0)  # bytes: 0
    order, width = "|<>".index(array.dtype.str[0]) * (kind > 0), {"c": nbytes // 2, "U": min(4, nbytes)}.get(letter, nbytes)
    manifest = struct.pack("<IQ4xBBHIII", 1, len(corners), kind, order, 0, width, nbytes, len(shape))
    manifest += struct.pack(f"<{2 * len(shape)}Q", *shape, *tile)
    def hear(expected):  # the body of the next message of that kind
        while (data := b"".join(peer.recv_multipart()))[5] != expected:
            if data[5] == REFUSE: raise RuntimeError("refused: " + data[44:].decode())
        return data[40:]
    if not push: peer.send_multipart(message(HELLO, 0, struct.pack("<BBHIIIQQ", 1, 1, 0, 1, 1, 0, 1 << 24, 2**64 - 1)))
    window, under_way = math.inf if push else struct.unpack_from("<Q", hear(HELLO), 24)[0], 0  # bytes of DATA
    peer.send_multipart(message(MANIFEST, transfer, manifest) + message(HEADER, transfer, header.getvalue()))
    for number, corner in enumerate(corners):
        part = np.ascontiguousarray(array[tuple(slice(c, c + t) for c, t in zip(corner, tile))]).reshape(-1).view("u1").data
        while under_way and under_way + len(part) + 48 > window: under_way -= struct.unpack("<Q", hear(CREDIT))[0]
        peer.send_multipart(message(DATA, transfer, struct.pack("<II", 0, len(part)), number, part), copy=False)
        under_way += len(part) + 48
    peer.send_multipart(message(END, transfer, struct.pack("<QQ", len(corners), *shape[:1] or [0])))
    return push or struct.unpack("<Q", hear(ACK))[0] == len(corners)  # all is stored and verified; push never knows

if __name__ == "__main__":
    with zmq.Context() as context, context.socket(zmq.PUSH if sys.argv[3:] == ["push"] else zmq.DEALER) as peer:
        peer.rcvtimeo, peer.sndhwm, _ = 60_000, 16, peer.connect(sys.argv[2])
        sys.exit(not send(np.load(sys.argv[1], mmap_mode="r"), peer, push=sys.argv[3:] == ["push"]))
