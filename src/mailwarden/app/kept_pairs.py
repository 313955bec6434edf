"""The keys and certificates that the gateway keeps, as the supervisor hands them to the workers.

Workers have no rights to the store. They get the pairs that the configuration in force uses, in
the same sealed memory as its texts; a worker that is restarted gets the same ones.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Final, NamedTuple

from mailwarden.app.keeper import acting_as
from mailwarden.control.config.certificates import kept_in_use
from mailwarden.control.config.model import GatewayConfig
from mailwarden.control.config.problems import ConfigError, LocatedProblem, join, locate
from mailwarden.control.config.tree import Place
from mailwarden.services.certificates.kept_file import read_pair
from mailwarden.system.clock.clock import Clock, SystemClock
from mailwarden.system.crypto.settings import CertificateFiles

CERTIFICATES: Final = "certificates"  # in the folder of the management process
NOT_KEPT: Final = "the gateway keeps no certificate of this name; bring it in with certconfig"
_NOWHERE: Final = Place(0, 0)


class Handed(NamedTuple):
    """Pairs in PEM, by name, and what is worth to know about them."""

    pairs: Mapping[str, str]
    notes: tuple[str, ...] = ()


class KeptPairs:
    """Those of the store below `folder`, the management's, which `owner` has; None is this user."""

    def __init__(
        self, folder: Path, owner: tuple[int, int] | None, clock: Clock | None = None
    ) -> None:
        self._folder: Final = folder / CERTIFICATES
        self._owner: Final = owner
        self._clock: Final = clock or SystemClock()

    def load(self, config: GatewayConfig, file: str, *, is_start: bool = False) -> Handed:
        """Return the pairs that `config` uses; `file` is for messages.

        One that an authority is still to give out is made, and signed by itself. At a start, one
        that cannot be had is replaced by the system's certificate: mail has to go on.

        Raises:
            ConfigError: one cannot be had.
            OSError: the store cannot be written, where it has to be.
        """
        used = kept_in_use(config)
        if not used:
            return Handed({})
        pairs: dict[str, str] = {}
        notes: list[str] = []
        problems: list[LocatedProblem] = []
        with acting_as(self._owner):
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
        from mailwarden.system.crypto.memory_files import (  # noqa: PLC0415  20 ms, only for pairs
            certificate_in_memory,
        )
        from mailwarden.system.crypto.tls import (  # noqa: PLC0415  the same
            CertificateError,
            server_context,
        )

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
        from mailwarden.services.certificates.stand_in import (  # noqa: PLC0415  100 ms, hardly ever
            stand_in,
        )
        from mailwarden.services.certificates.store import (  # noqa: PLC0415  the same
            CertificateStore,
        )

        stand_in(CertificateStore(self._folder), wanted, self._clock.time())

    def _system(self, config: GatewayConfig, names: list[str]) -> dict[str, str]:
        from mailwarden.services.certificates.stand_in import (  # noqa: PLC0415  100 ms, hardly ever
            SYSTEM,
            make_system,
        )
        from mailwarden.services.certificates.store import (  # noqa: PLC0415  the same
            CertificateStore,
        )

        store = CertificateStore(self._folder)
        make_system(store, config.hostname, self._clock.time())
        return dict.fromkeys(names, store.pem(SYSTEM).decode("ascii"))
