"""Compiles the modules on the mail's way with mypyc, into build/compiled (`make compile`).

Which modules: those of `PACKAGES`, but for those that say by what is in them that they cannot be
compiled (see `_keeps_interpreted`). The copy holds the whole package, so that it is taken or left
as a whole: see src/mailwarden/__init__.py.
"""

import argparse
import ast
import os
import shutil
import subprocess
import sys
import sysconfig
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SOURCES = ROOT / "src" / "mailwarden"
BUILD = ROOT / "build"
PACKAGES = (
    "core/mail", "core/policy", "core/routes", "core/smtp", "core/verdict",
    "mailflow/delivery", "mailflow/listener", "mailflow/workqueue", "mailflow/workqueue/stages",
    "services/engines", "services/engines/reputation", "services/throttling", "stores/spool",
    "system/files", "system/log", "system/net",
)  # fmt: skip
_BUILT_IN_BASES = {"OSError", "bytes", "dict", "int", "list", "str", "tuple"}


def modules() -> list[str]:
    """Return the modules to compile, as paths relative to `src`."""
    return [
        f"mailwarden/{package}/{path.name}"
        for package in PACKAGES
        for path in sorted((SOURCES / package).glob("*.py"))
        if not _keeps_interpreted(path)
    ]


def _keeps_interpreted(path: Path) -> bool:
    """Whether a module has what mypyc cannot compile, or what looks at annotations when it runs.

    That is msgspec's structs, settings (their types are read from the annotations), subclasses of
    built-in types; generic dataclasses; `__init__`, which would hide where the package lies; the
    simulated disk of the tests, from which some inherit; and `breath`, which is no use compiled.
    """
    if path.name in ("__init__.py", "breath.py", "simulated.py"):
        return True
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module == "mailwarden.core.setting":
            return True
        if isinstance(node, ast.ClassDef):
            bases = {ast.unparse(base).rpartition(".")[2] for base in node.bases}
            if bases & (_BUILT_IN_BASES | {"Struct"}):
                return True
            is_generic = any(ast.unparse(base).startswith("Generic[") for base in node.bases)
            if is_generic and any("dataclass" in ast.unparse(d) for d in node.decorator_list):
                return True
    return False


def main() -> int:
    """Compile unless that was done; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--list", action="store_true", help="only list the modules")
    parser.add_argument("--remove", action="store_true", help="remove the compiled copy")
    parser.add_argument("--into", metavar="VENV", type=Path, help="also into an installation")
    options = parser.parse_args()
    if options.list:
        print("\n".join(modules()))
        return 0
    if options.remove:
        shutil.rmtree(BUILD / "compiled", ignore_errors=True)
        print("Removed; Python interprets everything from now on.")
        return 0
    os.environ["MAILWARDEN_INTERPRETED"] = "1"  # for the import below
    from mailwarden import read_stamp

    stamp = read_stamp(str(SOURCES))
    known = BUILD / "compiled" / "stamp"
    if known.exists() and known.read_text(encoding="utf-8") == stamp:
        print("Compiled already.")
        return _install(options.into) if options.into else 0
    if problem := _problem():
        print(f"{problem}. Mailwarden also runs interpreted, about a quarter slower.")
        return 1
    names = modules()
    print(f"Compiling {len(names)} modules; this takes a minute or two ...", flush=True)
    began = time.monotonic()
    status = _build(names)
    if status:
        return status
    (BUILD / "work" / "stamp").write_text(stamp, encoding="utf-8")
    old = BUILD / "old"
    shutil.rmtree(old, ignore_errors=True)
    if (BUILD / "compiled").exists():
        (BUILD / "compiled").rename(old)
    (BUILD / "work").rename(BUILD / "compiled")
    shutil.rmtree(old, ignore_errors=True)
    changed = read_stamp(str(SOURCES)) != stamp
    print(
        f"Compiled in {time.monotonic() - began:.0f} s."
        + (" The sources changed meanwhile: run it again." if changed else "")
    )
    if changed:
        return 1
    return _install(options.into) if options.into else 0


def _install(venv: Path) -> int:
    """Put the compiled copy in the place of the package that is installed in `venv`."""
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    place = venv / "lib" / version / "site-packages"
    if not (place / "mailwarden").is_dir():
        print(f"Mailwarden is not installed in {place}: install it first, without --editable.")
        return 1
    for path in (BUILD / "compiled").iterdir():
        if path.is_dir():
            shutil.copytree(path, place / path.name, dirs_exist_ok=True)
        elif path.suffix == ".so":
            shutil.copy(path, place)
    print(f"Installed in {place}.")
    return 0


def _problem() -> str:
    if shutil.which(os.environ.get("CC", "gcc").split()[-1]) is None:
        return "There is no C compiler: install gcc"
    if not (Path(sysconfig.get_path("include")) / "Python.h").exists():
        return "The headers of Python are missing: install python3-dev"
    return ""


def _build(names: list[str]) -> int:
    """Build in build/work, in a process of its own since mypyc writes where it stands."""
    work = BUILD / "work"
    shutil.rmtree(work, ignore_errors=True)
    shutil.copytree(SOURCES, work / "mailwarden", ignore=shutil.ignore_patterns("__pycache__"))
    (work / "names").write_text("\n".join(names), encoding="utf-8")
    log = BUILD / "compile.log"
    with log.open("wb") as out:
        done = subprocess.run(
            [sys.executable, __file__, "--inside"], cwd=work, stdout=out, stderr=out,
            stdin=subprocess.DEVNULL, check=False,
        )  # fmt: skip
    if done.returncode:
        lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
        shown = [line for line in lines if "error" in line.lower()] or lines[-20:]
        print("\n".join(line[:300] for line in shown[:20]))
        print(f"Could not compile; the whole output is in {log}.")
        return done.returncode
    for left in ("names", "build"):
        path = work / left
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    return _import_all(names)


def _import_all(names: list[str]) -> int:
    """Import each module as it was compiled: some faults show only when its code runs."""
    modules = [name.removesuffix(".py").replace("/", ".") for name in names]
    done = subprocess.run(
        [sys.executable, "-c", f"for name in {modules}: __import__(name)"],
        env={**os.environ, "PYTHONPATH": str(BUILD / "work")},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        print(f"{done.stderr}A compiled module cannot be imported; see `_keeps_interpreted`.")
    return done.returncode


def _inside() -> None:
    """Translate to C and build, with all processors. Runs in build/work."""
    from distutils.ccompiler import CCompiler

    from mypyc.build import mypycify
    from setuptools import setup

    names = Path("names").read_text(encoding="utf-8").split()
    flags = ["--strict", f"--cache-dir={BUILD / 'mypy_cache'}"]
    extensions = mypycify(
        [*flags, *names], opt_level="2", debug_level="0", multi_file=True, group_name="mailwarden"
    )
    for extension in extensions:
        kept = [flag for flag in extension.extra_compile_args if flag != "-Werror"]
        extension.extra_compile_args = [*kept, "-w", "-Werror=int-conversion"]
    CCompiler.compile = _compile_in_parallel
    setup(
        name="mailwarden",
        ext_modules=extensions,
        script_args=["build_ext", "--inplace"],
    )


def _compile_in_parallel(
    compiler, sources, output_dir=None, macros=None, include_dirs=None, debug=0,
    extra_preargs=None, extra_postargs=None, depends=None,
):  # fmt: skip
    """Stand in for `CCompiler.compile`, which takes one source after the other."""
    macros, objects, extra, flags, todo = compiler._setup_compile(
        output_dir, macros, include_dirs, sources, depends, extra_postargs
    )
    options = compiler._get_cc_args(flags, debug, extra_preargs)

    def compile_one(name: str) -> None:
        source, extension = todo[name]
        compiler._compile(name, source, extension, options, extra, flags)

    # The largest first, so that none is left over in the end.
    ordered = sorted(todo, key=lambda name: -os.path.getsize(todo[name][0]))
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        list(pool.map(compile_one, ordered))
    return objects


if __name__ == "__main__":
    if "--inside" in sys.argv:
        _inside()
        sys.exit(0)
    sys.exit(main())
