"""An ordinary program that serves an object with Pyro 3, on Python 2: `daemon3.py [packed] [IDENT] [names=HOST:PORT]`. Tells a name
server of it, if one is named. Writes its address and its port, then serves until its standard input ends."""
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
    places = [word[6:] for word in sys.argv[1:] if word.startswith("names=")]
    idents = [word for word in sys.argv[1:] if word != "packed" and not word.startswith("names=")]
    for ident in idents:
        validator = Pyro.protocol.DefaultConnValidator()
        validator.setAllowedIdentifications([ident])
        daemon.setNewConnectionValidator(validator)
    for place in places:
        host, port = place.split(":")
        names = Pyro.naming.NameServerLocator(*idents).getNS(host, int(port))
        daemon.useNameServer(names)
        names.createGroup(":lab")
        daemon.connect(Thing(), ":lab.thing")
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
