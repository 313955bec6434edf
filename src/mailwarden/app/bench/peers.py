"""The mail servers that Mailwarden is compared with; their configurations: tools/bench/peers/."""

import os
import pwd
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

import mailwarden
from mailwarden.app.bench.target import (
    Launch,
    Target,
    empty_folder,
    fill_template,
    remove_files,
)
from mailwarden.app.bench.workplace import BenchError, Workplace

_POSTFIX_QUEUES: Final = (
    ("active", "bounce", "corrupt", "defer", "deferred", "hold", "incoming", "maildrop", "trace")
)  # fmt: skip
_POSTFIX_MASTER: Final = Path("/etc/postfix/master.cf.proto")  # as Debian ships it
_EXTENSIONS: Final = {"pipelined": "PIPELINING", "bdat": "CHUNKING"}  # that a mode needs
_WITHOUT: Final = {"PIPELINING": ("opensmtpd",), "CHUNKING": ("opensmtpd", "haraka", "floor")}
_FLOOR: Final = "mailwarden.app.bench.floor"
_SMTP_SERVICE: Final = re.compile(r"^smtp\s+inet\s.*$", re.MULTILINE)


class Postfix:
    """Postfix as Debian installs it, an instance of its own beside the machine's."""

    name = "postfix"
    label = "Postfix"

    def __init__(self, workplace: Workplace) -> None:
        self._template = workplace.tools / "peers" / "postfix.main.cf"
        self._state = workplace.peers / "postfix"

    def version(self) -> str:
        """Return the version of the installed package."""
        return _said(["postconf", "-h", "mail_version"])

    def prepare(self, port: int, sink_port: int) -> Launch:
        """Empty the queue and write main.cf and master.cf; only the port differs from Debian's."""
        settings = self._state / "conf"
        queue, data = self._state / "queue", self._state / "data"
        for folder in (settings, queue, data):
            folder.mkdir(parents=True, exist_ok=True, mode=0o755)
        for name in _POSTFIX_QUEUES:
            remove_files(queue / name)
        os.chown(data, pwd.getpwnam("postfix").pw_uid, -1)
        values = {"STATE": str(self._state), "SINK": str(sink_port)}
        fill_template(self._template, settings / "main.cf", values)
        service = f"127.0.0.1:{port} inet n - y - - smtpd"
        master = _SMTP_SERVICE.sub(service, _POSTFIX_MASTER.read_text(encoding="utf-8"), count=1)
        (settings / "master.cf").write_text(master, encoding="utf-8")
        command = ["postfix", "-c", str(settings)]
        return Launch(command=[*command, "start-fg"], stop=[*command, "stop"])


class Exim:
    """Exim in a Debian of its own."""

    name = "exim"
    label = "Exim"

    def __init__(self, workplace: Workplace) -> None:
        self._template = workplace.tools / "peers" / "exim.conf"
        self._state = workplace.peers / "exim"

    def version(self) -> str:
        """Return the version of its package."""
        return _read_version(self._state)

    def prepare(self, port: int, sink_port: int) -> Launch:
        """Empty spool and logs and write the configuration."""
        root = self._state / "root"
        for folder in ("spool", "log"):
            remove_files(root / "var" / folder / "exim4")
        values = {"PORT": str(port), "SINK": str(sink_port)}
        fill_template(self._template, root / "etc/exim4/exim4.conf", values)
        return Launch(command=["chroot", str(root), "exim4", "-bdf", "-q10s"])


class OpenSmtpd:
    """OpenSMTPD in a Debian of its own."""

    name = "opensmtpd"
    label = "OpenSMTPD"

    def __init__(self, workplace: Workplace) -> None:
        self._template = workplace.tools / "peers" / "opensmtpd.conf"
        self._state = workplace.peers / "opensmtpd"

    def version(self) -> str:
        """Return the version of its package."""
        return _read_version(self._state)

    def prepare(self, port: int, sink_port: int) -> Launch:
        """Empty the queue and write the configuration."""
        root = self._state / "root"
        spool = root / "var/spool/smtpd"
        for folder in ("queue", "incoming", "temporary", "offline"):
            remove_files(spool / folder)
        values = {"PORT": str(port), "SINK": str(sink_port)}
        fill_template(self._template, root / "etc/smtpd.conf", values)
        return Launch(command=["chroot", str(root), "smtpd", "-F"])


class Haraka:
    """Haraka from npm."""

    name = "haraka"
    label = "Haraka"

    def __init__(self, workplace: Workplace) -> None:
        self._template = workplace.tools / "peers" / "haraka.js"
        self._state = workplace.peers / "haraka"

    def version(self) -> str:
        """Return the version of its package."""
        return _read_version(self._state)

    def prepare(self, port: int, sink_port: int) -> Launch:
        """Make an instance anew, with as many processes as there are processors."""
        instance, package = self._state / "instance", self._state / "node_modules/Haraka"
        empty_folder(instance)
        settings = instance / "config"
        (instance / "queue").mkdir()
        settings.mkdir()
        shutil.copy(package / "config/connection.ini", settings)
        for file, text in {
            "smtp.ini": f"listen=127.0.0.1:{port}\nnodes={os.cpu_count()}\n",
            "log.ini": "level=WARN\n[main]\nlevel=WARN\n",
            "outbound.ini": "concurrency_max=100\nenable_tls=false\nalways_split=false\n"
            "pool_concurrency_max=50\npool_timeout=30\n",
            "plugins": "peer\n",
            "me": "peer.test\n",
            "host_list": "",
        }.items():
            (settings / file).write_text(text, encoding="utf-8")
        fill_template(self._template, instance / "plugins/peer.js", {"SINK": str(sink_port)})
        return Launch(command=["node", str(package / "bin/haraka"), "-c", str(instance)])


class Floor:
    """What receive, sync and forward cost alone, in as many processes as there are processors."""

    name = "floor"
    label = "Floor, no mail server"

    def __init__(self, workplace: Workplace) -> None:
        self._state = workplace.state / self.name

    def version(self) -> str:
        """Return that of Mailwarden, which it is part of."""
        return mailwarden.__version__

    def prepare(self, port: int, sink_port: int) -> Launch:
        """Remove the file of the last run."""
        empty_folder(self._state)
        words = [str(port), str(sink_port), str(self._state), str(os.cpu_count())]
        return Launch(command=[sys.executable, "-m", _FLOOR, *words])


PEERS: Final[dict[str, Callable[[Workplace], Target]]] = {
    "postfix": Postfix,
    "exim": Exim,
    "opensmtpd": OpenSmtpd,
    "haraka": Haraka,
    "floor": Floor,
}


def why_missing(name: str, workplace: Workplace, mode: str = "lockstep") -> str | None:
    """Return why a peer cannot run here and what would help, or None when it can.

    `mode` is how the load speaks SMTP.
    """
    if (extension := _EXTENSIONS.get(mode)) and name in _WITHOUT[extension]:
        return f"offers no {extension}, which --mode {mode} needs"
    if name == "floor":
        return None
    if name == "postfix":
        if shutil.which("postfix") is None:
            return "not installed: tools/install_test_servers.sh, or apt-get install postfix"
        if not _POSTFIX_MASTER.exists():
            return f"{_POSTFIX_MASTER} is missing: this is not Debian's Postfix"
    elif not (workplace.peers / name / "ready").exists():
        return f"not installed: tools/bench/peers.sh {name}"
    if name != "haraka":
        if os.geteuid() != 0:
            return "needs root: it changes to users of its own"
        if (folder := _closed_folder(workplace.peers)) is not None:
            return f"its users cannot enter {folder}; give --directory another place"
    return None


def _closed_folder(path: Path) -> Path | None:
    """Return the first folder on the way to `path` that other users may not pass."""
    for folder in reversed([path, *path.parents]):
        if folder.exists() and not folder.stat().st_mode & 0o001:
            return folder
    return None


def _read_version(state: Path) -> str:
    return (state / "version").read_text(encoding="ascii").strip()


def _said(command: list[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise BenchError(f"{' '.join(command)}: {done.stderr.strip()}")
    return done.stdout.strip()
