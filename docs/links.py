"""Do the links in our Markdown lead somewhere?  python3 docs/links.py   (exit 1 if not)

Looks at every .md file of the repository: a relative link must name a file, and its `#fragment` a heading there. Every
page of the book must be in `SUMMARY.md`, and every page there must exist. Every `.rs` file that LAYOUT.md names must be
there. Links to the net are not followed, but those to this repository on GitHub are looked up here.
"""
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
BOOK = ROOT / "docs"
HOME = "https://github.com/ndferry/ndferry/blob/main/"


def main():
    listing = subprocess.run(["git", "ls-files", "-co", "--exclude-standard", "*.md"], cwd=ROOT, check=True,
                             stdout=subprocess.PIPE)
    pages = [ROOT / name for name in listing.stdout.decode().splitlines()]
    pages = [page for page in pages if page.is_file() and not page.is_symlink()]
    problems, links = [], 0
    for page in pages:
        for target in targets(page):
            links += 1
            problem = check(page, target)
            if problem:
                problems.append(f"{page.relative_to(ROOT)}: {target}: {problem}")
    listed = {(BOOK / target).resolve() for target in targets(BOOK / "SUMMARY.md")}
    for page in pages:
        if BOOK in page.parents and page.name != "SUMMARY.md" and page.resolve() not in listed:
            problems.append(f"{page.relative_to(ROOT)}: not in docs/SUMMARY.md")
    bindings = ROOT / "bindings"
    folders = ROOT / "crates", bindings / "python" / "src", bindings / "jvm" / "native" / "src"
    sources = ["/" + str(path.relative_to(ROOT)) for folder in folders for path in folder.rglob("*.rs")]
    for name in named_sources((ROOT / "LAYOUT.md").read_text(encoding="utf-8")):
        if not any(source.endswith("/" + name) for source in sources):
            problems.append(f"LAYOUT.md: there is no {name}")
    print("\n".join(problems) if problems else f"{links} links in {len(pages)} pages lead somewhere")
    return 1 if problems else 0


def targets(page):
    """What the links on a page point at, from the page or (with a slash first) from the root; not those to the net."""
    text = without_code(page.read_text(encoding="utf-8"))
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if target.startswith(HOME):
            yield "/" + target.removeprefix(HOME)
        elif not re.match(r"[a-z][a-z0-9+.-]*:", target):
            yield target


def named_sources(text):
    """Rust files that a text names; `{a,b}.rs` are two."""
    for name in re.findall(r"[\w/{},-]+\.rs\b", text):
        inside = re.search(r"\{(.*)\}", name)
        for part in inside[1].split(",") if inside else [""]:
            yield re.sub(r"\{.*\}", part, name)


def check(page, target):
    path, _, fragment = target.partition("#")
    base = ROOT if path.startswith("/") else page.parent
    file = (base / path.lstrip("/")).resolve() if path else page
    if not file.exists():
        return "no such file"
    if fragment and fragment not in anchors(file):
        return "no such heading"
    return None


def anchors(page):
    text = without_code(page.read_text(encoding="utf-8"), inline=False)
    for heading in re.findall(r"(?m)^#+ (.+)$", text):
        yield re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def without_code(text, inline=True):
    text = re.sub(r"(?ms)^```.*?^```$", "", text)
    return re.sub(r"`[^`\n]*`", "", text) if inline else text


if __name__ == "__main__":
    sys.exit(main())
