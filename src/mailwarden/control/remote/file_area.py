"""Files over SFTP and SCP: a root with one folder for each purpose, and nothing above it.

`asyncssh.SFTPServer` works on the file system of the machine; every one of its methods is replaced
here, and a test sees to it that a later version adds none.
"""

import asyncio
import os
import posixpath
import stat
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from typing import Final, NamedTuple, NoReturn, cast

import asyncssh
from asyncssh.channel import SSHChannel

from mailwarden.control.operations.exchange import KEY_FILES
from mailwarden.control.remote.file_folder import Entry, Folder
from mailwarden.core.access.permissions import Area, Permission, Verb
from mailwarden.core.access.roles import Rights

CONFIGURATION: Final = "configuration"
FEATURES: Final = f"{CONFIGURATION}/{KEY_FILES}"
LOG: Final = "log"
# A Read-Only Operator sees settings, and has no part in files (admin 3.1).
PERMISSIONS: Final[Mapping[str, Permission]] = {
    CONFIGURATION: Permission(Area.CONFIGURATION, Verb.OPERATE),
    FEATURES: Permission(Area.FEATURE_KEYS, Verb.OPERATE),
    LOG: Permission(Area.LOG_FILES, Verb.VIEW),
}

HANDLES_MAX: Final = 32  # files open at once in one session
LISTINGS_MAX: Final = 100_000  # in one session
PATH_LENGTH_MAX: Final = 1024
READ_BYTES_MAX: Final = 256 * 1024  # at once
_OFFSET_MAX: Final = 2**62  # the system knows no higher ones

Attributes = asyncssh.SFTPAttrs


class OpenFile(NamedTuple):
    """A file that a client has opened."""

    folder: Folder
    name: str
    descriptor: int
    is_written: bool
    appends: bool


def folders_for(rights: Rights, folders: Mapping[str, Folder]) -> Mapping[str, Folder]:
    """Return those that somebody may use, by name."""
    return {name: folder for name, folder in folders.items() if rights.may(PERMISSIONS[name])}


def _refuse(*_arguments: object, **_named: object) -> NoReturn:
    raise asyncssh.SFTPOpUnsupported("That is not offered here")


class FileArea(asyncssh.SFTPServer):
    """What one session sees. Paths are the name of a folder, and one of a file in it.

    Folders are `configuration`, and `configuration/features.d` in it: a file is called
    `/configuration/a.xml`, or `/configuration/features.d/a.key`.

    `room` waits until the client has taken what was sent: asyncssh answers one request after the
    other without looking, and a small request may ask for much.
    """

    def __init__(
        self,
        chan: SSHChannel[bytes],
        folders: Mapping[str, Folder],
        room: Callable[[], Awaitable[None]],
    ) -> None:
        super().__init__(cast("asyncssh.SSHServerChannel[bytes]", chan))
        self._folders = folders
        self._room = room
        self._files: list[OpenFile] = []
        self._listings = 0

    def open(self, path: bytes, pflags: int, _attrs: Attributes) -> OpenFile:
        folder, name = self._file(path)
        if len(self._files) >= HANDLES_MAX:
            raise asyncssh.SFTPFailure(f"No more than {HANDLES_MAX} files can be open")
        reads = bool(pflags & asyncssh.FXF_READ)
        writes = bool(pflags & (asyncssh.FXF_WRITE | asyncssh.FXF_APPEND))
        if writes:
            descriptor = folder.open_to_write(
                name,
                creates=bool(pflags & asyncssh.FXF_CREAT),
                is_new=bool(pflags & asyncssh.FXF_EXCL),
                truncates=bool(pflags & asyncssh.FXF_TRUNC),
                reads=reads,
            )
        else:
            descriptor = folder.open_to_read(name)
        appends = bool(pflags & asyncssh.FXF_APPEND)
        opened = OpenFile(folder, name, descriptor, writes, appends)
        self._files.append(opened)
        return opened

    def close(self, file_obj: object) -> None:
        opened = self._opened(file_obj)
        self._files.remove(opened)
        if opened.is_written:
            opened.folder.close_written(opened.name, opened.descriptor)
        else:
            os.close(opened.descriptor)

    async def read(self, file_obj: object, offset: int, size: int) -> bytes:
        opened = self._opened(file_obj)
        wanted = min(size, READ_BYTES_MAX)
        await asyncio.sleep(0)  # others have their turn; a thread could outlive the descriptor
        await self._room()
        return os.pread(opened.descriptor, wanted, min(offset, _OFFSET_MAX))

    async def write(self, file_obj: object, offset: int, data: bytes) -> int:
        opened = self._opened(file_obj)
        if opened.appends:
            offset = os.fstat(opened.descriptor).st_size
        opened.folder.reserve(opened.descriptor, offset + len(data))
        await asyncio.sleep(0)
        return os.pwrite(opened.descriptor, data, offset)

    def stat(self, path: bytes) -> Attributes:
        if self._is_folder(_parts(path)):
            return _of_folder()
        folder, name = self._file(path)
        return _of_file(folder.entry(name), is_writable=folder.is_writable)

    def lstat(self, path: bytes) -> Attributes:
        return self.stat(path)

    def fstat(self, file_obj: object) -> Attributes:
        opened = self._opened(file_obj)
        status = os.fstat(opened.descriptor)
        entry = Entry(opened.name, status.st_size, status.st_mtime)
        return _of_file(entry, is_writable=opened.folder.is_writable)

    def setstat(self, path: bytes, attrs: Attributes) -> None:
        folder, name = self._file(path)
        if attrs.size is None:
            folder.entry(name)  # owners, rights and times are ours: what is wished is passed over
            return
        descriptor = folder.open_to_write(name, creates=False, is_new=False, truncates=False)
        try:
            folder.resize(descriptor, attrs.size)
        finally:
            folder.close_written(name, descriptor)

    def lsetstat(self, path: bytes, attrs: Attributes) -> None:
        self.setstat(path, attrs)

    def fsetstat(self, file_obj: object, attrs: Attributes) -> None:
        opened = self._opened(file_obj)
        if attrs.size is None:
            return
        if not opened.is_written:
            raise asyncssh.SFTPPermissionDenied("The file is not open for writing")
        opened.folder.resize(opened.descriptor, attrs.size)

    def scandir(self, path: bytes) -> AsyncIterator[asyncssh.SFTPName]:
        self._listings += 1
        if self._listings > LISTINGS_MAX:
            raise asyncssh.SFTPFailure("Too many listings in one session")
        return self._each(self._names(_parts(path)))

    def remove(self, path: bytes) -> None:
        folder, name = self._file(path)
        folder.remove(name)

    def rename(self, oldpath: bytes, newpath: bytes) -> None:
        self._rename(oldpath, newpath, replaces=False)

    def posix_rename(self, oldpath: bytes, newpath: bytes) -> None:
        self._rename(oldpath, newpath, replaces=True)

    def realpath(self, path: bytes) -> bytes:
        return "/".join(("", *_parts(path))).encode("ascii") or b"/"

    def fsync(self, file_obj: object) -> None:
        os.fsync(self._opened(file_obj).descriptor)

    def exit(self) -> None:
        for opened in list(self._files):
            self.close(opened)
        if self.channel.get_subsystem() is not None:
            self.channel.exit(0)  # without it `scp` takes the session for failed; SCP has its own

    # Folders are those that are there, there are no links, and nothing is a path of the machine.
    mkdir = rmdir = readlink = symlink = link = lock = unlock = statvfs = fstatvfs = _refuse
    map_path = reverse_map_path = _refuse
    open56 = _refuse  # of versions that are not spoken

    def format_user(self, _uid: int | None) -> str:
        return "-"

    def format_group(self, _gid: int | None) -> str:
        return "-"

    def _rename(self, oldpath: bytes, newpath: bytes, *, replaces: bool) -> None:
        folder, old = self._file(oldpath)
        other, new = self._file(newpath)
        if folder is not other:
            raise asyncssh.SFTPPermissionDenied("A file stays in its folder")
        folder.rename(old, new, replaces=replaces)

    async def _each(self, names: Iterable[asyncssh.SFTPName]) -> AsyncIterator[asyncssh.SFTPName]:
        for name in names:
            await self._room()
            yield name

    def _names(self, parts: list[str]) -> list[asyncssh.SFTPName]:
        if not self._is_folder(parts):
            raise asyncssh.SFTPNoSuchFile("No such folder")
        # What is in a folder that somebody may not use is not seen either.
        within = (name.split("/") for name in sorted(self._folders))
        names = [_name(each[-1], _of_folder()) for each in within if each[:-1] == parts]
        folder = self._folders.get("/".join(parts))
        if folder is not None:
            names += [
                _name(entry.name, _of_file(entry, is_writable=folder.is_writable))
                for entry in folder.entries()
            ]
        return names

    def _is_folder(self, parts: list[str]) -> bool:
        return not parts or "/".join(parts) in self._folders

    def _file(self, path: bytes) -> tuple[Folder, str]:
        parts = _parts(path)
        if self._is_folder(parts):
            raise asyncssh.SFTPPermissionDenied("That is a folder")
        if len(parts) < 2:
            raise asyncssh.SFTPNoSuchFile("No such folder")
        folder = self._folders.get("/".join(parts[:-1]))
        if folder is None:
            raise asyncssh.SFTPNoSuchFile("No such file")
        return folder, parts[-1]

    def _opened(self, file_obj: object) -> OpenFile:
        assert isinstance(file_obj, OpenFile)
        return file_obj


def _parts(path: bytes) -> list[str]:
    """Return the folders and the name in a path, from the root on; `..` does not lead above it."""
    if len(path) > PATH_LENGTH_MAX:
        raise asyncssh.SFTPNoSuchFile("The path is too long")
    try:
        text = path.decode("ascii")
    except UnicodeDecodeError:
        raise asyncssh.SFTPNoSuchFile("No such file") from None
    return [part for part in posixpath.normpath(f"/{text}").split("/") if part]


def _of_folder() -> Attributes:
    return asyncssh.SFTPAttrs(
        type=asyncssh.FILEXFER_TYPE_DIRECTORY,
        size=0, uid=0, gid=0, permissions=stat.S_IFDIR | 0o700, atime=0, mtime=0, nlink=1,
    )  # fmt: skip


def _of_file(entry: Entry, *, is_writable: bool) -> Attributes:
    seconds = max(int(entry.modified_at), 0)
    return asyncssh.SFTPAttrs(
        type=asyncssh.FILEXFER_TYPE_REGULAR,
        size=entry.size, uid=0, gid=0, atime=seconds, mtime=seconds, nlink=1,
        permissions=stat.S_IFREG | (0o600 if is_writable else 0o400),
    )  # fmt: skip


def _name(name: str, attributes: Attributes) -> asyncssh.SFTPName:
    return asyncssh.SFTPName(name.encode("ascii"), attrs=attributes)
