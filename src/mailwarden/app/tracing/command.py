"""`mailwarden trace`: builds what is to be traced from the command line, and shows the report."""

import asyncio
import json
import os
import sys
from argparse import Namespace
from pathlib import Path
from typing import Final

from mailwarden.app.state_directory import StateDirectory
from mailwarden.app.tracing.render import render
from mailwarden.app.tracing.report import Outcome
from mailwarden.app.tracing.request import CONTENT_BYTES_MAX, TraceError, TraceRequest
from mailwarden.app.tracing.stations import TraceParts
from mailwarden.app.tracing.stored import StoredMessage, load_stored
from mailwarden.app.tracing.trace import trace
from mailwarden.control.cli.config_file import find_config
from mailwarden.control.cli.failure import CommandError, ExitCode
from mailwarden.control.config.model import GatewayConfig
from mailwarden.control.config.reader import parse_config, read_text
from mailwarden.core.features import dormant_in

STANDARD_INPUT: Final = Path("-")


def run(arguments: Namespace) -> int:
    """Trace what `arguments` say.

    Raises:
        CommandError: it makes no sense, or a file cannot be read.
        ConfigError: the configuration has problems.
    """
    present = find_config(arguments.config, os.environ)
    path, base = arguments.candidate_file or present, present.absolute().parent
    config = parse_config(read_text(path), str(path), base)
    try:
        request = _request(arguments, config, base)
        parts = TraceParts(
            base=base,
            configuration=str(path),
            timeout_seconds=arguments.timeout,
            dormant=dormant_in(StateDirectory.at(config, base).load_switches()),
        )
        report = asyncio.run(trace(config, request, parts))
    except TraceError as error:
        raise CommandError(str(error), code=ExitCode.USAGE) from error
    if arguments.json:
        print(json.dumps(report.as_json(), indent=2))
    else:
        print("\n".join(render(report)))
    is_taken = report.outcome not in (Outcome.REFUSED, Outcome.UNFINISHED)
    return ExitCode.DONE if is_taken else ExitCode.PROBLEM


def _request(arguments: Namespace, config: GatewayConfig, base: Path) -> TraceRequest:
    stored = None
    if arguments.mid is not None:
        stored = load_stored(StateDirectory.at(config, base).spool, arguments.mid)
    sender, recipients, client = _envelope(arguments, stored)
    envelope = None if stored is None else stored.envelope
    score = arguments.score
    return TraceRequest(
        listener=arguments.listener
        or (envelope.listener if envelope else "")
        or config.listeners[0].name,
        client_address=client,
        sender=sender,
        recipients=recipients,
        content=_content(arguments, stored, sender, recipients),
        client_name=arguments.client_name,
        score=None if isinstance(score, str) else score,
        has_no_score=isinstance(score, str),
        helo=arguments.helo or (envelope.helo if envelope else ""),
        user=arguments.user or (envelope.user if envelope else ""),
        is_encrypted=arguments.tls,
        asks_call_ahead=arguments.call_ahead,
        fetches_policies=arguments.fetch_policies,
    )


def _envelope(
    arguments: Namespace, stored: StoredMessage | None
) -> tuple[str, tuple[str, ...], str]:
    """Return sender, recipients and client."""
    sender, recipients = arguments.sender, tuple(map(_bare, arguments.recipients))
    client = arguments.client
    if stored is not None:
        envelope = stored.envelope
        sender = envelope.sender if sender is None else sender
        recipients = recipients or tuple(each.address for each in envelope.recipients)
        client = client or envelope.client_address
    for value, option in ((sender, "--from"), (recipients or None, "--to"), (client, "--client")):
        if value is None or (value == "" and option == "--client"):
            raise TraceError(f"{option} is missing; it is part of every envelope")
    return _bare(sender), recipients, client


def _bare(address: str) -> str:
    """Return an address without angle brackets around it."""
    text = address.strip()
    return text[1:-1] if text.startswith("<") and text.endswith(">") else text


def _content(
    arguments: Namespace, stored: StoredMessage | None, sender: str, recipients: tuple[str, ...]
) -> bytes:
    if stored is not None:
        return stored.content
    if arguments.message is not None:
        return _read(arguments.message)
    lines = (f"From: <{sender}>", f"To: <{recipients[0]}>", "Subject: Trace", "", "Trace.", "")
    return "\r\n".join(lines).encode("utf-8", "surrogateescape")


def _read(path: Path) -> bytes:
    try:
        if path == STANDARD_INPUT:
            content = sys.stdin.buffer.read(CONTENT_BYTES_MAX + 1)
        else:
            with path.open("rb") as file:
                content = file.read(CONTENT_BYTES_MAX + 1)
    except OSError as error:
        raise TraceError(f"{path} cannot be read: {error.strerror}") from error
    return content
