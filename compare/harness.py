"""Prints the table ours / theirs; compare/run prepares what it needs.

Exit status: 0 if all results were equal, whatever the ratios; 1 if some were not; with --strict also 1 for a missed bar.
"""

import argparse
import os
import pathlib
import sys

import bench
import machine
import registry
import table

ROOT = pathlib.Path(__file__).resolve().parent.parent


def main():
    args = arguments()
    lines = chosen(registry.load(), args.lines)
    if args.list:
        for line in lines:
            bar = "listed" if line.bar is None else f"<= {line.bar:g} of"
            print(f"{line.name:16} {line.title}: {line.ours} / {line.theirs} ({bar} {line.metric})")
        return 0
    if args.save:
        whole(lines)
    target = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
    tools = bench.Tools(target.resolve())
    loads = [machine.load()]
    terminal = table.Terminal()
    terminal.head()
    rows = []
    for line in lines:
        row = bench.run(line, tools, args.rounds or line.rounds)
        terminal.row(row)
        rows.append(row)
        loads.append(machine.load())
    for note in (note for row in rows for note in row.notes):
        print(note)
    facts = machine.describe(tools)
    load = f"{min(loads):.1f} to {max(loads):.1f} (this itself keeps 1 to 2 processors busy)"
    if max(loads) > 1.5 * os.cpu_count():
        load += "; others wanted the processors too: wall times, and bars on them, mean little here"
    print(*facts, f"load {load}", sep="\n")
    if args.save:
        groups = {row.line.group: [] for row in rows}
        for row in rows:
            groups[row.line.group].append(row)
        sections = {group: table.section(group, rows, facts, load) for group, rows in groups.items()}
        results = ROOT / "compare" / "RESULTS.md"
        results.write_text(table.replaced(results.read_text(), sections))
    bad = {"UNEQUAL"} | ({"MISSED", "TOO MUCH MEMORY"} if args.strict else set())
    return int(any(row.verdict in bad for row in rows))


def arguments():
    parser = argparse.ArgumentParser(prog="compare/run", description="Whole tasks, ours and other tools' in turn.")
    parser.add_argument("lines", nargs="*", metavar="LINE", help="names of lines or of their files, or how lines begin")
    parser.add_argument("--list", action="store_true", help="the lines there are")
    parser.add_argument("--rounds", type=int, metavar="N", help="rounds of each line (default: 9, some 7)")
    parser.add_argument("--save", action="store_true", help="write compare/RESULTS.md, all of it or the sections of these files")
    parser.add_argument("--strict", action="store_true", help="a missed bar is a failure")
    return parser.parse_args()


def whole(lines):
    """Whether sections of the results would be whole."""
    wanted = {line.name for line in lines}
    for line in registry.LINES:
        if line.name not in wanted and any(line.group == other.group for other in lines):
            raise SystemExit(f"--save writes whole sections: name {line.group}, the file of these lines, not some of its lines")


def chosen(lines, names):
    exact = {line.name for line in lines} | {line.group for line in lines}
    wanted = [line for line in lines
              if not names or line.name in names or line.group in names
              or any(line.name.startswith(name) for name in names if name not in exact)]
    for name in names:
        if name not in exact and not any(line.name.startswith(name) for line in lines):
            raise SystemExit(f"no line {name}; compare/run --list names them")
    return wanted


if __name__ == "__main__":
    sys.exit(main())
