"""The folder in which the gateway keeps everything: spool, logs, numbers, control socket."""

import json
import os
import pwd
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mailwarden.control.config.model import GatewayConfig
from mailwarden.control.operations.updates import FOLDER as UPDATES
from mailwarden.stores.spool.identifiers import FileIdentifiers
from mailwarden.system.clock.clock import SystemClock
from mailwarden.system.files.files import SystemFiles
from mailwarden.system.files.whole_file import replace_file


@dataclass(frozen=True, slots=True)
class StateDirectory:
    """Paths below the state directory, and what the supervisor itself keeps there."""

    directory: Path
    logs: Path

    @classmethod
    def at(cls, config: GatewayConfig, base: Path) -> "StateDirectory":
        """Return that of `config`, whose relative paths count from `base`."""
        directory = (base / config.state_directory).resolve()
        logs = (base / config.logs.directory) if config.logs.directory else directory / "log"
        return cls(directory, logs.resolve())

    @property
    def spool(self) -> Path:
        """Folder of the workers' spools."""
        return self.directory / "spool"

    @property
    def identifiers(self) -> Path:
        """File of the numbers that were given out."""
        return self.directory / "identifiers"

    @property
    def reputation(self) -> Path:
        """File of what was seen of hosts."""
        return self.directory / "reputation"

    @property
    def sts_policies(self) -> Path:
        """File of the MTA-STS policies of other domains."""
        return self.directory / "mta-sts"

    @property
    def updates(self) -> Path:
        """Folder of what updates have brought; see `services/updates`."""
        return self.directory / UPDATES

    @property
    def tls_reports(self) -> Path:
        """Folder of what was counted for TLS reports."""
        return self.directory / "tls-reports"

    def part(self, worker: int) -> Path:
        """Return the spool folder of a worker."""
        return self.spool / str(worker)

    def adopted_parts(self, worker: int, count: int) -> list[Path]:
        """Return the spool folders of workers that are no more, which `worker` looks after."""
        numbers = (int(p.name) for p in self.spool.iterdir() if p.name.isdigit())
        return [self.part(n) for n in sorted(numbers) if n >= count and n % count == worker]

    def create(self) -> None:
        """Make the folder itself, for whoever claims it; what is there stays as it is.

        Raises:
            OSError: it cannot be made.
        """
        self.directory.mkdir(parents=True, exist_ok=True)

    def prepare(self, user: str) -> None:
        """Create what is missing in it, owned by `user` where one is set.

        Raises:
            OSError: the folder cannot be written, or there is no such user.
        """
        owner = self.owner(user)
        if not self.spool.exists():  # once it does, a missing file is a lost one
            FileIdentifiers(
                self.identifiers, SystemFiles(), SystemClock(), lambda: None, lambda _: None
            ).close()
        for folder in (self.spool, self.logs):
            folder.mkdir(parents=True, exist_ok=True)
        if owner is not None:
            for path in (self.directory, self.spool, self.logs, self.identifiers):
                if path.exists():
                    os.chown(path, *owner)
        self.directory.chmod(0o750)
        if not os.access(self.spool, os.W_OK):
            raise OSError(f"{self.spool} cannot be written: is the disk mounted read-only?")

    def prepare_updates(self, user: str, worker_user: str) -> None:
        """Create the folder that `user` puts updates into, for `worker_user` to read them.

        Raises:
            OSError: it cannot be made, or there is no such user.
        """
        self.updates.mkdir(exist_ok=True)
        owner = self.owner(user)
        if owner is not None:
            os.chown(self.updates, *owner)
        self.updates.chmod(0o755)
        if owner != self.owner(worker_user):
            self.directory.chmod(0o751)  # to get through to what is one's own, and no more

    @staticmethod
    def owner(user: str) -> tuple[int, int] | None:
        """Return whom files are to belong to; None is the user that the gateway runs as.

        Raises:
            OSError: there is no such user.
        """
        if not user or os.geteuid() != 0:
            return None
        try:
            entry = pwd.getpwnam(user)
        except KeyError:
            raise OSError(f"`user` names {user!r}, which this machine does not know") from None
        if entry.pw_uid == 0:
            raise OSError(f"`user` names {user!r}, which has all rights; name one without")
        return entry.pw_uid, entry.pw_gid

    def load_switches(self) -> dict[str, Any]:
        """Return what an administrator switched and a restart must not undo."""
        return _load(self.directory / "switches.json")

    def save_switches(self, switches: dict[str, Any]) -> None:
        """Write the switches, whole or not at all."""
        _save(self.directory / "switches.json", switches)

    def load_counters(self) -> dict[str, Any]:
        """Return what was counted before the last stop."""
        return _load(self.directory / "counters.json")

    def save_counters(self, counters: dict[str, Any]) -> None:
        """Write what was counted, whole or not at all."""
        _save(self.directory / "counters.json", counters)


def _load(path: Path) -> dict[str, Any]:
    try:
        tree = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return tree if isinstance(tree, dict) else {}


def _save(path: Path, tree: dict[str, Any]) -> None:
    files = SystemFiles()
    files.close(replace_file(files, str(path), [json.dumps(tree).encode()]))
