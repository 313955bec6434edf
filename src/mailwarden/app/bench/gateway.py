"""Mailwarden itself as a target."""

import sys
from pathlib import Path
from typing import Any, Final

import yaml

import mailwarden
from mailwarden.app.bench.target import Launch, empty_folder, free_port
from mailwarden.app.bench.workplace import Workplace

# No limit may come into play: the peers have theirs raised alike.
_CONNECTIONS_MAX: Final = 30_000
_MANY: Final = 1_000_000
_WAIT_SECONDS: Final = 86_400
_POLICY: Final = {
    "max_concurrency": _CONNECTIONS_MAX,
    "max_msgs_per_session": 100 * _MANY,
    "max_rcpts_per_msg": 10_000,
    "max_message_size": "100M",
}


class Gateway:
    """Mailwarden with a number of workers, on a public and a private listener."""

    def __init__(
        self, workplace: Workplace, workers: int, *, keeps_bare_cr_lf: bool = False
    ) -> None:
        self.name = f"mailwarden-{workers}"
        self.label = f"Mailwarden, {workers} worker{'s' if workers > 1 else ''}"
        self.workers = workers
        self.state: Path = workplace.state / self.name
        self._bare_cr_lf = "allow" if keeps_bare_cr_lf else "clean"

    def version(self) -> str:
        """Return the version of the package."""
        return getattr(mailwarden, "__version__", "of this checkout")

    def prepare(self, port: int, sink_port: int) -> Launch:
        """Empty the state folder and write a configuration; mail is taken on `port`, public."""
        empty_folder(self.state)
        file = self.state / "mailwarden.yaml"
        settings = self.settings(port, free_port(), sink_port)
        file.write_text(yaml.safe_dump(settings, sort_keys=False), encoding="utf-8")
        return Launch(
            command=[sys.executable, "-m", "mailwarden.app", "--config", str(file), "run"]
        )

    def settings(self, public_port: int, private_port: int, sink_port: int) -> dict[str, Any]:
        """Return the configuration: spool, text log and all checks on, no DNS."""
        shared = {
            "interface": "Loopback",
            "reverse_dns": False,
            "max_connections": _CONNECTIONS_MAX,
            "listen_queue": 4096,
            "bare_cr_lf": self._bare_cr_lf,
            "policy": dict(_POLICY),
        }
        public = {"name": "Public", "type": "public", "port": public_port}
        private = {"name": "Private", "type": "private", "port": private_port}
        return {
            "hostname": "gateway.test",
            "state_directory": str(self.state),
            "workers": self.workers,
            "interfaces": {"Loopback": {"address": "127.0.0.1"}},
            "listeners": [
                {**public, **shared, "accepted_domains": ["sink.test"]},
                {**private, **shared, "relay_hosts": ["127.0.0.0/8"]},
            ],
            "inbound": {
                "max_connections": _CONNECTIONS_MAX,
                "command_timeout_seconds": _WAIT_SECONDS,
                "unsuccessful_timeout_seconds": _WAIT_SECONDS,
                "total_time_max_seconds": _WAIT_SECONDS,
            },
            "smtp_routes": {"ALL": f"[127.0.0.1]:{sink_port}"},
            # As Postfix is set up here: 50 connections of 1,000 messages.
            "destinations": {
                "DEFAULT": {"max_host_concurrency": 50, "max_messages_per_connection": 1000}
            },
            "logs": {"text": True},
        }
