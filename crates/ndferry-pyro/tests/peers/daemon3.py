"""An ordinary program that serves an object with Pyro 3, on Python 2: `daemon3.py [IDENT]`. Writes its address and that of a name
server's entry, then serves until its standard input ends."""
from __future__ import print_function

import os
import sys
import threading

import Pyro.core
import Pyro.naming
import Pyro.protocol


class Thing(Pyro.core.ObjBase):
    def __init__(self):
        Pyro.core.ObjBase.__init__(self)
        self.value = 1

    def echo(self, value):
        return value

    def add(self, a, b=2):
        return a + b

    def fail(self, message):
        raise ValueError(message, 7)

    def array(self, dtype):
        import numpy
        return numpy.arange(6).reshape(2, 3).astype(dtype)

    def total(self, array):
        return int(array.sum())


def main():
    Pyro.config.PYRO_TRACELEVEL = 0
    Pyro.core.initServer(banner=0)
    if "packed" in sys.argv:
        Pyro.config.PYRO_COMPRESSION = 1
        Pyro.config.PYRO_CHECKSUM = 1
    # Nobody else's port.
    daemon = Pyro.core.Daemon(host="127.0.0.1", port=0, norange=1)
    for ident in sys.argv[1:]:
        if ident != "packed":
            validator = Pyro.protocol.DefaultConnValidator()
            validator.setAllowedIdentifications([ident])
            daemon.setNewConnectionValidator(validator)
    uri = daemon.connect(Thing(), "thing")
    print(uri, daemon.port)
    sys.stdout.flush()

    def wait():
        sys.stdin.read()
        os._exit(0)

    thread = threading.Thread(target=wait)
    thread.start()
    daemon.requestLoop()


main()
