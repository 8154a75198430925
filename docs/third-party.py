"""Lists the crates of other people that ndferry is built from, with their licences.

    python3 docs/third-party.py                  the list, as ../THIRD-PARTY.md holds it
    python3 docs/third-party.py --write          writes it there
    python3 docs/third-party.py --check          is it still true? (exit 1 if not)
    python3 docs/third-party.py --texts          every licence text, to lie beside a program that is given away

Needs cargo and Python's standard library. Fails for a licence that is not on the list below.
"""
import json
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
PAPER = ROOT / "THIRD-PARTY.md"

# Of "A OR B" one is enough. A new name belongs here only after somebody has read the licence.
ACCEPTED = {
    "0BSD", "Apache-2.0", "Apache-2.0 WITH LLVM-exception", "BSD-2-Clause", "BSD-3-Clause", "BSL-1.0", "bzip2-1.0.6", "CC0-1.0",
    "CDLA-Permissive-2.0", "ISC", "MIT", "MIT-0", "Unicode-3.0", "Unicode-DFS-2016", "Unlicense", "Zlib",
}

# C sources inside crates, which the crates' own licence says nothing about.
BUNDLED = {
    "libdeflate-sys": "libdeflate: MIT",
}

HEAD = """\
# Crates of other people

Made by `python3 docs/third-party.py --write`; `./test docs` compares. Versions are in `Cargo.lock`, reasons in
`Cargo.toml`. All platforms and features are counted. The texts of all these licences, as they must lie beside a program
that is given away: `python3 docs/third-party.py --texts`.
"""


def main():
    metadata = cargo_metadata()
    if "--texts" in sys.argv:
        print(texts(metadata))
        return 0
    paper = listing(metadata)
    if "--write" in sys.argv:
        PAPER.write_text(paper, encoding="utf-8")
    elif "--check" in sys.argv:
        if not PAPER.exists() or PAPER.read_text(encoding="utf-8") != paper:
            print("THIRD-PARTY.md is out of date: run python3 docs/third-party.py --write", file=sys.stderr)
            return 1
    else:
        print(paper, end="")
    return 0


def cargo_metadata():
    command = ["cargo", "metadata", "--format-version", "1", "--all-features", "--locked", "--quiet"]
    return json.loads(subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE).stdout)


def listing(metadata):
    packages = {package["id"]: package for package in metadata["packages"]}
    shipped = reached(metadata, packages, with_tests=False)
    direct = {id for id in shipped if users(metadata, packages, id)}
    tests = reached(metadata, packages, with_tests=True) - shipped
    parts, named = [HEAD], set()
    sections = [("What ours use", direct), ("What comes with those", shipped - direct), ("Only for tests", tests)]
    for title, ids in sections:
        parts.append(f"\n## {title}\n\n| crate | licence |{' used by |' if ids is direct else ''}\n")
        parts.append(f"| --- | --- |{' --- |' if ids is direct else ''}\n")
        for id in sorted(ids, key=lambda id: packages[id]["name"]):
            name = packages[id]["name"]
            # Two versions of one crate are one line.
            if name not in named:
                named.add(name)
                by = f" {', '.join(users(metadata, packages, id))} |" if ids is direct else ""
                parts.append(f"| {name} | {licence(packages[id])} |{by}\n")
    return "".join(parts)


def reached(metadata, packages, with_tests):
    """Ids of foreign packages that our crates need, however many steps away."""
    nodes = {node["id"]: node for node in metadata["resolve"]["nodes"]}
    ours = set(metadata["workspace_members"])
    # What is not published (`publish = false`) is there for tests.
    roots = [id for id in ours if with_tests or packages[id]["publish"] != []]
    seen, open_ids = set(), roots
    while open_ids:
        id = open_ids.pop()
        for dependency in nodes[id]["deps"]:
            kinds = {kind["kind"] for kind in dependency["dep_kinds"]}
            if dependency["pkg"] not in seen and (kinds != {"dev"} or (with_tests and id in ours)):
                seen.add(dependency["pkg"])
                open_ids.append(dependency["pkg"])
    return seen - ours


def users(metadata, packages, id):
    """Names of our published crates that use a package, in tests not counted."""
    ours = set(metadata["workspace_members"])
    return sorted(
        packages[node["id"]]["name"]
        for node in metadata["resolve"]["nodes"]
        for dependency in node["deps"]
        if node["id"] in ours and packages[node["id"]]["publish"] != [] and dependency["pkg"] == id
        and {kind["kind"] for kind in dependency["dep_kinds"]} != {"dev"}
    )


def licence(package):
    """As the crate states it, with the old `/` as OR; ends the program if there is none that we accept."""
    stated = package["license"]
    if not stated:
        sys.exit(f"{package['name']} states no licence: read its files, then say here what it is")
    stated = re.sub(r"\s*/\s*", " OR ", stated)
    if not accepted(stated):
        sys.exit(f"{package['name']}: no accepted licence in {stated!r}")
    bundled = BUNDLED.get(package["name"])
    return f"{stated}; {bundled}" if bundled else stated


def accepted(expression):
    """Whether an SPDX expression of OR, AND and brackets can be met with accepted licences alone."""
    tokens = re.findall(r"\(|\)|[A-Za-z0-9.+-]+(?: WITH [A-Za-z0-9.+-]+)?", expression)

    def alternatives():
        good = conjunction()
        while tokens[:1] == ["OR"]:
            tokens.pop(0)
            good = conjunction() or good
        return good

    def conjunction():
        good = single()
        while tokens[:1] == ["AND"]:
            tokens.pop(0)
            good = single() and good
        return good

    def single():
        token = tokens.pop(0)
        if token == "(":
            good = alternatives()
            tokens.pop(0)
            return good
        return token in ACCEPTED

    return alternatives()


def texts(metadata):
    packages = {package["id"]: package for package in metadata["packages"]}
    parts = []
    for id in sorted(reached(metadata, packages, with_tests=False), key=lambda id: packages[id]["name"]):
        package = packages[id]
        folder = pathlib.Path(package["manifest_path"]).parent
        files = [
            path for path in sorted(folder.rglob("*"))
            if path.is_file() and re.match(r"(?i)(licen[cs]e|copying|copyright|notice|unlicense)", path.name)
            and path.suffix.lower() not in {".rs", ".py", ".c", ".h"}
        ]
        parts.append(f"{'=' * 78}\n{package['name']} {package['version']}: {licence(package)}\n")
        if not files:
            parts.append("It brings no text of its own: see LICENSE-APACHE beside this file.\n")
            assert "Apache-2.0" in licence(package), package["name"]
        for path in files:
            text = path.read_text(encoding="utf-8", errors="replace").strip()
            parts.append(f"{'-' * 78}\n{path.relative_to(folder)}\n\n{text}\n")
    return "\n".join(parts)


if __name__ == "__main__":
    sys.exit(main())
