"""A disk in memory that knows what has been synced, and that fails on demand; for tests.

It is as unkind as POSIX allows. Without `fdatasync` any part of what was written may be missing
after a power cut, in any order and in the middle of a write. Without `sync_directory` a new name
may be gone, a removed one may be back. After a failed sync nothing says what is on the disk.

Operations that change anything are counted. `Faults` says which of them the machine does not
survive (`Stopped` is raised: the process or the machine is dead) and which fail.
"""

import errno
import os
import posixpath
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Final, TypeVar


class Stopped(BaseException):
    """The process was killed in the middle of an operation."""


@dataclass(slots=True)
class Faults:
    """What goes wrong. `operation` and `path` of a rule are compared with the end of the path."""

    stop_at: int | None = None  # number of the operation, counted from 0, that is the last one
    stop_after: bool = False  # whether that operation is still carried out
    torn: float = 0.0  # which fraction of it, when it writes and `stop_after` is False
    errors: list[tuple[str, str, int]] = field(default_factory=list)  # operation, path end, errno
    capacity: int | None = None  # bytes; writing more fails with ENOSPC
    read_only: bool = False


@dataclass(slots=True, eq=False)
class _Inode:
    data: bytearray = field(default_factory=bytearray)
    durable: bytearray = field(default_factory=bytearray)
    pending: list[tuple[int, bytes | None]] = field(default_factory=list)  # None cuts there
    lock: int | None = None  # descriptor that has it


@dataclass(slots=True, eq=False)
class _Directory:
    names: dict[str, "_Inode | _Directory"] = field(default_factory=dict)
    durable: dict[str, "_Inode | _Directory"] = field(default_factory=dict)
    pending: list[dict[str, "_Inode | _Directory | None"]] = field(default_factory=list)


SECTOR: Final = 512  # a write is torn between sectors, not within


class SimulatedDisk:
    """A file system with a power switch."""

    def __init__(self, faults: Faults | None = None) -> None:
        self.faults = faults or Faults()
        self.operations = 0  # changing ones, so far
        self.trace: list[tuple[str, str]] = []  # their names and paths
        self._root = _Directory()
        self._open: dict[int, tuple[_Inode, str]] = {}
        self._next_fd = 3

    # What happens to a disk.

    def crash(self) -> None:
        """End the process: descriptors and locks go, what was written stays."""
        for inode, _ in self._open.values():
            inode.lock = None
        self._open.clear()
        self.faults = Faults(capacity=self.faults.capacity)

    def power_cut(self, random: Random) -> None:
        """End the machine: of what was not synced, `random` decides what is left."""
        self.crash()
        self._cut(self._root, random)

    def flip(self, path: str, offset: int, bits: int = 1) -> None:
        """Change a byte behind everybody's back."""
        inode = self._file(path)
        inode.data[offset] ^= bits
        if offset < len(inode.durable):
            inode.durable[offset] ^= bits

    def content(self, path: str) -> bytes:
        """Return the bytes of a file."""
        return bytes(self._file(path).data)

    def _cut(self, directory: _Directory, random: Random) -> None:
        names = dict(directory.durable)
        for change in _survivors(directory.pending, random):
            for name, node in change.items():
                if node is None:
                    names.pop(name, None)
                else:
                    names[name] = node
        directory.names = names
        directory.durable = dict(names)
        directory.pending = []
        for node in names.values():
            if isinstance(node, _Directory):
                self._cut(node, random)
            else:
                _cut_file(node, random)

    # Counting and failing.

    def _change(self, operation: str, path: str, carry_out: Callable[[float], None]) -> None:
        """Carry out one operation, a fraction of it, or none of it, as `faults` say."""
        number = self.operations
        self.operations += 1
        self.trace.append((operation, path))
        if number == self.faults.stop_at:
            carry_out(1.0 if self.faults.stop_after else self.faults.torn)
            raise Stopped
        if self.faults.read_only:
            raise OSError(errno.EROFS, os.strerror(errno.EROFS), path)
        for rule, end, code in self.faults.errors:
            if rule == operation and path.endswith(end):
                raise OSError(code, os.strerror(code), path)
        carry_out(1.0)

    def _used(self, directory: _Directory) -> int:
        return sum(
            self._used(node) if isinstance(node, _Directory) else len(node.data)
            for node in directory.names.values()
        )

    # Paths.

    def _node(self, path: str) -> "_Inode | _Directory":
        node: _Inode | _Directory = self._root
        for name in path.strip("/").split("/"):
            if not name:
                continue
            if not isinstance(node, _Directory):
                raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), path)
            if name not in node.names:
                raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), path)
            node = node.names[name]
        return node

    def _file(self, path: str) -> _Inode:
        node = self._node(path)
        if isinstance(node, _Directory):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), path)
        return node

    def _directory(self, path: str) -> _Directory:
        node = self._node(path)
        if not isinstance(node, _Directory):
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), path)
        return node

    def _parent(self, path: str) -> tuple[_Directory, str]:
        head, name = posixpath.split(path)
        return self._directory(head), name

    def _rename_in(
        self, directory: _Directory, change: dict[str, "_Inode | _Directory | None"]
    ) -> None:
        for name, node in change.items():
            if node is None:
                directory.names.pop(name, None)
            else:
                directory.names[name] = node
        directory.pending.append(change)

    # The protocol.

    def open(self, path: str, *, write: bool = False, create: bool = False) -> int:
        """Return a descriptor; with `create` of a new, empty file that was not there before."""
        if create:
            directory, name = self._parent(path)
            if name in directory.names:
                raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), path)

            def carry_out(fraction: float) -> None:
                if fraction == 1.0:
                    self._rename_in(directory, {name: _Inode()})

            self._change("create", path, carry_out)
        elif write and self.faults.read_only:
            raise OSError(errno.EROFS, os.strerror(errno.EROFS), path)
        inode = self._file(path)
        fd = self._next_fd
        self._next_fd += 1
        self._open[fd] = (inode, path)
        return fd

    def close(self, fd: int) -> None:
        """Let go of a descriptor."""
        inode, _ = self._opened(fd)
        if inode.lock == fd:
            inode.lock = None
        del self._open[fd]

    def _opened(self, fd: int) -> tuple[_Inode, str]:
        try:
            return self._open[fd]
        except KeyError:
            raise OSError(errno.EBADF, os.strerror(errno.EBADF)) from None

    def pwritev(self, fd: int, buffers: Sequence[bytes | memoryview], offset: int) -> int:
        """Write at `offset`; a disk with less room than that takes a part."""
        inode, path = self._opened(fd)
        data = b"".join(buffers)
        taken = len(data)
        if self.faults.capacity is not None:
            room = max(0, self.faults.capacity - self._used(self._root))
            growth = max(0, offset + len(data) - len(inode.data))
            if growth > room:
                taken = max(0, len(data) - (growth - room))
                if taken == 0:
                    self._change("write", path, lambda _: None)
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), path)

        def carry_out(fraction: float) -> None:
            count = int(taken * fraction)
            if count:
                _write(inode.data, offset, data[:count])
                inode.pending.append((offset, data[:count]))

        self._change("write", path, carry_out)
        return taken

    def pread(self, fd: int, size: int, offset: int) -> bytes:
        """Return up to `size` bytes from `offset`."""
        inode, path = self._opened(fd)
        for rule, end, code in self.faults.errors:
            if rule == "read" and path.endswith(end):
                raise OSError(code, os.strerror(code), path)
        return bytes(inode.data[offset : offset + size])

    def fdatasync(self, fd: int) -> None:
        """Make durable what was written; when it fails, it is anybody's guess what is."""
        inode, path = self._opened(fd)

        def carry_out(fraction: float) -> None:
            if fraction == 1.0:
                for offset, new in inode.pending:
                    _apply(inode.durable, offset, new)
                inode.pending = []

        try:
            self._change("sync", path, carry_out)
        except OSError:
            # The kernel takes the pages for clean after a failed write-back: a second sync
            # succeeds, and the data is lost all the same.
            inode.pending = []
            raise

    def sync_directory(self, path: str) -> None:
        """Make durable which names are in a directory."""
        directory = self._directory(path)

        def carry_out(fraction: float) -> None:
            if fraction == 1.0:
                directory.durable = dict(directory.names)
                directory.pending = []

        self._change("sync_directory", path, carry_out)

    def truncate(self, fd: int, size: int) -> None:
        """Cut the file to `size` bytes."""
        inode, path = self._opened(fd)

        def carry_out(fraction: float) -> None:
            if fraction == 1.0:
                del inode.data[size:]
                inode.pending.append((size, None))

        self._change("truncate", path, carry_out)

    def size(self, path: str) -> int:
        """Return the bytes of a file."""
        return len(self._file(path).data)

    def names(self, path: str) -> list[str]:
        """Return what is in a directory, sorted."""
        return sorted(self._directory(path).names)

    def rename(self, path: str, target: str) -> None:
        """Move a file within its directory, over another one if there is one."""
        directory, name = self._parent(path)
        target_directory, target_name = self._parent(target)
        node = self._node(path)

        def carry_out(fraction: float) -> None:
            if fraction < 1.0:
                return
            if directory is target_directory:
                self._rename_in(directory, {name: None, target_name: node})
            else:
                self._rename_in(target_directory, {target_name: node})
                self._rename_in(directory, {name: None})

        self._change("rename", target, carry_out)

    def link(self, path: str, target: str) -> None:
        """Give a file a second name."""
        inode = self._file(path)
        directory, name = self._parent(target)
        if name in directory.names:
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), target)

        def carry_out(fraction: float) -> None:
            if fraction == 1.0:
                self._rename_in(directory, {name: inode})

        self._change("link", target, carry_out)

    def unlink(self, path: str) -> None:
        """Take a name away."""
        self._file(path)
        directory, name = self._parent(path)

        def carry_out(fraction: float) -> None:
            if fraction == 1.0:
                self._rename_in(directory, {name: None})

        self._change("unlink", path, carry_out)

    def make_directory(self, path: str) -> None:
        """Make a directory."""
        directory, name = self._parent(path)
        if name in directory.names:
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), path)

        def carry_out(fraction: float) -> None:
            if fraction == 1.0:
                self._rename_in(directory, {name: _Directory()})

        self._change("make_directory", path, carry_out)

    def remove_directory(self, path: str) -> None:
        """Remove an empty directory."""
        if self._directory(path).names:
            raise OSError(errno.ENOTEMPTY, os.strerror(errno.ENOTEMPTY), path)
        directory, name = self._parent(path)

        def carry_out(fraction: float) -> None:
            if fraction == 1.0:
                self._rename_in(directory, {name: None})

        self._change("remove_directory", path, carry_out)

    def bytes_free(self, path: str) -> int:
        """Return how much the disk can still take."""
        self._directory(path)
        if self.faults.capacity is None:
            return 1 << 40
        return max(0, self.faults.capacity - self._used(self._root))

    def lock(self, fd: int, *, wait: bool = False) -> bool:
        """Take the file for this descriptor alone; False, or an error, when another has it."""
        inode, path = self._opened(fd)
        if inode.lock not in (None, fd):
            if wait:  # nobody else runs who could give it up
                raise OSError(errno.EDEADLK, os.strerror(errno.EDEADLK), path)
            return False
        inode.lock = fd
        return True

    def unlock(self, fd: int) -> None:
        """Give up the lock."""
        inode, _ = self._opened(fd)
        if inode.lock == fd:
            inode.lock = None

    def is_at(self, fd: int, path: str) -> bool:
        """Whether `path` still names the file of the descriptor."""
        try:
            return self._file(path) is self._opened(fd)[0]
        except FileNotFoundError:
            return False


def _apply(data: bytearray, offset: int, new: bytes | None) -> None:
    if new is None:
        del data[offset:]
    else:
        _write(data, offset, new)


def _write(data: bytearray, offset: int, new: bytes) -> None:
    if offset > len(data):
        data.extend(bytes(offset - len(data)))
    data[offset : offset + len(new)] = new


_T = TypeVar("_T")


def _survivors(pending: list[_T], random: Random) -> list[_T]:
    """Return what the disk had done of `pending`: all, none, the first ones, or any of them."""
    match random.randrange(4):
        case 0:
            return pending
        case 1:
            return []
        case 2:
            return pending[: random.randrange(len(pending) + 1)]
        case _:
            return [change for change in pending if random.random() < 0.5]


def _cut_file(inode: _Inode, random: Random) -> None:
    """Leave of the file what was synced, and of the rest what happened to be written."""
    data = bytearray(inode.durable)
    for offset, new in _survivors(inode.pending, random):
        if new is None or random.random() < 0.5:
            _apply(data, offset, new)
        else:
            _write_torn(data, offset, new, random)
    inode.data = data
    inode.durable = bytearray(data)
    inode.pending = []


def _write_torn(data: bytearray, offset: int, new: bytes, random: Random) -> None:
    """Write some of the sectors of `new`; the others keep what they held, or are zero."""
    start = offset
    while start < offset + len(new):
        end = min(start - start % SECTOR + SECTOR, offset + len(new))
        if random.random() < 0.7:
            _write(data, start, new[start - offset : end - offset])
        start = end
