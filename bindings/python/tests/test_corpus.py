"""The large corpus through the package: what comes out is what real NumPys said is in it."""

import collections
import json
import subprocess
import sys
from typing import Any

import numpy as np
import pytest

import ndferry

FAMILIES = ["dtypes", "layout", "masked", "containers", "array_array", "oob_buffers"]
# What only the classes themselves could make: they come as Opaque.
FOREIGN = ('"instance"', '"opaque"', '"enum"', '"reject_or_opaque"', '"t": "global"')
# What is right and yet told otherwise: arrays that are in both orders, the constant `masked` of old NumPys, pointers of 32
# bits, `array.array` of C's types that have another size or no letter here, and Python 2's dicts, which have no order.
ACCEPTED = (
    "$.fortran: True != False",
    "'maskedarray' != 'ma.masked'",
    "{'kind': 'O', 'itemsize': 4} != {'kind': 'O', 'itemsize': 8}",
    "$.typecode: ",
    "$.items[0][1].items[3][0]: py2 str differs",
)


@pytest.fixture(scope="module")
def pickles(corpus: Any) -> Any:
    folder = corpus / "pickle"
    if not (folder / "manifest.json").is_file():
        pytest.skip(f"no pickles at {folder}")
    sys.path.insert(0, str(folder / "generator"))
    manifest = json.loads((folder / "manifest.json").read_text())
    expected = json.loads((folder / "expected.json").read_text())
    yield folder, manifest["entries"], expected
    sys.path.remove(str(folder / "generator"))


@pytest.mark.parametrize("family", FAMILIES)
def test_values_are_those_of_real_numpys(pickles: Any, family: Any) -> None:
    folder, entries, expected = pickles
    from compare import same  # type: ignore[import-not-found, unused-ignore]
    from describe import describe  # type: ignore[import-not-found, unused-ignore]

    wrong, equal, foreign = [], 0, 0
    for entry in entries:
        if entry["family"] != family or entry.get("variant") in ("stream", "same") or "expected" not in entry:
            continue
        wanted = expected[entry["expected"]]
        if any(word in json.dumps(wanted) for word in FOREIGN) or "extensions" in entry:
            foreign += 1
            continue
        buffers = [(folder / name).read_bytes() for name in entry.get("buffers", [])]
        try:
            ours = ndferry.load(folder / entry["file"]) if not buffers else ndferry.loads(
                (folder / entry["file"]).read_bytes(), buffers=buffers
            )
            problem = same(wanted, json.loads(json.dumps(describe(ours))))
        except ndferry.UnsupportedError as error:
            # Long doubles of other machines, which no NumPy here has.
            problem = None if "long double" in str(error) or "NumPy here has no" in str(error) else str(error)
        except Exception as error:
            problem = f"{type(error).__name__}: {error}"
        if problem is not None and any(reason in problem for reason in ACCEPTED):
            problem = None
        if problem is None:
            equal += 1
        else:
            wrong.append((entry["file"], problem))
    print(f"\n{family}: {equal} equal, {len(wrong)} differ, {foreign} of classes that are not known")
    reasons = collections.Counter(problem[:100] for _, problem in wrong)
    assert not wrong, f"{reasons.most_common(8)}\n{wrong[:5]}"
    assert equal > 0


def test_what_is_malicious_is_refused_and_runs_nothing(pickles: Any) -> None:
    folder, entries, _ = pickles
    ran = []
    sys.addaudithook(lambda event, args: ran.append((event, args)) if event in ("os.system", "subprocess.Popen") else None)
    before = set(sys.modules)
    refused, harmless = 0, 0
    for entry in entries:
        if not entry["family"].startswith("malicious"):
            continue
        data = (folder / entry["file"]).read_bytes()
        try:
            ours = ndferry.loads(data)
        except ndferry.FerryError:
            refused += 1
        else:
            # Arrays and lists that stand beside the tricks.
            harmless += 1
            assert not entry["globals"] or entry["globals"] == [""], entry["file"]
            assert type(ours) in (dict, list, np.ndarray)
        try:
            ndferry.loads(data, allow="opaque")
        except ndferry.FerryError:
            pass
    print(f"\nmalicious: {refused} refused, {harmless} harmless")
    assert refused > harmless
    assert ran == []
    assert {name.partition(".")[0] for name in set(sys.modules) - before} <= {"numpy", "encodings"}


def test_every_file_is_judged_as_the_command_judges_it(pickles: Any) -> None:
    """A table by family, of what `load` gives and of the verdicts, which are those of the Rust program."""
    folder, _, _ = pickles
    files = sorted(path for path in (folder / "files").glob("*/*") if path.is_file())
    command = [sys.executable, "-m", "ndferry", "info", "--json", *map(str, files)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    theirs = {}
    for line in done.stdout.splitlines():
        about = json.loads(line)
        theirs[about["source"]] = about["safety"], [member["path"] for member in about["members"]]
    verdicts: collections.Counter[tuple[str, str]] = collections.Counter()
    loaded: collections.Counter[tuple[str, str]] = collections.Counter()
    tensors = 0
    for path in files:
        family = path.parent.name
        try:
            info = ndferry.inspect(path)
            ours = info.safety, [member.path for member in info.members]
        except ndferry.FerryError:
            ours = None
        assert ours == theirs.get(str(path)), path
        verdicts[family, ours[0] if ours else "refused"] += 1
        try:
            ndferry.load(path)
            loaded[family, "loaded"] += 1
            assert ours is None or ours[0] != "dangerous", path
            # Arrays, whichever PyTorch wrote them.
            tensors += family == "torch_pt"
        except ndferry.UnsafePickle:
            loaded[family, "unsafe"] += 1
        except ndferry.UnsupportedError:
            loaded[family, "unsupported"] += 1
        except (ndferry.FerryError, ValueError):
            loaded[family, "refused"] += 1
    print()
    for family in sorted({family for family, _ in verdicts}):
        print(f"{family:28}", *(f"{word} {n}" for table in (loaded, verdicts) for (of, word), n in sorted(table.items()) if of == family))
    assert tensors == loaded["torch_pt", "loaded"] == sum(n for (of, _), n in verdicts.items() if of == "torch_pt")
    assert len(files) > 1000
