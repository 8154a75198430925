"""Arrays in Jython against loops over array.array: `jython.py ours|java|theirs WORD` measures itself."""
from __future__ import division

import array
import json
import sys
import time

from java.lang.management import ManagementFactory

N = 1000


def mean(ours):
    values = array.array('d', [i % 1000 / 8 for i in xrange(N * N)])
    if ours:
        import numpy as np
        values = np.array(values)
        return lambda: float(values.mean())

    def loop():
        total = 0.0
        for value in values:
            total += value
        return total / len(values)
    return loop


def threshold(ours):
    pixels = array.array('B', [i * 7919 % 251 for i in xrange(N * N)])
    if ours:
        import numpy as np
        image = np.array(pixels).reshape(N, N)
        return lambda: int((image > 100).sum())

    def loop():
        mask = array.array('B', [pixel > 100 for pixel in pixels])
        return sum(mask)
    return loop


def main(who, word):
    run = {'mean': mean, 'threshold': threshold}[word](who != 'theirs')
    process = ManagementFactory.getOperatingSystemMXBean()
    walls, end = [], time.time() + 3
    while len(walls) < 5 or time.time() < end:
        cpu, start = process.getProcessCpuTime(), time.time()
        # Jython's clock is in whole milliseconds.
        times = 1 if who == 'theirs' else 20
        for _ in xrange(times):
            result = run()
        walls.append(((time.time() - start) / times, (process.getProcessCpuTime() - cpu) / 1e9 / times))
    wall, cpu = min(walls)
    peak = [int(line.split()[1]) << 10 for line in open('/proc/self/status') if line.startswith('VmHWM:')]
    print json.dumps({'cpu': cpu, 'wall': wall, 'peak': peak[0], 'result': repr(result)})


main(*sys.argv[1:])
