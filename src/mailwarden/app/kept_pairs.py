"""The keys and certificates that the gateway keeps, as the supervisor hands them to the workers.

Workers have no rights to the store. They get the pairs that the configuration in force uses, in
the same sealed memory as its texts; a worker that is restarted gets the same ones.
"""

from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Final, NamedTuple, cast

from mailwarden.app.keeper import acting_as
from mailwarden.control.config.certificates import kept_in_use
from mailwarden.control.config.model import GatewayConfig
from mailwarden.system.clock.clock import Clock, SystemClock

CERTIFICATES: Final = "certificates"  # in the folder of the management process
READING: Final = "mailwarden.app.pair_reading"  # loaded where there is something to read: 0.1 s


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
        if not kept_in_use(config):
            return Handed({})
        with acting_as(self._owner):
            read = import_module(READING).PairReader(self._folder, self._clock).read
            return cast("Handed", read(config, file, is_start=is_start))
