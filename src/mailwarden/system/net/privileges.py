"""What the process may do: a lower user, no way back up, and enough open files."""

import ctypes
import os
import pwd
import resource
from typing import Final

_PR_SET_NO_NEW_PRIVS: Final = 38  # prctl(2)


class PrivilegeError(Exception):
    """Privileges could not be given up; the process must not go on."""


def drop_privileges(user: str) -> None:
    """Become `user`, with its main group only, for good.

    Raises:
        PrivilegeError: there is no such user, this process may not become it, or could go back.
    """
    try:
        entry = pwd.getpwnam(user)
    except KeyError as error:
        raise PrivilegeError(f"there is no user {user!r} on this machine") from error
    if entry.pw_uid == 0:
        raise PrivilegeError(f"user {user!r} is root; privileges cannot be dropped to it")
    try:
        if os.geteuid() == 0:
            os.setgroups([])
        os.setresgid(entry.pw_gid, entry.pw_gid, entry.pw_gid)
        os.setresuid(entry.pw_uid, entry.pw_uid, entry.pw_uid)
    except PermissionError as error:
        raise PrivilegeError(
            f"cannot become user {user!r}: start as root, or as {user!r} itself"
        ) from error
    _check_dropped(entry)
    forbid_new_privileges()


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


def _check_dropped(entry: pwd.struct_passwd) -> None:
    if os.getresuid() != (entry.pw_uid,) * 3 or os.getresgid() != (entry.pw_gid,) * 3:
        raise PrivilegeError(f"the system did not make this process {entry.pw_name!r}")
    try:
        os.setuid(0)
    except PermissionError:
        return
    raise PrivilegeError("this process could become root again")
