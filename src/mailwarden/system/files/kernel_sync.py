"""Syncs files without a thread: the kernel does it and says when it is done (Linux, io_submit(2)).

A thread that waits for a disk has to take the interpreter's lock each time it comes back, and the
event loop to give it: at some thousand syncs a second that costs more than all else. Here the loop
asks the kernel to sync a file and hears of it through an event descriptor, like of a socket.
"""

import asyncio
import ctypes
import errno
import os
import platform
import struct
from collections.abc import Callable
from typing import Final

SYNCS_MAX: Final = 8  # under way at the same time

_CALLS: Final = {  # io_setup, io_destroy, io_getevents, io_submit
    "x86_64": (206, 207, 208, 209),
    "aarch64": (0, 1, 4, 2),
}
_FDSYNC: Final = 3  # IOCB_CMD_FDSYNC
_RESFD: Final = 1  # IOCB_FLAG_RESFD
_HEAD, _TAIL, _MAGIC, _RING_WORDS = 2, 3, 4, 5  # struct aio_ring begins: id, nr, head, tail, magic
_RING_MAGIC: Final = 0xA10A10A1
_IOCB: Final = struct.Struct("<QIiHhIQQqQII")  # struct iocb of linux/aio_abi.h
_EVENT: Final = struct.Struct("<QQqq")  # struct io_event

Done = Callable[[OSError | None], None]


class KernelSync:
    """Syncs for one event loop. Calls back on the loop, with what went wrong or None.

    Raises:
        OSError: this machine cannot do it; a thread can.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        numbers = _CALLS.get(platform.machine())
        if numbers is None:
            raise OSError(errno.ENOSYS, f"not known for {platform.machine()}")
        self._setup, self._destroy, self._getevents, self._submit = numbers
        self._call = ctypes.PyDLL(None, use_errno=True).syscall
        self._call.restype = ctypes.c_long
        self._context = ctypes.c_ulong(0)
        self._check(self._call(self._setup, SYNCS_MAX, ctypes.byref(self._context)))
        # The kernel puts what is over into a ring that we can read (struct aio_ring).
        ring = (ctypes.c_uint32 * _RING_WORDS).from_address(self._context.value)
        self._ring = ring if ring[_MAGIC] == _RING_MAGIC else None
        self._loop = loop
        self._ready = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._iocb = ctypes.create_string_buffer(_IOCB.size)
        self._iocbs = (ctypes.c_void_p * 1)(ctypes.addressof(self._iocb))
        self._events = ctypes.create_string_buffer(_EVENT.size * SYNCS_MAX)
        self._waiting: dict[int, Done] = {}
        self._number = 0
        loop.add_reader(self._ready, self._take)

    def fdatasync(self, fd: int, done: Done) -> None:
        """Sync the data of `fd`, then call `done`. Falls back to waiting where that fails."""
        self._number += 1
        _IOCB.pack_into(
            self._iocb, 0, self._number, 0, 0, _FDSYNC, 0, fd, 0, 0, 0, 0, _RESFD, self._ready
        )
        if len(self._waiting) < SYNCS_MAX:
            self._waiting[self._number] = done
            if self._call(self._submit, self._context, ctypes.c_long(1), self._iocbs) == 1:
                return
            del self._waiting[self._number]
        try:
            os.fdatasync(fd)
        except OSError as error:
            done(error)
        else:
            done(None)

    def poll(self) -> None:
        """Call back for syncs that are over, without a system call when there are none."""
        ring = self._ring
        if ring is not None and self._waiting and ring[_HEAD] != ring[_TAIL]:
            self._take()

    def wait(self) -> None:
        """Wait for one sync at least, and call back; returns at once when none is under way."""
        if self._waiting:
            self._take(at_least=1)

    def close(self) -> None:
        """Wait for what is under way and let go."""
        while self._waiting:
            self.wait()
        self._loop.remove_reader(self._ready)
        self._ring = None
        self._call(self._destroy, self._context)
        os.close(self._ready)

    def _take(self, at_least: int = 0) -> None:
        try:
            os.eventfd_read(self._ready)
        except BlockingIOError:
            if not at_least:
                return
        count = self._call(
            self._getevents, self._context, ctypes.c_long(at_least), ctypes.c_long(SYNCS_MAX),
            self._events, None if at_least else _AT_ONCE,
        )  # fmt: skip
        for index in range(max(count, 0)):
            number, _, result, _ = _EVENT.unpack_from(self._events, index * _EVENT.size)
            done = self._waiting.pop(number, None)
            if done is not None:
                done(None if result >= 0 else OSError(-result, os.strerror(-result)))

    @staticmethod
    def _check(result: int) -> None:
        if result < 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number))


_AT_ONCE: Final = struct.pack("<qq", 0, 0)  # struct timespec
