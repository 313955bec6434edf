"""Builds the SSH server; a module of its own, as it takes long to load."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from mailwarden.control.operations.administration import Administration
from mailwarden.control.operations.exchange import KEY_FILES
from mailwarden.control.remote.file_area import CONFIGURATION, FEATURES, LOG
from mailwarden.control.remote.file_folder import Folder, FolderLimits
from mailwarden.control.remote.host_keys import HostKeyError, fingerprints, load_host_keys
from mailwarden.control.remote.log_in import Doors
from mailwarden.control.remote.session_host import SessionHost
from mailwarden.control.remote.sessions import Sessions
from mailwarden.control.remote.ssh_server import SshParts, SshServer
from mailwarden.core.access.access_list import AccessList
from mailwarden.services.features.folder import FILES_MAX
from mailwarden.services.features.key import KEY_BYTES_MAX

KEY_FILES_MAX: Final = FolderLimits(KEY_BYTES_MAX, KEY_BYTES_MAX * FILES_MAX, FILES_MAX)


def make_ssh_server(
    keys: Path, administration: Administration, host: SessionHost, sessions: Sessions
) -> SshServer:
    """Return the server; `keys` is the folder of its host keys, made at the first time.

    Raises:
        OSError: they cannot be read or written.
    """
    config = administration.config
    parts = SshParts(
        doors=Doors(
            administration.sign_in,
            administration.passwords,
            lambda: administration.config.administration.passwords,
        ),
        host=host,
        sessions=sessions,
        clock=administration.clock,
        host_keys=load_host_keys(keys, config.management.ssh.host_keys),
        folders={
            CONFIGURATION: Folder(administration.files, is_writable=True),
            FEATURES: Folder(
                administration.files / KEY_FILES, is_writable=True, limits=KEY_FILES_MAX
            ),
            LOG: Folder(administration.logs, is_writable=False),
        },
    )
    return SshServer(config.management.ssh, AccessList(config.administration.network_access), parts)


def host_key_lines(keys: Path, algorithms: Sequence[str]) -> list[str]:
    """Return a line for each host key; of one that cannot be read it says so."""
    try:
        return fingerprints(load_host_keys(keys, algorithms))
    except HostKeyError as error:
        return [str(error)]
