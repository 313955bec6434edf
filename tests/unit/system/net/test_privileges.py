"""Privileges are given up in a process of its own, as there is no way back."""

import os
import resource
import subprocess
import sys

import pytest

from mailwarden.system.net import privileges
from mailwarden.system.net.privileges import (
    PrivilegeError,
    drop_privileges,
    raise_open_files_limit,
)

DROP = """
import os, pwd
from mailwarden.system.net.privileges import PrivilegeError, drop_privileges
try:
    drop_privileges("nobody")
except PrivilegeError as error:
    print("refused", error)
else:
    nobody = pwd.getpwnam("nobody")
    assert os.getresuid() == (nobody.pw_uid,) * 3
    assert os.getresgid() == (nobody.pw_gid,) * 3
    assert os.getgroups() in ([], [nobody.pw_gid])
    assert "NoNewPrivs:\\t1" in open("/proc/self/status").read()
    print("dropped")
"""


def test_dropping_is_for_good() -> None:
    run = subprocess.run([sys.executable, "-c", DROP], capture_output=True, text=True, check=True)
    if os.geteuid() == 0:
        assert run.stdout == "dropped\n"
    else:
        assert (
            run.stdout
            == "refused cannot become user 'nobody': start as root, or as 'nobody' itself\n"
        )


def test_unknown_users_and_root_are_refused() -> None:
    with pytest.raises(PrivilegeError, match="no user 'no-such-user'"):
        drop_privileges("no-such-user")
    with pytest.raises(PrivilegeError, match="is root"):
        drop_privileges("root")


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
