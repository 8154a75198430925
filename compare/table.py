"""The table, for a terminal and for Markdown."""

import statistics

HEAD = ["line", "of", "ours", "theirs", "ratio", "bar", "verdict", "peak", "CPU", "wall"]


def cells(row):
    median = lambda side, key: statistics.median(row.values(side, key))
    both = lambda key, show: f"{show(median(row.ours, key))} / {show(median(row.theirs, key))}"
    metric = row.line.metric
    low, high = row.spread
    return [
        row.line.name,
        metric.upper() if metric == "cpu" else metric,
        seconds(median(row.ours, metric)),
        seconds(median(row.theirs, metric)),
        f"{number(statistics.median(row.ratios))} ({number(low)}-{number(high)})",
        "" if row.line.bar is None else f"<= {row.line.bar:g}",
        row.verdict,
        both("peak", memory),
        both("cpu", seconds),
        both("wall", seconds),
    ]


def seconds(value):
    for unit, factor in [("s", 1), ("ms", 1e3), ("us", 1e6), ("ns", 1e9)]:
        if value * factor >= 1 or unit == "ns":
            shown = value * factor
            return f"{shown:.0f} {unit}" if shown >= 100 else f"{shown:.3g} {unit}"


def memory(nbytes):
    return f"{nbytes / 2**20:.3g} MiB" if nbytes < 100 * 2**20 else f"{nbytes / 2**20:.0f} MiB"


def number(ratio):
    return f"{ratio:.2f}" if ratio >= 0.1 else f"{ratio:.2g}"


class Terminal:
    """Rows as they come."""

    WIDTHS = [16, 5, 9, 9, 19, 8, 8, 22, 21, 21]

    def head(self):
        self.print(HEAD)

    def row(self, row):
        self.print(cells(row))

    def print(self, texts):
        print("  ".join(text.ljust(width) for text, width in zip(texts, self.WIDTHS)).rstrip(), flush=True)


TOP = """# Ours and theirs

Made by `compare/run --save`. Both sides ran in turn on the same data; what came out was compared. A ratio is ours
over theirs in one round: median (the quartiles); below 1 we need less. CPU time is that of all threads and
processes together. Peak memory is resident memory of the larger process, with Python and NumPy in it where it
is theirs. Pairs are ours / theirs. Each section says when, where and at which commit it was measured.
"""


def section(group, rows, machine, load):
    """One file of `lines/` in Markdown."""
    lines = [
        f"## {group}",
        "",
        *(f"* {fact}" for fact in machine),
        f"* load while it ran: {load}",
        "",
        "| " + " | ".join(HEAD) + " |",
        "|" + " --- |" * len(HEAD),
        *("| " + " | ".join(cells(row)) + " |" for row in rows),
        "",
        "| line | task | ours | theirs | rounds |",
        "| --- | --- | --- | --- | --- |",
        *(f"| {row.line.name} | {row.line.title} | {row.line.ours} | {row.line.theirs} | {len(row.ours)} |" for row in rows),
        "",
        *(f"* {note}" for row in rows for note in row.notes),
    ]
    return "\n".join(lines).strip() + "\n"


def replaced(text, sections):
    """The results with these sections, by group, instead of those that were there; the others stay as they are."""
    pieces = text.split("\n## ")[1:]
    kept = {piece.split("\n", 1)[0]: f"## {piece.strip()}\n" for piece in pieces}
    kept.update(sections)
    return "\n".join([TOP, *(kept[group] for group in sorted(kept))])
