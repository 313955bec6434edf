"""Rights of the process; ruling more out is tried in a process of its own, as it is for good."""

import resource
import subprocess
import sys

import pytest

from mailwarden.system.net import privileges
from mailwarden.system.net.privileges import raise_open_files_limit

FORBID = """
from mailwarden.system.net.privileges import forbid_new_privileges
forbid_new_privileges()
assert "NoNewPrivs:\\t1" in open("/proc/self/status").read()
print("forbidden")
"""


def test_more_rights_are_ruled_out() -> None:
    run = subprocess.run([sys.executable, "-c", FORBID], capture_output=True, text=True, check=True)
    assert run.stdout == "forbidden\n"


@pytest.mark.parametrize(
    ("soft", "hard", "wanted", "may_raise", "result", "limits"),
    [
        (1024, 4096, 2048, False, 2048, (2048, 4096)),
        (4096, 4096, 2048, False, 2048, None),
        (-1, -1, 2048, False, 2048, None),
        (1024, -1, 2048, False, 2048, (2048, -1)),
        (1024, 4096, 65536, True, 65536, (65536, 65536)),
        (1024, 4096, 65536, False, 4096, (4096, 4096)),
    ],
)
def test_open_files_limit(
    monkeypatch: pytest.MonkeyPatch,
    soft: int,
    hard: int,
    wanted: int,
    may_raise: bool,
    result: int,
    limits: tuple[int, int] | None,
) -> None:
    done: list[tuple[int, int]] = []

    def setrlimit(_: int, new: tuple[int, int]) -> None:
        if new[1] != hard and not may_raise:
            raise ValueError("not allowed to raise maximum limit")
        done.append(new)

    monkeypatch.setattr(privileges.resource, "getrlimit", lambda _: (soft, hard))
    monkeypatch.setattr(privileges.resource, "setrlimit", setrlimit)
    assert resource.RLIM_INFINITY == -1
    assert raise_open_files_limit(wanted) == result
    assert done == ([limits] if limits else [])
