"""`certconfig` and `sslconfig`: certificates, and how TLS is spoken (admin 1.6.2)."""

from collections.abc import Callable
from typing import Any, Final

from mailwarden.control.answers.table import render_table
from mailwarden.control.commands.authorities import CERTAUTHORITY
from mailwarden.control.commands.certificates import CERTIFICATE
from mailwarden.control.commands.draft import Settings, SettingsDraft
from mailwarden.control.dialogue.declaration import (
    Command,
    Commit,
    Menu,
    Operation,
    RefusedError,
    Shown,
)
from mailwarden.control.dialogue.question import Place
from mailwarden.control.dialogue.questions import Text, read_text
from mailwarden.control.dialogue.setting_questions import ask_settings
from mailwarden.system.crypto.ciphers import DEFAULT_CIPHERS, list_ciphers
from mailwarden.system.crypto.settings import TlsProtocol

FIELDS: Final = ("minimum_version", "maximum_version", "ciphers")
_WORDS: Final = {"gui": "GUI HTTPS", "inbound": "inbound SMTP", "outbound": "outbound SMTP"}


def _present(use: str) -> Callable[[Settings], Any]:
    return lambda scope: scope.draft.section("tls", use)


def _protocol(use: str) -> Operation[SettingsDraft]:
    questions = ask_settings(TlsProtocol, FIELDS, present=_present(use))

    def edit(scope: Settings) -> None:
        answers = {question.key: scope[question] for question in questions}
        scope.draft.put("tls", use, value=answers)

    return Operation(
        name=use.upper(), purpose=f"Edit {_WORDS[use]} TLS settings.", questions=questions, act=edit
    )


def _summary(scope: Settings) -> str:
    lines = ["TLS settings:"]
    default = TlsProtocol()
    for use, words in _WORDS.items():
        held = scope.draft.section("tls", use)
        oldest = held.get("minimum_version", default.minimum_version.value)
        newest = held.get("maximum_version", default.maximum_version.value)
        lines.append(f"  {words}: {oldest} to {newest}")
        lines.append(f"    Ciphers: {held.get('ciphers', DEFAULT_CIPHERS)}")
    return "\n".join(lines)


CIPHERS: Final = Text(
    key="ciphers", prompt="Enter the ciphers you want to verify.", of=read_text, place=Place.WORD,
    default_from=lambda scope: scope.draft.section("tls", "inbound").get(
        "ciphers", DEFAULT_CIPHERS
    ),
    form="a list of ciphers as OpenSSL writes them",
)  # fmt: skip


def _verify(scope: Settings) -> Shown:
    try:
        suites = list_ciphers(scope[CIPHERS])
    except ValueError as error:
        raise RefusedError(str(error), CIPHERS) from error
    heads = ["Cipher", "Version", "Key Exchange", "Authentication", "Encryption", "Bits"]
    return Shown("\n".join(render_table(heads, suites)), [suite._asdict() for suite in suites])


CERTCONFIG: Final[Command[SettingsDraft]] = Command(
    name="certconfig", purpose="Configure certificates, keys and lists of authorities",
    commit=Commit.NEEDED, menu=Menu(operations=(CERTIFICATE, CERTAUTHORITY)),
)  # fmt: skip
SSLCONFIG: Final[Command[SettingsDraft]] = Command(
    name="sslconfig", purpose="Configure TLS versions and ciphers", commit=Commit.NEEDED,
    menu=Menu(
        summary=_summary,
        operations=(
            *(_protocol(use) for use in _WORDS),
            Operation(name="VERIFY", purpose="List what a list of ciphers comes to.",
                      questions=(CIPHERS,), act=_verify),
        ),
    ),
)  # fmt: skip

COMMANDS: Final = (CERTCONFIG, SSLCONFIG)
