"""The certificates that the gateway keeps itself: a folder for each, with its key.

Beside what `kept_file` says of pairs, there is

    <folder>/<name>/request.pem   what an authority was asked with

Key and certificate are in one file, so that after a crash they belong together: there is the old
pair or the new one. A folder is made under a name that begins with a dot, and moved when it is
whole.
"""

import os
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from mailwarden.services.certificates.kept_file import (
    KEY_END,
    PAIR,
    PAIR_BYTES_MAX,
    file_name,
    fingerprint_of,
    read_pair,
)
from mailwarden.services.certificates.key_type import KeyType
from mailwarden.services.certificates.names import (
    CertificateRefusedError,
    parse_certificate_name,
    shown,
)
from mailwarden.services.certificates.opener import Form, open_material
from mailwarden.services.certificates.opening import MALFORMED, Material
from mailwarden.services.certificates.pair import (
    Pair,
    join_pair,
    load_certificates,
    load_key,
    make_pair,
)
from mailwarden.services.certificates.requests import (
    Wanted,
    make_key,
    make_request,
    sign_self,
)
from mailwarden.system.files.files import Files, SystemFiles, try_unlink, write_fully
from mailwarden.system.files.whole_file import write_whole

CERTIFICATES_MAX: Final = 1000
BESIDE_MAX: Final = 20  # that have taken the place of one another
REQUEST: Final = "request.pem"

_CERTIFICATE_END: Final = b"-----END CERTIFICATE-----\n"

Users = Callable[[str], Sequence[str]]  # who uses the certificate of that name, in words


class CertificateInUseError(Exception):
    """A certificate cannot go, because of `users`."""

    def __init__(self, name: str, users: Sequence[str]) -> None:
        super().__init__(f"the certificate {name} is used by {', '.join(users)}")
        self.users: Final = tuple(users)


@dataclass(frozen=True, slots=True)
class Kept:
    """A certificate of the store."""

    name: str
    pair: Pair
    request: bytes = b""  # PEM; empty when no authority was asked


class CertificateStore:
    """Certificates by name. To be used by one process; calls take the disk's time.

    Raises:
        OSError: from all methods, when the folder cannot be read or written.
    """

    def __init__(self, folder: Path, files: Files | None = None) -> None:
        """Open the store, which is made where it is missing; what a crash left over goes."""
        self._folder: Final = folder
        self._files: Final = files or SystemFiles()
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for name in self._files.names(str(folder)):
            if name.startswith("."):
                self._remove_folder(name)

    def names(self) -> list[str]:
        """Return the names of all certificates, sorted."""
        return [name for name in self._files.names(str(self._folder)) if self._is_name(name)]

    def load(self, name: str, fingerprint: str = "") -> Kept:
        """Return a certificate, the one of that fingerprint where it is there.

        Raises:
            KeyError: there is none of that name.
            CertificateRefusedError: its files are damaged.
        """
        if not self._is_name(name) or not self._path(name).is_dir():
            raise KeyError(name)
        try:
            pair = _parse(read_pair(self._folder, name, fingerprint).pem)
            return Kept(name, pair, self._read_request(name))
        except (KeyError, CertificateRefusedError, *MALFORMED) as error:
            path = self._path(name, file_name(fingerprint))
            raise CertificateRefusedError(f"{path} is damaged; import it again") from error

    def pem(self, name: str, fingerprint: str = "") -> bytes:
        """Return key, certificate and intermediates in PEM, to hand them to who needs them.

        Raises:
            KeyError: there is none of that name.
        """
        return read_pair(self._folder, name, fingerprint).pem

    # Ways in (admin CRT-01).

    def import_pkcs12(self, name: str, content: bytes, password: str) -> Pair:
        """Keep what is in a PKCS#12 file under a new name.

        Raises:
            ValueError: the name is none, or is taken.
            CertificateRefusedError: the file cannot be used.
        """
        self._check_new(name)
        return self.add(name, make_pair(open_material(Form.PKCS12, content, password)))

    def paste(self, name: str, content: bytes, password: str = "") -> Pair:
        """Keep certificate, key and intermediates, pasted in any order; raises as the above."""
        self._check_new(name)
        return self.add(name, make_pair(open_material(Form.PEM, content, password)))

    def make_new(self, name: str, kind: KeyType, wanted: Wanted, now: float) -> Kept:
        """Keep a new key with a certificate that it signs itself, and a request for a better one.

        Raises:
            ValueError: the name is none, or is taken; or `wanted` has problems.
        """
        self._check_new(name)
        for problem in wanted.problems():
            raise ValueError(f"{problem.path} {problem.message}")
        key = make_key(kind)
        request = make_request(key, wanted)
        return Kept(name, self.add(name, sign_self(key, wanted, now), request), request)

    def join_signed(self, name: str, content: bytes, fingerprint: str = "") -> Pair:
        """Return the key of a certificate with the one that an authority made for it.

        `content` may hold intermediates; those that are known already need not come again. What
        is kept stays as it is.

        Raises:
            KeyError: there is none of that name.
            CertificateRefusedError: it is not for that key, or cannot be used.
        """
        held = self.load(name, fingerprint).pair
        pasted = open_material(Form.PEM, content).certificates
        pair = join_pair(held.key, Material(pasted, ()))
        if not pair.chain:  # an authority that renews may give its certificate alone
            pair = join_pair(held.key, Material((*pasted, *held.pems[1:]), ()))
        return pair

    def join_intermediates(self, name: str, content: bytes, fingerprint: str = "") -> Pair:
        """Return a certificate with other intermediates; what is kept stays as it is.

        Raises:
            KeyError: there is none of that name.
            CertificateRefusedError: none of them leads on from the certificate.
        """
        held = self.load(name, fingerprint).pair
        pasted = open_material(Form.PEM, content).certificates
        pair = join_pair(held.key, Material((held.pems[0], *pasted), ()))
        if pair.certificate != held.certificate or not pair.chain:
            issuer = shown(held.certificate.issuer.rfc4514_string())
            raise CertificateRefusedError(f"none of them is the issuer, {issuer}")
        return pair

    def keep_beside(self, name: str, pair: Pair, in_use: Collection[str] = ()) -> str:
        """Keep `pair` under a name that is there; return the fingerprint that it is called by.

        The oldest of too many go, but for those whose fingerprints are `in_use`.

        Raises:
            KeyError: there is none of that name.
        """
        if not self._is_name(name) or not self._path(name).is_dir():
            raise KeyError(name)
        fingerprint = fingerprint_of(pair.certificate_pem)
        path = self._path(name, file_name(fingerprint))
        if not path.exists():
            self._write(path, pair.key_pem + pair.certificate_pem)
            self._drop_oldest(name, {fingerprint, *in_use})
        return fingerprint

    def add(self, name: str, pair: Pair, request: bytes = b"") -> Pair:
        """Keep `pair` under a new name; return it.

        Raises:
            ValueError: the name is none, or is taken.
        """
        self._check_new(name)
        draft = self._path(f".{name}.new")
        self._remove_folder(draft.name)
        self._files.make_directory(str(draft))
        self._write(draft / PAIR, pair.key_pem + pair.certificate_pem)
        if request:
            self._write(draft / REQUEST, request)
        self._files.rename(str(draft), str(self._path(name)))
        self._files.sync_directory(str(self._folder))
        return pair

    def replace(self, name: str, pair: Pair) -> None:
        """Put `pair` in the place of what `name` was; a request is answered by it.

        Raises:
            KeyError: there is none of that name.
        """
        if not self._is_name(name) or not self._path(name).is_dir():
            raise KeyError(name)
        self._write(self._path(name, PAIR), pair.key_pem + pair.certificate_pem)
        if try_unlink(self._files, str(self._path(name, REQUEST))):
            self._files.sync_directory(str(self._path(name)))

    # Ways out.

    def export_pkcs12(self, name: str, password: str) -> bytes:
        """Return a certificate with its key under a password.

        Raises:
            KeyError: there is none of that name.
            CertificateRefusedError: the password is short, or the files are damaged.
        """
        return self.load(name).pair.to_pkcs12(name, password)

    def rename(self, name: str, new: str) -> None:
        """Give a certificate another name.

        Raises:
            KeyError: there is none of that name.
            ValueError: the new one is none, or is taken.
        """
        self._check_new(new)
        if not self._is_name(name) or not self._path(name).is_dir():
            raise KeyError(name)
        self._files.rename(str(self._path(name)), str(self._path(new)))
        self._files.sync_directory(str(self._folder))

    def remove(self, name: str, users: Users) -> None:
        """Forget a certificate and its key.

        Raises:
            KeyError: there is none of that name.
            CertificateInUseError: `users` names who needs it (admin CRT-07).
        """
        if not self._is_name(name) or not self._path(name).is_dir():
            raise KeyError(name)
        found = users(name)
        if found:
            raise CertificateInUseError(name, found)
        gone = f".{name}.gone"
        self._files.rename(str(self._path(name)), str(self._path(gone)))
        self._files.sync_directory(str(self._folder))
        self._remove_folder(gone)

    # Files.

    def _path(self, name: str, file: str = "") -> Path:
        return self._folder / name / file if file else self._folder / name

    def _is_name(self, name: str) -> bool:
        try:
            return bool(parse_certificate_name(name))
        except ValueError:
            return False

    def _check_new(self, name: str) -> None:
        parse_certificate_name(name)
        names = self.names()
        if name in names:
            raise ValueError(f"there is a certificate {name} already")
        if len(names) >= CERTIFICATES_MAX:
            raise ValueError(f"there are {CERTIFICATES_MAX} certificates, which is all that fit")

    def _drop_oldest(self, name: str, kept: Collection[str]) -> None:
        files = [self._path(name, each) for each in self._files.names(str(self._path(name)))]
        beside = [each for each in files if each.name not in (PAIR, REQUEST)]
        beside.sort(key=lambda each: each.stat().st_mtime_ns)
        for path in beside[: max(0, len(beside) - BESIDE_MAX)]:
            if path.name.removesuffix(".pem") not in kept:
                self._files.unlink(str(path))

    def _read_request(self, name: str) -> bytes:
        try:
            descriptor = self._files.open(str(self._path(name, REQUEST)))
        except FileNotFoundError:
            return b""
        try:
            return self._files.pread(descriptor, PAIR_BYTES_MAX, 0)
        finally:
            self._files.close(descriptor)

    def _write(self, path: Path, content: bytes) -> None:
        def write(descriptor: int) -> None:
            write_fully(self._files, descriptor, [content], 0)

        self._files.close(write_whole(self._files, str(path), write))

    def _remove_folder(self, name: str) -> None:
        path = self._path(name)
        if not os.path.isdir(path):
            return
        for file in self._files.names(str(path)):
            self._files.unlink(str(path / file))
        self._files.remove_directory(str(path))


def _parse(content: bytes) -> Pair:
    """Return what `pair.pem` holds, which is in our own order."""
    key, end, certificates = content.partition(KEY_END)
    pems = tuple(each + _CERTIFICATE_END for each in certificates.split(_CERTIFICATE_END)[:-1])
    if not end or not pems:
        raise CertificateRefusedError("it is cut off")
    first, *chain = load_certificates(Material(pems, ()))
    return Pair(load_key(key + end), first, tuple(chain))
