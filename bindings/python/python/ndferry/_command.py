"""The `ndferry` command: the same Rust as the program of that name."""

from __future__ import annotations

import os
import sys


def main() -> int:
    from ._ndferry import command

    # `ndferry imagej install` finds the plugin that came with the package.
    plugin = os.path.join(os.path.dirname(__file__), "imagej", "Ndferry_.jar")
    if os.path.exists(plugin):
        os.environ.setdefault("NDFERRY_IMAGEJ_JAR", plugin)
    return command(["ndferry", *sys.argv[1:]])


if __name__ == "__main__":
    sys.exit(main())
