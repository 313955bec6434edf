"""`updatenow`: updates at once, by force, and back (admin 1.6.3, 8.1)."""

from collections.abc import Sequence
from typing import Final

from mailwarden.control.answers.table import date_of, render_table
from mailwarden.control.commands.draft import Settings, SettingsDraft
from mailwarden.control.commands.words import refused_as_told
from mailwarden.control.dialogue.declaration import Command, RefusedError, Shown, Where
from mailwarden.control.dialogue.question import Place
from mailwarden.control.dialogue.questions import Choice, Option
from mailwarden.control.operations import updating
from mailwarden.services.updates.component import ComponentStatus
from mailwarden.system.log.escape import escape

FORCE, ROLLBACK, STATUS = "force", "rollback", "status"
ALL: Final = ""
HEADS: Final = (
    "Component", "Version", "Previous", "Last Success", "Last Attempt", "Next Attempt",
)  # fmt: skip


def _components(scope: Settings) -> list[Option[str]]:
    rows = scope.draft.desk.administration.updates.status()
    return [Option(row.name, row.name, row.title) for row in rows]


WHAT: Final = Choice[str](
    key="what", prompt="What is to be done?", place=Place.WORD, default=ALL, is_asked=False,
    options_from=lambda scope: [
        Option(FORCE, FORCE), Option(ROLLBACK, ROLLBACK), Option(STATUS, STATUS),
        *_components(scope),
    ],
    form="force, rollback, status, or a component",
)  # fmt: skip
COMPONENT: Final = Choice[str](
    key="component", prompt="Which component?", place=Place.WORD, default=ALL, is_asked=False,
    options_from=_components, form="a component",
    when=lambda scope: scope[WHAT] in (FORCE, ROLLBACK, STATUS),
)  # fmt: skip


def status_lines(rows: Sequence[ComponentStatus]) -> list[str]:
    """Return what there is to say of components (UPD-01)."""
    lines = render_table(HEADS, [
        [
            row.name, row.version or "none", row.previous or "none",
            *(date_of(at) if at else "never" for at in (row.last_success, row.last_attempt)),
            date_of(row.next_attempt) if row.next_attempt else "not planned",
        ]
        for row in rows
    ])  # fmt: skip
    for row in rows:
        if row.step:
            lines.append(f"{row.name}: {escape(row.step)}")
        if row.last_error:
            lines.append(f"{row.name}: failed {row.failures} in a row: {escape(row.last_error)}")
    return lines


async def _update(scope: Settings) -> Shown:
    desk, what, component = scope.draft.desk, scope[WHAT], scope.get(COMPONENT) or ALL
    with refused_as_told():
        if what == STATUS:
            return _status(updating.component_status(desk), component)
        if what == ROLLBACK:
            return await _roll_back(scope, component)
        is_forced = what == FORCE
        names = [name for name in (component if is_forced else what,) if name]
        begun = updating.update_now(desk, names, is_forced=is_forced)
    text = (
        f"Update requested for {', '.join(begun)}; `{UPDATENOW.name} {STATUS}` shows how it goes."
    )
    return Shown(text, {"requested": begun, "forced": is_forced})


def _status(rows: Sequence[ComponentStatus], component: str) -> Shown:
    shown = [row for row in rows if component in (ALL, row.name)]
    return Shown("\n".join(status_lines(shown)), [row._asdict() for row in shown])


async def _roll_back(scope: Settings, component: str) -> Shown:
    if not component:
        names = ", ".join(option.name for option in _components(scope))
        raise RefusedError(f"{ROLLBACK} needs the name of a component: {names}")
    version = await updating.roll_back(scope.draft.desk, component)
    text = f"{component} is version {version} again. The version that it was is not taken again "
    text += f"until there is a newer one, or by `{UPDATENOW.name} {FORCE} {component}`."
    return Shown(text, {"component": component, "version": version})


UPDATENOW: Final[Command[SettingsDraft]] = Command(
    name="updatenow", purpose="Update all engines and rules now", where=Where.MACHINE,
    questions=(WHAT, COMPONENT), act=_update,
)  # fmt: skip

COMMANDS: Final = (UPDATENOW,)
