"""`mailwarden updates`: offers updates from a server or folder of one's own."""

import time
from argparse import Namespace

from mailwarden.control.answers.table import count_of
from mailwarden.control.cli.failure import CommandError, ExitCode
from mailwarden.control.operations.update_list import sign_list


def run_updates(arguments: Namespace) -> int:
    """Write the signed list of updates."""
    try:
        manifest = sign_list(
            arguments.folder,
            arguments.versions,
            arguments.key,
            now=time.time(),
            days=arguments.days,
        )
    except OSError as error:
        raise CommandError(f"{error.filename}: {error.strerror}") from error
    except ValueError as error:
        raise CommandError(str(error)) from error
    for name, offer in manifest.offers.items():
        print(f"{name} {offer.version}: {count_of(len(offer.files), 'file')}")
    until = f", good until {manifest.expires}" if manifest.expires else ""
    print(f"serial {manifest.serial}{until}")
    return ExitCode.DONE
