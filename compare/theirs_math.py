"""NumPy's side of compare/src/math.rs: the same requests, the same operands, answers of the same form."""

import json
import math
import sys
import time
import zlib

import numpy as np

ENOUGH, MOST, TOLD = 0.12, 5, 64


def element(size, seed):
    at = np.arange(1 + (seed << 40), 1 + (seed << 40) + size, dtype="u8")
    at *= np.uint64(0x9E3779B97F4A7C15)
    at ^= at >> np.uint64(32)
    at *= np.uint64(0xD6E8FEB86659FD93)
    return at


def array(seed, spec):
    if not isinstance(spec, list):
        return spec
    dtype, shape, way = spec
    if way == "halved":
        shape = shape[:-1] + [2 * shape[-1]]
    hashes = element(math.prod(shape), seed)
    if way.startswith("below "):
        items = ((hashes >> np.uint64(20)) % np.uint64(way[6:])).astype("i8")
    elif dtype == "?":
        items = hashes >> np.uint64(63) == 1
    else:
        items = (hashes >> np.uint64(11)).astype("f8") / 2.0**53
        items = np.floor(100 * items) if dtype[0] in "iu" else 8 * items
        items = items.astype(dtype)
    items = items.reshape(shape)
    return {"transposed": items.T, "halved": items[..., ::2]}.get(way, items)


def function(request, operands):
    name, options = request["name"], {**request.get("options", {})}
    if name == "astype":
        return lambda: operands[0].astype(**options)
    if name == "getitem":
        return lambda: operands[0][operands[1]]
    found = np
    for part in name.split("."):
        found = getattr(found, part)
    for key, value in options.items():
        if isinstance(value, list):
            options[key] = tuple(value)
    return lambda: found(*operands, **options)


def told(result):
    result = np.asarray(result)
    dtype, data = result.dtype.str, zlib.crc32(np.ascontiguousarray(result).reshape(-1).view("u1"))
    if result.dtype.kind == "c":
        result = np.sort(np.abs(result))
    numbers = result.reshape(-1).astype("f8")
    some = numbers[:: max(1, -(-len(numbers) // TOLD))]
    return [dtype, list(result.shape), data, float(numbers.sum()), some.tolist()]


def answer(request, operands):
    run, each = function(request, operands), request.get("each", 1)
    with open("/proc/self/clear_refs", "w") as peaks:
        peaks.write("5")
    costs, everything, first = [], 0, None
    while everything < ENOUGH and len(costs) < MOST:
        result = None
        cpu, wall = time.process_time_ns(), time.perf_counter_ns()
        for _ in range(each):
            result = run()
        wall, cpu = time.perf_counter_ns() - wall, time.process_time_ns() - cpu
        first = result if first is None else first
        everything += wall / 1e9
        costs.append((cpu / each / 1e9, wall / each / 1e9))
    with open("/proc/self/status") as status:
        peak = next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmHWM:"))
    answered = {"cpu": min(cpu for cpu, _ in costs), "wall": min(wall for _, wall in costs), "peak": peak, "result": None}
    if request.get("result") is not None:
        answered["result"] = told(first[request["result"]] if isinstance(first, tuple) else first)
    return answered


def main():
    kept, operands = None, []
    for line in sys.stdin:
        request = json.loads(line)
        if request["operands"] != kept:
            operands.clear()
            operands += [array(seed, spec) for seed, spec in enumerate(request["operands"])]
            kept = request["operands"]
        print(json.dumps(answer(request, operands)), flush=True)


if __name__ == "__main__":
    main()
