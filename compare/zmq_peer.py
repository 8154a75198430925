"""pyzmq's side of the lines about ZeroMQ: `zmq_peer.py recv OUT`, `zmq_peer.py send FILE ADDRESS BLOCK`.

The bytes of a file in messages of BLOCK bytes, without copies where they are large, into a synced file. No checksums, and
nobody says whether it has arrived.
"""

import mmap
import os
import sys

import zmq

#: From this size on pyzmq's `copy=False` pays.
LARGE = 64 << 10


def recv(out):
    with zmq.Context() as context, context.socket(zmq.PULL) as socket, open(out, "wb") as file:
        port = socket.bind_to_random_port("tcp://127.0.0.1")
        print(f"listening on tcp://127.0.0.1:{port}", file=sys.stderr, flush=True)
        if int.from_bytes(socket.recv(), "little") < LARGE:
            while part := socket.recv():
                file.write(part)
        else:
            while len(part := socket.recv(copy=False)):
                file.write(part.buffer)
        file.flush()
        os.fsync(file.fileno())


def send(path, address, block):
    block = int(block)
    with zmq.Context() as context, context.socket(zmq.PUSH) as socket, open(path, "rb") as file:
        socket.connect(address)
        socket.send(block.to_bytes(8, "little"))
        data = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
        for at in range(0, len(data), block):
            socket.send(data[at : at + block], copy=block < LARGE)
        socket.send(b"")


if __name__ == "__main__":
    {"recv": recv, "send": send}[sys.argv[1]](*sys.argv[2:])
