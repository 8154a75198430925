"""A program that uses a name server: `names.py pyro4|pyro5 SERIALIZER PORT UDP-PORT UNUSED-PORT`. Writes how many checks it made."""
from __future__ import print_function

import sys

done = 0


def check(found, expected):
    global done
    assert found == expected, (found, expected)
    done += 1


def raises(what, error, *args, **kwargs):
    global done
    try:
        what(*args, **kwargs)
    except error:
        done += 1
    else:
        raise AssertionError("nothing was raised")


def main():
    which, serializer = sys.argv[1:3]
    port, udp, unused = map(int, sys.argv[3:])
    if which == "pyro4":
        import Pyro4 as pyro
        from Pyro4.errors import NamingError

        locate, config = pyro.locateNS, pyro.config
    else:
        import Pyro5.api as pyro
        from Pyro5.errors import NamingError

        locate, config = pyro.locate_ns, pyro.config
    config.SERIALIZER = serializer
    names = locate("127.0.0.1", port)
    names.ping()
    check(names.count(), 1)
    uri = "PYRO:thing@127.0.0.1:9"
    names.register("lab.thing", uri)
    check(str(names.lookup("lab.thing")), uri)
    check(type(names.lookup("lab.thing")), pyro.URI)
    # As an address, which Pyro4's msgpack and Pyro's marshal cannot all say.
    if serializer in ("serpent", "json", "pickle"):
        names.register("lab.other", pyro.URI("PYRO:other@127.0.0.1:9"), safe=True)
    else:
        names.register("lab.other", "PYRO:other@127.0.0.1:9", True)
    raises(names.register, NamingError, "lab.other", uri, True)
    raises(names.lookup, NamingError, "unknown")
    raises(names.register, TypeError, "wrong", 5)
    raises(names.register, ValueError, "wrong", "no address")
    check(sorted(names.list()), ["Pyro.NameServer", "lab.other", "lab.thing"])
    if serializer != "marshal":
        # Pyro's own marshal cannot say calls with keyword arguments alone.
        check(names.list(prefix="lab.t"), {"lab.thing": uri})
        names.set_metadata("lab.thing", ["camera", "cold"])
        names.set_metadata("lab.other", ["camera"])
        found, tags = names.lookup("lab.thing", return_metadata=True)
        check((str(found), sorted(tags)), (uri, ["camera", "cold"]))
        if which == "pyro5":
            check(sorted(names.yplookup(meta_all=["camera", "cold"])), ["lab.thing"])
            check(sorted(names.yplookup(meta_any=["camera", "cold"], return_metadata=False)), ["lab.other", "lab.thing"])
            check(names.yplookup(meta_all=["warm"]), {})
        else:
            check(sorted(names.list(metadata_all=["camera", "cold"])), ["lab.thing"])
            check(sorted(names.list(metadata_any=["camera", "cold"])), ["lab.other", "lab.thing"])
        check(names.remove(prefix="lab.o"), 1)
    else:
        check(names.remove("lab.other"), 1)
    check(names.remove("lab.thing"), 1)
    check(names.remove("lab.thing"), 0)
    check(names.remove("Pyro.NameServer"), 0)
    # Nobody is told where it is.
    config.NS_PORT, config.NS_BCPORT = unused, udp
    config.BROADCAST_ADDRS = "127.0.0.1" if which == "pyro4" else ["127.0.0.1"]
    check(locate().count(), 1)
    print(done)


main()
