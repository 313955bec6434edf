"""What the administrator sets of the management process."""

from dataclasses import dataclass

from mailwarden.core.access.ssh_settings import SshSettings
from mailwarden.core.setting import setting


@dataclass(frozen=True, slots=True, kw_only=True)
class ManagementSettings:
    """The process that administrators reach the gateway through."""

    user: str = setting(
        "",
        "User that it runs as; empty is `user`. One of its own keeps whoever takes over a worker "
        "from versions, accounts and keys.",
    )
    ssh: SshSettings = setting(
        SshSettings, "The way in by SSH, at the interfaces that have an `ssh_port`."
    )
