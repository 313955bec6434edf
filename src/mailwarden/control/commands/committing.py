"""`commit`, `commitdetail`, `clearchanges`, `showchanges`, `rollbackconfig` (admin 1.5)."""

from enum import Enum
from typing import Final

from mailwarden.control.answers.table import count_of
from mailwarden.control.candidate import show
from mailwarden.control.commands.draft import Settings, SettingsDraft
from mailwarden.control.commands.words import date_of, refused_as_told
from mailwarden.control.dialogue.declaration import Command, RefusedError, Shown
from mailwarden.control.dialogue.question import Place
from mailwarden.control.dialogue.questions import (
    Choice,
    Confirm,
    Number,
    Option,
    Text,
    read_text,
)
from mailwarden.control.operations import commit as operations
from mailwarden.control.operations.commit import (
    VERSIONS_LISTED,
    ConflictingError,
    MissingCertificateError,
    Settlement,
)
from mailwarden.control.operations.versions import MODEL, NothingToCommitError
from mailwarden.services.certificates.stand_in import SYSTEM
from mailwarden.stores.configuration.record import Version
from mailwarden.system.log.escape import escape

NOTHING: Final = "There are no changes to commit."
NOT_COMMITTED: Final = "Nothing was committed; your changes are still pending."
CONFIRM_MINUTES_MAX: Final = 1440


class Way(Enum):
    """Out of a conflict (COM-02)."""

    DISCARD = "Discard my changes"
    OVERWRITE = "Overwrite"
    CANCEL = "Cancel"


COMMENT: Final = Text(
    key="comment", prompt="A comment.", of=read_text, default="", place=Place.REST,
    is_asked=False, form="a comment of at most 1024 letters",
)  # fmt: skip
ASKED_COMMENT: Final = Text(
    key="asked_comment", prompt="\nPlease enter some comments describing your changes:",
    of=read_text, default="",
)  # fmt: skip
MINUTES: Final = Number(
    key="minutes", prompt="Minutes within which it has to be confirmed:", default=5, minimum=1,
    maximum=CONFIRM_MINUTES_MAX, place=Place.WORD,
)  # fmt: skip
WAY: Final = Choice[Way](
    key="way", prompt="What do you want to do?", default=Way.CANCEL,
    options=tuple(Option(way.value, way) for way in Way),
)  # fmt: skip
NUMBER: Final = Number(
    key="version", prompt="Which version do you want to go back to?", minimum=1, place=Place.WORD,
)  # fmt: skip


async def _commit(scope: Settings) -> Shown:
    return await _commit_for(scope, 0.0)


async def _commit_confirmed(scope: Settings) -> Shown:
    return await _commit_for(scope, scope[MINUTES] * 60.0)


def _confirm(scope: Settings) -> str:
    with refused_as_told():
        number = operations.confirm(scope.draft.desk)
    if not number:
        return "No commit waits for a confirmation."
    return f"Version {number} is confirmed."


async def _commit_for(scope: Settings, confirm_seconds: float) -> Shown:
    desk = scope.draft.desk
    desk.follow()
    if not desk.pending_changes():
        return Shown(NOTHING, {"version": None})
    comment = scope[COMMENT] or await scope.ask(ASKED_COMMENT)
    if warning := operations.warning(desk):
        scope.say(warning)
        await scope.drain()
    for _ in range(3):
        try:
            with refused_as_told():
                done = await operations.commit(desk, comment, confirm_seconds=confirm_seconds)
        except NothingToCommitError:
            return Shown(NOTHING, {"version": None})
        except RefusedError as error:
            if not await _has_way_out(scope, error.__cause__):
                if isinstance(error.__cause__, ConflictingError | MissingCertificateError):
                    raise RefusedError(NOT_COMMITTED) from None
                raise
            continue
        lines = [f"Changes committed: {date_of(done.version.time)}", *done.notes]
        if done.version.confirm_seconds:
            minutes = count_of(round(done.version.confirm_seconds / 60), "minute")
            lines.append(f'They are taken back in {minutes} unless you run "confirmcommit".')
        return Shown("\n".join(lines), _described(done.version))
    raise RefusedError("Others are committing the same sections; try again.")


async def _has_way_out(scope: Settings, why: BaseException | None) -> bool:
    """Ask how to go on after a refusal; return whether to try again."""
    match why:
        case ConflictingError():
            return await _settled(scope, why)
        case MissingCertificateError():
            return await _has_certificates(scope, why)
    return False


async def _has_certificates(scope: Settings, why: MissingCertificateError) -> bool:
    """Ask for each certificate that is missing; return whether all have another one (XML-33)."""
    desk = scope.draft.desk
    for place, each in enumerate(why.missing):
        question = Confirm(
            key=f"instead_{place}", default=True,
            prompt=f'{escape(each.user)} uses certificate "{escape(each.name)}", which is not '
            "present. Use the system certificate instead?",
        )  # fmt: skip
        if not await scope.ask(question):
            return False
    with refused_as_told():
        operations.use_system_certificate(desk, why.missing)
    for each in why.missing:
        scope.say(f"{escape(each.user)} uses certificate {SYSTEM} now.")
    return True


async def _settled(scope: Settings, conflict: ConflictingError) -> bool:
    """Ask what to do about conflicts; return whether to go on (COM-02)."""
    scope.say("Others have committed changes of the same sections since you began:")
    for each in conflict.conflicts:
        scope.say(
            f"  {escape(each.section)}: {escape(each.user or 'the file')}, {date_of(each.time)}"
        )
    way = await scope.ask(WAY)
    if way is Way.CANCEL:
        return False
    settlement = Settlement.DISCARD if way is Way.DISCARD else Settlement.OVERWRITE
    operations.settle(scope.draft.desk, settlement)
    return True


def _detail(scope: Settings) -> Shown:
    head = scope.draft.desk.administration.versions.store.head()
    if head is None:
        return Shown("Nothing was ever committed.", None)
    return Shown("\n".join(_lines(head)), _described(head))


def _lines(version: Version) -> list[str]:
    author = version.author
    lines = [
        f"Version:  {version.number}",
        f"Time:     {date_of(version.time)}",
        f"User:     {escape(author.user) or 'the gateway'} ({author.source.value})",
    ]
    if author.address:
        lines.append(f"From:     {escape(author.address)}")
    lines.append(f"Comment:  {escape(version.comment)}")
    if version.summary:
        lines += ["Changes:", *(f"  {line}" for line in version.summary.split("\n"))]
    return lines


def _described(version: Version) -> dict[str, object]:
    return {
        "version": version.number,
        "time": version.time,
        "user": version.author.user,
        "source": version.author.source.value,
        "address": version.author.address,
        "comment": version.comment,
        "sections": list(version.sections),
        "changes": version.summary.split("\n") if version.summary else [],
    }


def _clear(scope: Settings) -> str:
    desk = scope.draft.desk
    with refused_as_told():
        operations.clear(desk)
    return f"Changes cleared: {date_of(desk.administration.clock.time())}"


def _changes(scope: Settings) -> Shown:
    changes = scope.draft.candidate.changes(MODEL)
    text = "\n".join(show.text_lines(changes, MODEL))
    return Shown(text or "There are no changes.", show.plain_changes(changes, MODEL))


async def _roll_back(scope: Settings) -> str | None:
    store = scope.draft.desk.administration.versions.store
    for version in store.history(VERSIONS_LISTED):
        who = escape(version.author.user) or version.author.source.value
        comment = f"  {escape(version.comment)}" if version.comment else ""
        scope.say(f"{version.number:6}  {date_of(version.time)}  {who}{comment}")
    number = await scope.ask(NUMBER)
    return _stage(scope, number)


def _stage(scope: Settings, number: int) -> str:
    with refused_as_told():
        operations.stage_version(scope.draft.desk, number)
    scope.draft.candidate = scope.draft.desk.candidate
    return f'Version {number} is pending. Be sure to run "commit" to make it active.'


COMMIT: Final[Command[SettingsDraft]] = Command(
    name="commit", purpose="Commit the pending changes, with an optional comment",
    questions=(COMMENT,), act=_commit,
)  # fmt: skip
COMMITCONFIRMED: Final[Command[SettingsDraft]] = Command(
    name="commitconfirmed", purpose="Commit for some minutes, unless it is confirmed",
    questions=(MINUTES, COMMENT), act=_commit_confirmed,
)  # fmt: skip
CONFIRMCOMMIT: Final[Command[SettingsDraft]] = Command(
    name="confirmcommit", purpose="Confirm the last commit, so that it holds", act=_confirm,
)  # fmt: skip
COMMITDETAIL: Final[Command[SettingsDraft]] = Command(
    name="commitdetail", purpose="Show who committed last, when and why", act=_detail,
    has_batch=False,
)  # fmt: skip
CLEARCHANGES: Final[Command[SettingsDraft]] = Command(
    name="clearchanges", purpose="Clear the pending changes", act=_clear, has_batch=False,
    confirm=Confirm(
        key="sure", default=True,
        prompt="Are you sure you want to clear all changes since the last commit?",
    ),
)  # fmt: skip
SHOWCHANGES: Final[Command[SettingsDraft]] = Command(
    name="showchanges", purpose="Show the pending changes", act=_changes,
)  # fmt: skip
ROLLBACKCONFIG: Final[Command[SettingsDraft]] = Command(
    name="rollbackconfig", purpose="Go back to an earlier version", act=_roll_back,
    has_batch=False,
)  # fmt: skip

COMMANDS: Final = (
    COMMIT, COMMITCONFIRMED, CONFIRMCOMMIT, COMMITDETAIL, CLEARCHANGES, SHOWCHANGES, ROLLBACKCONFIG,
)  # fmt: skip
