"""Arrays between processes and threads: channels and frames."""

import asyncio
import contextlib
import hashlib
import io
import os
import socket
import ssl
import subprocess
import sys
import threading
import time
import weakref
from typing import Any

import numpy as np
import pytest
from same import same

import ndferry

A = np.arange(24.0).reshape(2, 3, 4)


def sent(listener: Any, obj: Any, **how: Any) -> Any:
    """Sends from another thread; gives what `send` gave, or raised, once it is joined."""
    result: list[Any] = []

    def work() -> None:
        try:
            result.append(ndferry.connect(listener.url).send(obj, **how))
        except Exception as error:
            result.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    return thread, result


@pytest.mark.parametrize(
    "url", ["tcp://127.0.0.1:0", "unix://{folder}/socket", "zmq+tcp://127.0.0.1:0", "zmq+ipc://{folder}/socket"]
)
@pytest.mark.parametrize("codec", [None, "zstd"])
def test_arrays_arrive(tmp_path: Any, url: Any, codec: Any) -> None:
    with ndferry.listen(url.format(folder=tmp_path)) as listener:
        for array in (A, A.T, A[::-1, :, ::2], np.float32(3), A[:, :0], A.astype(">f4")):
            thread, result = sent(listener, array, codec=codec)
            received = listener.recv()
            thread.join()
            assert same(received, np.array(array))
            assert received.dtype == np.asarray(array).dtype
            assert result[0] > 0


@pytest.mark.parametrize("zmq", ["push", "pub"])
def test_receivers_that_cannot_answer_get_arrays_too(zmq: Any) -> None:
    with ndferry.listen("zmq+tcp://127.0.0.1:0") as listener:
        thread = threading.Thread(target=lambda: ndferry.connect(listener.url, zmq=zmq).send({"a": A, "b": A.T}))
        thread.start()
        assert same(listener.recv(), {"a": A, "b": np.array(A.T)})
        thread.join()
    with pytest.raises(ValueError, match="dealer"):
        ndferry.connect(listener.url, zmq="router")
    with pytest.raises(ndferry.FerryError, match="token"):
        ndferry.connect(listener.url, zmq=zmq, token="secret").send(A)


def test_several_arrays_are_one_transfer_and_come_by_name() -> None:
    with ndferry.listen("tcp://127.0.0.1:0") as listener:
        thread, _ = sent(listener, {"a": A, "b": A.T})
        assert same(next(listener), {"a": A, "b": np.array(A.T)})
        thread.join()


def test_elements_go_where_they_are_wanted(tmp_path: Any) -> None:
    with ndferry.listen("tcp://127.0.0.1:0") as listener:
        out = np.zeros_like(A)
        thread, _ = sent(listener, A)
        assert listener.recv(out=out) is out
        thread.join()
        assert same(out, A)
        thread, _ = sent(listener, A)
        assert listener.recv_to(tmp_path / "a.npb") == A.nbytes
        thread.join()
        assert same(ndferry.load(tmp_path / "a.npb"), A)
        np.save(tmp_path / "b.npy", A)
        thread, _ = sent(listener, ndferry.open(tmp_path / "b.npy"))
        assert same(listener.recv(), A)
        thread.join()


def test_a_sender_hears_what_went_wrong(tmp_path: Any) -> None:
    with pytest.raises(ConnectionRefusedError):
        with ndferry.listen("tcp://127.0.0.1:0") as listener:
            url = listener.url
        ndferry.connect(url).send(A)
    with ndferry.listen("tcp://127.0.0.1:0") as listener:
        (tmp_path / "a.npy").touch()
        thread, result = sent(listener, A)
        with pytest.raises(FileExistsError):
            listener.recv_to(tmp_path / "a.npy")
        ndferry_error = (ndferry.TransferError, OSError)
        listener.close()
        thread.join()
        assert isinstance(result[0], ndferry_error)
        with pytest.raises(ndferry.UsageError, match="closed"):
            listener.recv()


def test_both_ends_can_be_awaited() -> None:
    async def both() -> Any:
        with ndferry.listen("tcp://127.0.0.1:0") as listener:
            received, _ = await asyncio.gather(listener.arecv(), ndferry.connect(listener.url).asend(A))
            return received

    assert same(asyncio.run(both()), A)


def test_attributes_arrive() -> None:
    with ndferry.listen("tcp://127.0.0.1:0") as listener:
        assert listener.attrs == {}
        thread, _ = sent(listener, A, attrs={"axes": "TYX", "spacing": [1, 0.5]})
        assert same(listener.recv(), A)
        thread.join()
        assert listener.attrs == {"axes": "TYX", "spacing": [1, 0.5]}
        thread, _ = sent(listener, {"a": A, "b": A})
        listener.recv()
        thread.join()
        assert listener.attrs == {"a": {}, "b": {}}


def test_each_end_has_one_direction_and_says_so() -> None:
    with ndferry.listen("tcp://127.0.0.1:0") as listener:
        with pytest.raises(ndferry.UsageError, match="connect"):
            listener.send(A)
        with pytest.raises(ndferry.UsageError, match="listen"):
            ndferry.connect(listener.url).recv()


def test_a_cancelled_wait_ends_soon_and_the_listener_goes_on() -> None:
    async def both() -> Any:
        with ndferry.listen("tcp://127.0.0.1:0") as listener:
            start = time.monotonic()
            with pytest.raises(asyncio.TimeoutError):
                await asyncio.wait_for(listener.arecv(), 0.2)
            took = time.monotonic() - start
            received, _ = await asyncio.gather(listener.arecv(), ndferry.connect(listener.url).asend(A))
            with pytest.raises(ndferry.FerryError):
                await ndferry.connect("nowhere").asend(A)
            return took, received

    took, received = asyncio.run(both())
    assert same(received, A)
    # The machine may be busy.
    assert took < 10


def test_progress_is_told_on_both_sides() -> None:
    told: dict[str, list[Any]] = {"send": [], "recv": []}
    big = np.arange(1 << 20)
    with ndferry.listen("tcp://127.0.0.1:0") as listener:
        thread, result = sent(listener, big, progress=lambda *now: told["send"].append(now))
        listener.recv(progress=lambda *now: told["recv"].append(now))
        thread.join()
    assert told["send"][-1] == told["recv"][-1] == (big.nbytes, big.nbytes)


def test_nothing_breaks_when_an_array_changes_while_it_is_sent() -> None:
    """The elements that arrive may be old or new ones; memory stays where it is."""
    array = np.zeros(4 << 20, "u4")
    whole = bytearray(16 << 20)
    refused = {"resize": 0, "extend": 0}

    def meddle(*_: Any) -> None:
        array[:] += 1
        try:
            array.resize(1, refcheck=False)
        except ValueError:
            refused["resize"] += 1
        try:
            whole.extend(b"x")
        except BufferError:
            refused["extend"] += 1

    sending: dict[str, Any] = {
        "array": lambda: array,
        "view": lambda: array[::-2],
        "view of a view": lambda: array[4:][::2].reshape(2, -1).T,
        "buffer": lambda: np.frombuffer(whole, "u1"),
    }
    with ndferry.listen("tcp://127.0.0.1:0") as listener:
        for name, wanted in sending.items():
            refused.update(resize=0, extend=0)
            size = array.size
            thread, result = sent(listener, wanted(), codec="lz4", progress=meddle)
            received = listener.recv()
            thread.join()
            assert received.shape == wanted().shape and isinstance(result[0], int), (name, result)
            word = "extend" if name == "buffer" else "resize"
            assert refused[word] > 0, name
            if word == "extend":
                continue
            assert array.size == size
        # The last reference goes while it is under way.
        gone = [np.ones(8 << 20, "u1")]
        thread, result = sent(listener, gone.pop())
        assert listener.recv().all()
        thread.join()


def test_memory_that_is_filled_stays_where_it_is() -> None:
    a = np.arange(1 << 20)
    out = np.zeros_like(a)
    refused = []

    class Meddling(io.BytesIO):
        def read(self, *args: Any) -> Any:
            try:
                out.resize(1, refcheck=False)
            except ValueError:
                refused.append(1)
            return super().read(*args)

    with ndferry.open(io.BytesIO(ndferry.dumps(a, "npb"))) as lazy:
        lazy.read_into(out)
        assert same(out, a)
    file = Meddling(b"")
    file.write(ndferry.dumps(a, "npb"))
    file.seek(0)
    keep = weakref.ref(out)  # while the file is opened
    with ndferry.open(file) as lazy:
        out[:] = 0
        del keep
        refused.clear()
        lazy.read_into(out)
        assert refused and same(out, a)


def test_the_command_is_at_the_other_end(tmp_path: Any) -> None:
    np.save(tmp_path / "a.npy", A)
    with ndferry.listen("tcp://127.0.0.1:0") as listener:
        command = [sys.executable, "-m", "ndferry", "send", str(tmp_path / "a.npy"), listener.url]
        process = subprocess.Popen(command)
        assert same(listener.recv(), A)
        assert process.wait(30) == 0


@pytest.mark.parametrize("block", [None, 40])
@pytest.mark.parametrize("codec", [None, "lz4"])
def test_frames_come_back_however_they_lie(block: Any, codec: Any) -> None:
    for array in (A, A.T, A[::-1, :, ::2], A.transpose(1, 0, 2), np.float32(3), A[:, :0], A.astype(">f4")):
        frames = ndferry.to_frames(array, codec=codec, block=block)
        for given in (frames, [bytes(frame) for frame in frames], [b"".join(frames)]):
            ours = ndferry.from_frames(given)
            assert same(ours, np.array(array))
            assert ours.dtype == np.asarray(array).dtype


def test_frames_share_memory_on_both_sides() -> None:
    a = np.arange(100_000)
    frames = ndferry.to_frames(a)
    assert len(frames) == 3
    assert np.shares_memory(np.frombuffer(frames[1], a.dtype), a)
    ours = ndferry.from_frames(frames)
    assert np.shares_memory(ours, a)
    assert not ours.flags.writeable
    own = ndferry.from_frames(frames, copy=True)
    assert own.flags.writeable
    assert not np.shares_memory(own, a)


def test_zeromq_carries_frames() -> None:
    zmq = pytest.importorskip("zmq")
    with zmq.Context() as context, context.socket(zmq.PAIR) as near, context.socket(zmq.PAIR) as far:
        near.bind("inproc://ndferry")
        far.connect("inproc://ndferry")
        for copy in (True, False):
            for array in (A, A.T, A[::-1, :, ::2]):
                near.send_multipart(ndferry.to_frames(array), copy=copy)
                received = ndferry.from_frames(far.recv_multipart(copy=copy))
                assert same(np.array(received), np.array(array))


def test_damaged_frames_are_refused() -> None:
    frames = [bytes(frame) for frame in ndferry.to_frames(A)]
    for number, frame in enumerate(frames):
        for at in (0, len(frame) // 2, len(frame) - 1):
            damaged = list(frames)
            damaged[number] = frame[:at] + bytes([frame[at] ^ 1]) + frame[at + 1 :]
            with pytest.raises(ndferry.FerryError):
                ndferry.from_frames(damaged)
    with pytest.raises(ndferry.FerryError):
        ndferry.from_frames(frames[:-1])
    with pytest.raises(ndferry.FerryError):
        ndferry.from_frames([])


def test_only_who_knows_the_token_is_served() -> None:
    with ndferry.listen("tcp://127.0.0.1:0", token="correct horse") as listener:
        received: list[Any] = []
        receiver = threading.Thread(target=lambda: received.append(listener.recv()))
        receiver.start()
        for wrong in (None, "battery staple"):
            with pytest.raises(ndferry.FerryError, match="token"):
                ndferry.connect(listener.url, token=wrong).send(A)
        ndferry.connect(listener.url, token=b"correct horse").send(A)
        receiver.join()
    assert same(received[0], A)
    with pytest.raises(ndferry.FerryError, match="token"):
        ndferry.listen("tcp://0.0.0.0:0")
    ndferry.listen("tcp://0.0.0.0:0", insecure=True).close()


@pytest.mark.parametrize("token", [None, "correct horse"])
def test_encrypted_transfers_need_the_listeners_certificate(token: Any) -> None:
    with ndferry.listen("tls://127.0.0.1:0", token=token) as listener:
        address, pin = listener.url.split("#")
        received: list[Any] = []
        receiver = threading.Thread(target=lambda: received.extend((listener.recv(), listener.recv())))
        receiver.start()
        for wrong in (None, "0" * 64):
            with pytest.raises(ndferry.FerryError, match="certificate") as refused:
                ndferry.connect(address, token=token, tls_pin=wrong).send(A)
            hint = refused.value.hint or ""
            assert "sha256=" in hint or "address" in hint
        ndferry.connect(listener.url, token=token).send(A)
        ndferry.connect(address, token=token, tls_pin=pin).send(A.T)
        receiver.join()
    assert same(received[0], A)
    assert same(received[1], np.array(A.T))


def test_tls_is_told_what_is_wrong_with_its_options(tmp_path: Any) -> None:
    with pytest.raises(ndferry.FerryError, match="64 hex digits"):
        ndferry.connect("tls://127.0.0.1:1", tls_pin="12")
    with pytest.raises(ndferry.FerryError, match="belong together"):
        ndferry.listen("tls://127.0.0.1:0", tls_cert=tmp_path / "cert.pem")
    with pytest.raises(OSError, match=r"absent\.pem"):
        ndferry.connect("tls://127.0.0.1:1", tls_ca=tmp_path / "absent.pem").send(A)
    with pytest.raises(OSError, match=r"absent\.pem"):
        ndferry.listen("tls://127.0.0.1:0", tls_cert=tmp_path / "absent.pem", tls_key=tmp_path / "absent.pem")


def test_pythons_own_tls_sees_the_certificate_and_does_not_disturb() -> None:
    unchecked = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    unchecked.check_hostname = False
    unchecked.verify_mode = ssl.CERT_NONE
    with ndferry.listen("tls://127.0.0.1:0") as listener:
        address, pin = listener.url.removeprefix("tls://").split("#")
        host, port = address.split(":")
        received: list[Any] = []
        receiver = threading.Thread(target=lambda: received.append(listener.recv()))
        receiver.start()
        with socket.create_connection((host, int(port))) as plain, unchecked.wrap_socket(plain) as stranger:
            assert stranger.version() == "TLSv1.3"
            certificate = stranger.getpeercert(binary_form=True)
            assert certificate is not None
            assert pin == "sha256=" + hashlib.sha256(certificate).hexdigest()
            stranger.sendall(b"GET / HTTP/1.1\r\nHost: there\r\nAccept: everything\r\n\r\n")
            # It is hung up on, in whatever way.
            with contextlib.suppress(OSError):
                assert not stranger.recv(1000).startswith(b"HTTP")
            ndferry.connect(listener.url).send(A)
        receiver.join()
    assert same(received[0], A)


@pytest.mark.parametrize("what", ["shape", "dtype", "objects", "a call"])
def test_what_the_receiver_cannot_take_the_sender_does_not_hear_to_be_there(what: str, tmp_path: Any) -> None:
    class Call:
        def __reduce__(self) -> Any:
            return (os.system, ("true",))

    sent: Any = {"objects": np.array([1, None]), "a call": np.array([Call()])}.get(what, np.arange(4.0))
    out = {"shape": np.empty(5), "dtype": np.empty(4, "f4"), "objects": np.empty(2)}.get(what)
    if what == "a call":
        # Pickling it is refused here; somebody else may send it.
        np.save(tmp_path / "call.npy", sent, allow_pickle=True)
        sent = ndferry.open(tmp_path / "call.npy")
    with ndferry.listen("tcp://127.0.0.1:0") as listener:
        raised: list[Any] = []

        def receive() -> None:
            try:
                listener.recv(out=out)
            except Exception as error:
                raised.append(error)

        receiver = threading.Thread(target=receive)
        receiver.start()
        with pytest.raises(ndferry.FerryError, match="refused"):
            ndferry.connect(listener.url).send(sent)
        receiver.join()
    assert raised and not isinstance(raised[0], ndferry.TransferError), raised
