"""The `ndferry` command: the same Rust as the program of that name."""

from __future__ import annotations

import sys


def main() -> int:
    from ._ndferry import command

    return command(["ndferry", *sys.argv[1:]])


if __name__ == "__main__":
    sys.exit(main())
