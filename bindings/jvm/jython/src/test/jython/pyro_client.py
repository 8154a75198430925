"""Jython's Pyro4 against pyro_server.py; ndferry_pickle.install() is all that it needs to know of arrays."""
import array
import sys

import ndferry_pickle
import numpy as np

sys.path[:0] = sys.argv[2:]
import Pyro4

Pyro4.config.SERIALIZER = 'pickle'
Pyro4.config.SERIALIZERS_ACCEPTED = ['pickle']
ndferry_pickle.install()

camera = Pyro4.Proxy(sys.argv[1])
frame = camera.frame(7)
assert type(frame) is np.ndarray and frame.dtype == 'u2' and frame.shape == (48, 64) and frame[1, 2] == 73, repr(frame)
assert camera.total(frame * 2) == (2.0 * frame.sum(), 'uint16', (48, 64))
for protocol in (2, 3, 4, 5):
    Pyro4.config.PICKLE_PROTOCOL_VERSION = protocol
    for dtype in ('i1', '>i2', 'f4', 'f8', '?'):
        sent = np.arange(6).reshape(2, 3).astype(dtype)
        back = camera.echo({'a': [sent, sent.T]})['a']
        assert all((one == two).all() and one.dtype.kind == two.dtype.kind for one, two in zip(back, (sent, sent.T)))
    assert camera.echo(array.array('d', [0.5, -1])) == array.array('d', [0.5, -1])
    assert camera.kind(array.array('i', [1])) == 'array.array'
    assert camera.kind(np.float32(1)) == 'numpy.float32'
assert camera.numbers().tolist() == [1, 70000, -2]
try:
    camera.fail('too bright')
    raise SystemExit('no error came')
except ValueError as error:
    assert str(error) == 'too bright', error
print 'pyro: Jython %s and Pyro4 %s call a server on another Python' % (sys.version.split()[0], Pyro4.__version__)
