"""Where the benchmark works: its folder, the checkout with its tools, and the built tools."""

import fcntl
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_SOURCES: Final = ("load.c", "sink.c")
_HEADERS: Final = ("digest.h", "ledger.h", "load_options.h", "mail.h", "net.h", "tally.h")
_COMPILE: Final = ("gcc", "-O2", "-Wall", "-Wextra")
_TLS: Final = ("-DBENCH_TLS", "-lssl", "-lcrypto")
_OPENSSL_HEADERS: Final = (Path("/usr/include/openssl/ssl.h"),)


class BenchError(Exception):
    """The benchmark cannot go on; the message is for the person who started it."""


@dataclass(frozen=True, slots=True)
class Workplace:
    """Folders of the benchmark; `state` may be removed at any time between runs."""

    checkout: Path
    state: Path

    @property
    def tools(self) -> Path:
        """The folder of the C sources and of the peers' configurations."""
        return self.checkout / "tools" / "bench"

    @property
    def peers(self) -> Path:
        """The folder that tools/bench/peers.sh fills."""
        return self.state / "peers"

    @property
    def load(self) -> Path:
        """The built load generator."""
        return self.state / "bin" / "load"

    @property
    def sink(self) -> Path:
        """The built sink."""
        return self.state / "bin" / "sink"

    def build_tools(self) -> None:
        """Compile load and sink where their sources are newer.

        Raises:
            BenchError: there is no compiler, or it fails.
        """
        if shutil.which("gcc") is None:
            raise BenchError("gcc is missing: apt-get install gcc libc6-dev")
        newest = max((self.tools / name).stat().st_mtime for name in _SOURCES + _HEADERS)
        for source in _SOURCES:
            built = self.state / "bin" / source.removesuffix(".c")
            if not built.exists() or built.stat().st_mtime < newest:
                _compile(self.tools / source, built)


def _compile(source: Path, built: Path) -> None:
    """Compile to a file of this process's own, then rename: two runs may build at once."""
    built.parent.mkdir(parents=True, exist_ok=True)
    has_tls = source.name == "load.c" and all(header.exists() for header in _OPENSSL_HEADERS)
    fresh = built.with_name(f"{built.name}.{os.getpid()}")
    command = [*_COMPILE, "-o", str(fresh), str(source), *(_TLS if has_tls else ())]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise BenchError(f"{' '.join(command)} failed:\n{done.stderr}")
    fresh.rename(built)


def find_checkout() -> Path:
    """Return the root of the source checkout: the working folder, or that of this package.

    Raises:
        BenchError: neither is one; an installed package has no C sources.
    """
    for folder in (Path.cwd(), *Path(__file__).resolve().parents):
        if (folder / "tools" / "bench" / "load.c").exists():
            return folder
    raise BenchError("tools/bench is missing: run `mailwarden bench` in a checkout of the source")


@contextmanager
def only_one(workplace: Workplace) -> Iterator[None]:
    """Keep a second benchmark in the same folder from starting: they would slow each other.

    Raises:
        BenchError: one is running.
    """
    workplace.state.mkdir(parents=True, exist_ok=True)
    with (workplace.state / "lock").open("w", encoding="ascii") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise BenchError(f"another benchmark is running in {workplace.state}") from None
        yield
