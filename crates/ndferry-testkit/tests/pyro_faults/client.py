"""An ordinary program that puts an array and gets one: `client.py pyro4|pyro5 SERIALIZER - [KEY]`. Each line of its standard input
is an address, a number and a time-out; for each it writes whether the array was put (0, 1) and what came (0 nothing, 1 the
right array, 2 something else)."""
import sys

from daemon import TRUTH, of_bytes, pyro, to_bytes, told


def talk(uri, number, timeout):
    put = got = 0
    try:
        with pyro.Proxy(uri) as store:
            if len(sys.argv) > 4:
                store._pyroHmacKey = sys.argv[4].encode("ascii")
            store._pyroTimeout = timeout
            put = int(store.put(number, to_bytes(TRUTH)) == number)
            got = told(of_bytes(store.array()))
    except Exception as error:
        sys.stderr.write("%s %s %r\n" % (uri, number, error))
    return put, got


sys.stdout.write("ready\n")
sys.stdout.flush()
for line in iter(sys.stdin.readline, ""):
    uri, number, timeout = line.split()
    sys.stdout.write("%d %d\n" % talk(uri, int(number), float(timeout)))
    sys.stdout.flush()
