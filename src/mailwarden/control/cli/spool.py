"""`mailwarden spool`: looks into the spool's files and mends them, without the gateway."""

import dataclasses
import json
import os
import time
from argparse import Namespace
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

from mailwarden.control.answers.table import Number, count_of, human_size, human_time, render_table
from mailwarden.control.cli.failure import CommandError, ExitCode
from mailwarden.stores.spool.repair import repair_spool
from mailwarden.stores.spool.spool import DamagedError, SpoolFailure
from mailwarden.stores.spool.tools import Inspection, Listed, verify_spool
from mailwarden.system.clock.clock import SystemClock
from mailwarden.system.files.files import SystemFiles
from mailwarden.system.log.escape import escape
from mailwarden.system.log.stamp import ctime

_HEADS: Final = ["MID", "State", "Size", "Age", "Recipients", "Tries", "Why it waits"]


def run_spool(arguments: Namespace, default_directory: Callable[[], Path]) -> int:
    """Do what `arguments.action` says with the spool in `--directory`, or with the default one.

    Raises:
        CommandError: the spool, or the message asked for, is not there or cannot be read.
    """
    directory = arguments.directory or default_directory()
    if not directory.is_dir():
        raise CommandError(f"there is no spool in {directory}", "name it with --directory FOLDER")
    try:
        return _ACTIONS[arguments.action](arguments, directory)
    except SpoolFailure as failure:
        raise CommandError(failure.detail) from failure
    except DamagedError as error:
        raise CommandError(
            f"message is damaged: {error}", "mailwarden spool export MID writes what is left of it"
        ) from error


def _inspect(directory: Path) -> Inspection:
    return Inspection(SystemFiles(), SystemClock(), directory)


def _row(listed: Listed) -> dict[str, Any]:
    return {**dataclasses.asdict(listed), "state": listed.state.name.lower()}


def _list(arguments: Namespace, directory: Path) -> int:
    messages = _inspect(directory).messages()
    if arguments.json:
        for listed in messages:
            print(json.dumps(_row(listed)))
        return ExitCode.DONE
    now = time.time()
    rows = [
        [
            Number(listed.mid),
            listed.state.name.lower(),
            Number(human_size(listed.size)),
            Number(human_time(max(0.0, now - listed.received_at))),
            Number(listed.recipients_open),
            Number(listed.attempts),
            f"held: {listed.hold}" if listed.hold else listed.reason,
        ]
        for listed in messages
    ]
    if rows:
        print("\n".join(render_table(_HEADS, rows)))
    print(count_of(len(rows), "message") if rows else "the spool is empty")
    return ExitCode.DONE


def _show(arguments: Namespace, directory: Path) -> int:
    shown = _inspect(directory).show(arguments.mid)
    if shown is None:
        raise _missing(arguments.mid)
    envelope = shown.envelope
    answer = {
        **_row(shown.listed),
        "sender": envelope.sender,
        "recipients": [
            {"rid": rid, "address": to.address, "settled": rid in shown.settled}
            for rid, to in enumerate(envelope.recipients)
        ],
        "icid": envelope.icid,
        "client": envelope.client_address,
        "helo": envelope.helo,
        "listener": envelope.listener,
        "direction": envelope.direction.value,
        "policy": envelope.policy,
        "parent": envelope.parent,
    }
    if arguments.json:
        print(json.dumps(answer, indent=2))
        return ExitCode.DONE
    recipients = answer.pop("recipients")
    for name, value in answer.items():
        if value or name == "sender":
            print(f"{name.replace('_', ' '):>16}: {_shown(name, value)}")
    for to in recipients:
        state = "settled" if to["settled"] else "waiting"
        print(f"{'RID ' + str(to['rid']):>16}: <{escape(to['address'])}> {state}")
    return ExitCode.DONE


def _shown(name: str, value: object) -> str:
    if name.endswith("_at"):
        return ctime(float(str(value)))
    return f"<{escape(str(value))}>" if name == "sender" else escape(str(value))


def _verify(arguments: Namespace, directory: Path) -> int:
    verified = verify_spool(SystemFiles(), SystemClock(), directory)
    if arguments.json:
        print(json.dumps({**dataclasses.asdict(verified), "problems": list(verified.problems)}))
    else:
        for problem in verified.problems:
            print(problem)
        print(
            f"{count_of(verified.messages, 'message')} in "
            f"{count_of(verified.segments, 'segment')}, "
            f"{human_size(verified.bytes_checked)} bytes checked, "
            f"{count_of(len(verified.problems), 'problem')}"
        )
    return ExitCode.PROBLEM if verified.problems else ExitCode.DONE


def _export(arguments: Namespace, directory: Path) -> int:
    inspection = _inspect(directory)
    mids = arguments.mids or [listed.mid for listed in inspection.messages()]
    arguments.to.mkdir(parents=True, exist_ok=True)
    damaged = 0
    for mid in mids:
        path = arguments.to / f"{mid}.eml"
        if not _export_sound(path, inspection, mid):
            damaged += 1
            left = arguments.to / f"{mid}.damaged.eml"
            _write(left, inspection.export_unchecked(mid), mid)
            print(f"message {mid} is damaged: what is left of it is in {left}")
    written = count_of(len(mids) - damaged, "message")
    print(f"{written} written to {arguments.to}")
    return ExitCode.PROBLEM if damaged else ExitCode.DONE


def _export_sound(path: Path, inspection: Inspection, mid: int) -> bool:
    try:
        return _write(path, inspection.export(mid), mid)
    except DamagedError:
        return False


def _write(path: Path, pieces: Iterator[bytes] | None, mid: int) -> bool:
    """Write a message to `path`; return whether it was sound. One that is not is not left there."""
    if pieces is None:
        raise _missing(mid)
    fresh = path.with_suffix(".part")
    try:
        with fresh.open("wb") as file:
            for piece in pieces:
                file.write(piece)
    except DamagedError:
        fresh.unlink()
        return False
    os.replace(fresh, path)
    return True


def _repair(arguments: Namespace, directory: Path) -> int:
    lines = repair_spool(SystemFiles(), SystemClock(), directory, dry_run=arguments.dry_run)
    if os.geteuid() == 0 and not arguments.dry_run:
        _give_to_owner(directory)
    for line in lines:
        print(line)
    if not lines:
        print("nothing to repair")
    elif arguments.dry_run:
        print(f"{count_of(len(lines), 'problem')}; without --dry-run they are mended")
    return ExitCode.DONE


def _give_to_owner(directory: Path) -> None:
    """Let all files belong to whom the spool belongs to: root has made some."""
    owner = directory.stat()
    for path in directory.rglob("*"):
        os.chown(path, owner.st_uid, owner.st_gid, follow_symlinks=False)


def _missing(mid: int) -> CommandError:
    return CommandError(
        f"there is no message {mid} in the spool", "mailwarden spool list shows what there is"
    )


_ACTIONS: Final[dict[str, Callable[[Namespace, Path], int]]] = {
    "list": _list,
    "show": _show,
    "verify": _verify,
    "export": _export,
    "repair": _repair,
}
