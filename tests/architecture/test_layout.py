"""What the house style asks of every file: borders, sizes, a first sentence, reasons."""

import ast
import re
from pathlib import Path

import pytest
from importlinter.cli import lint_imports

ROOT = Path(__file__).parents[2]
SOURCES = sorted((ROOT / "src").rglob("*.py"))
TESTS = sorted((ROOT / "tests").rglob("*.py"))
TOOLS = sorted((ROOT / "tools").rglob("*.py"))
ALL = SOURCES + TESTS + TOOLS
FILE_LINES_MAX = 600

_NOQA = re.compile(r"# noqa\b(.*)")
_NOQA_WITH_REASON = re.compile(r": [A-Z]+[0-9]+(?:, [A-Z]+[0-9]+)*  \S")
_IGNORE = re.compile(r"# type: ignore(.*)")
_IGNORE_WITH_REASON = re.compile(r"\[[a-z-]+(?:, ?[a-z-]+)*\]  # \S")


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def test_imports_point_downwards(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(ROOT)
    assert lint_imports() == 0, capsys.readouterr().out


def test_files_are_small() -> None:
    lines = {name(path): path.read_text(encoding="utf-8").count("\n") for path in ALL}
    assert {path: count for path, count in lines.items() if count > FILE_LINES_MAX} == {}


def test_files_open_with_a_sentence() -> None:
    def opens_with_sentence(path: Path) -> bool:
        doc = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
        return doc.partition("\n\n")[0].rstrip().endswith(".")

    assert [name(path) for path in ALL if not opens_with_sentence(path)] == []


def test_ignores_give_code_and_reason() -> None:
    bare = []
    for path in SOURCES + TOOLS:
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
            noqa, ignore = _NOQA.search(line), _IGNORE.search(line)
            is_bare = (noqa and not _NOQA_WITH_REASON.match(noqa[1])) or (
                ignore and not _IGNORE_WITH_REASON.match(ignore[1])
            )
            if is_bare:
                bare.append(f"{name(path)}:{number}: {line.strip()}")
    assert bare == []


def test_nothing_is_left_to_be_done() -> None:
    words = re.compile(r"\b(?:TODO|FIXME|XXX|HACK)\b")
    assert [name(path) for path in SOURCES if words.search(path.read_text(encoding="utf-8"))] == []


def test_every_folder_is_a_package() -> None:
    folders = {path.parent for path in SOURCES + TESTS}
    assert [name(path) for path in folders if not (path / "__init__.py").exists()] == []
