"""Reads the pairs that a configuration uses from the store, and makes those that are missing."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from mailwarden.app.kept_pairs import Handed
from mailwarden.control.config.certificates import kept_in_use
from mailwarden.control.config.model import GatewayConfig
from mailwarden.control.config.problems import ConfigError, LocatedProblem, join, locate
from mailwarden.control.config.tree import Place
from mailwarden.services.certificates.kept_file import read_pair
from mailwarden.services.certificates.stand_in import SYSTEM, make_system, stand_in
from mailwarden.services.certificates.store import CertificateStore
from mailwarden.system.clock.clock import Clock
from mailwarden.system.crypto.memory_files import certificate_in_memory
from mailwarden.system.crypto.settings import CertificateFiles
from mailwarden.system.crypto.tls import CertificateError, server_context

NOT_KEPT: Final = "the gateway keeps no certificate of this name; bring it in with certconfig"
_NOWHERE: Final = Place(0, 0)


class PairReader:
    """Works in the folder of the store, as the user who owns it."""

    def __init__(self, folder: Path, clock: Clock) -> None:
        self._folder: Final = folder
        self._clock: Final = clock

    def read(self, config: GatewayConfig, file: str, *, is_start: bool) -> Handed:
        """Return the pairs that `config` uses; as `KeptPairs.load`."""
        used = kept_in_use(config)
        pairs: dict[str, str] = {}
        notes: list[str] = []
        problems: list[LocatedProblem] = []
        self._stand_in(config, used)
        for name, files in used.items():
            try:
                pairs[name], is_meant = self._read(name, files)
            except ValueError as error:
                path = join("certificates", name)
                problems.append(locate(file, _NOWHERE, path, str(error)))
            else:
                if not is_meant:
                    notes.append(f"The certificate {name} is another one than was committed")
        if problems and not is_start:
            raise ConfigError(problems)
        if problems:
            pairs.update(self._system(config, [name for name in used if name not in pairs]))
        notes.extend(f"{problem}; the system certificate is used instead" for problem in problems)
        return Handed(pairs, tuple(notes))

    def _read(self, name: str, files: CertificateFiles) -> tuple[str, bool]:
        """Return a pair, and whether it is the one that is meant; ValueError says why not."""
        try:
            pem, is_meant = read_pair(self._folder, name, files.fingerprint)
            with certificate_in_memory(pem, pem) as held:
                server_context(held, verify_client=False)
            return pem.decode("ascii"), is_meant
        except KeyError:
            raise ValueError(NOT_KEPT) from None
        except OSError as error:
            raise ValueError(f"cannot be read: {error.strerror or error}") from error
        except (CertificateError, UnicodeDecodeError):
            raise ValueError("is damaged; bring it in again with certconfig") from None

    def _stand_in(self, config: GatewayConfig, used: Mapping[str, CertificateFiles]) -> None:
        wanted = {name: each for name, each in config.acme.certificates.items() if name in used}
        if all((self._folder / name).is_dir() for name in wanted):
            return
        stand_in(CertificateStore(self._folder), wanted, self._clock.time())

    def _system(self, config: GatewayConfig, names: list[str]) -> dict[str, str]:
        store = CertificateStore(self._folder)
        make_system(store, config.hostname, self._clock.time())
        return dict.fromkeys(names, store.pem(SYSTEM).decode("ascii"))
