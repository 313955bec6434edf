"""What compiling the hot path asks of the sources, and when the compiled copy is taken."""

import ast
import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

import mailwarden

ROOT = Path(__file__).parents[2]
_SHOW = "import mailwarden; print(mailwarden.BUILD, *mailwarden.__path__)"


@pytest.fixture(scope="module")
def tool() -> ModuleType:
    spec = importlib.util.spec_from_file_location("compile_tool", ROOT / "tools" / "compile.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_what_is_on_the_mails_way_is_compiled(tool: ModuleType) -> None:
    names = tool.modules()
    for name in (
        "core/smtp/server", "mailflow/listener/session", "mailflow/workqueue/workqueue",
        "mailflow/delivery/connection", "stores/spool/segments", "system/log/emitter",
    ):  # fmt: skip
        assert f"mailwarden/{name}.py" in names


def test_what_cannot_be_compiled_is_not(tool: ModuleType) -> None:
    names = tool.modules()
    for name in ("core/smtp/events", "stores/spool/journal", "mailflow/listener/settings"):
        assert f"mailwarden/{name}.py" not in names


def test_no_name_stands_for_two_kinds_of_error(tool: ModuleType) -> None:
    """The compiler gives a name one type in a function; a second one would be a TypeError."""
    found = []
    for name in tool.modules():
        for function in ast.walk(ast.parse((ROOT / "src" / name).read_text(encoding="utf-8"))):
            if not isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
                continue
            kinds: dict[str, set[str]] = {}
            for node in ast.walk(function):
                if isinstance(node, ast.ExceptHandler) and node.name and node.type:
                    kinds.setdefault(node.name, set()).add(ast.unparse(node.type))
            found += [f"{name}: {function.name}: {key}" for key, of in kinds.items() if len(of) > 1]
    assert found == []


def build_of(root: Path, **environment: str) -> str:
    """Return what a package at `root` says that it is."""
    kept = {name: value for name, value in os.environ.items() if name != "MAILWARDEN_INTERPRETED"}
    return subprocess.run(
        [sys.executable, "-B", "-c", _SHOW],
        env={**kept, "PYTHONPATH": str(root / "src"), **environment},
        cwd=root, capture_output=True, text=True, check=True, timeout=60,
    ).stdout.strip()  # fmt: skip


def test_the_compiled_copy_is_taken_only_if_it_is_of_these_sources(tmp_path: Path) -> None:
    sources, compiled = tmp_path / "src" / "mailwarden", tmp_path / "build" / "compiled"
    sources.mkdir(parents=True)
    shutil.copy(ROOT / "src" / "mailwarden" / "__init__.py", sources)
    (sources / "part.py").write_text('"""A part."""\n', encoding="utf-8")
    assert build_of(tmp_path) == f"{mailwarden.INTERPRETED} {sources}"

    compiled.mkdir(parents=True)
    (compiled / "stamp").write_text(mailwarden.read_stamp(str(sources)), encoding="utf-8")
    assert build_of(tmp_path) == f"{mailwarden.COMPILED} {compiled / 'mailwarden'}"
    assert build_of(tmp_path, MAILWARDEN_INTERPRETED="1") == f"{mailwarden.INTERPRETED} {sources}"

    (sources / "part.py").write_text('"""Another part."""\n', encoding="utf-8")
    assert build_of(tmp_path) == f"{mailwarden.OUT_OF_DATE} {sources}"


def test_the_checks_of_ci_run_compiled() -> None:
    if os.environ.get("CI") and not os.environ.get("MAILWARDEN_INTERPRETED"):
        assert mailwarden.BUILD == mailwarden.COMPILED
    else:
        assert mailwarden.BUILD
