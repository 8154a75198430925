"""Pickles, scanned for the names in them: one large array, very many small ones."""

import data
from bench import Task
from registry import line


@line("scan", "names in a 1 GiB pickle of one array, protocol 4", ours="scan", theirs="pickletools.genops", bar=0.1, rounds=3)
def scan(tools, folder):
    path = data.pickle_large(tools, 4)
    return Task(tools.rust("pickle-scan", path), tools.python("pickle_scan", path))


@line("scan-many", "names in a pickle of 100,000 arrays of 16 f4, protocol 4", ours="scan", theirs="pickletools.genops",
      bar=0.2, rounds=3)
def scan_many(tools, folder):
    path = data.pickle_many(tools)
    return Task(tools.rust("pickle-scan", path), tools.python("pickle_scan", path))
