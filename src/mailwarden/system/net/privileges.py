"""What the process may do: no way to more rights, and enough open files."""

import ctypes
import os
import resource
from typing import Final

_PR_SET_NO_NEW_PRIVS: Final = 38  # prctl(2)


class PrivilegeError(Exception):
    """More rights could not be ruled out; the process must not go on."""


def forbid_new_privileges() -> None:
    """Make sure that no program started from here gains rights, set-user-id or not.

    Raises:
        PrivilegeError: the kernel refuses.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0:
        reason = os.strerror(ctypes.get_errno())
        raise PrivilegeError(f"PR_SET_NO_NEW_PRIVS failed: {reason}")


def raise_open_files_limit(wanted: int) -> int:
    """Let this process open `wanted` files; return how many it may, at most `wanted`."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return wanted
    if hard != resource.RLIM_INFINITY and hard < wanted:
        try:  # only root may raise the hard limit
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, wanted))
        except (OSError, ValueError):
            wanted = hard
        else:
            return wanted
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    return wanted
