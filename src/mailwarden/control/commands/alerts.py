"""`alertconfig` and `displayalerts`: who gets alerts, and which came last (admin 8.5)."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from mailwarden.control.answers.table import count_of
from mailwarden.control.commands.answered import defaults_of, put_answers
from mailwarden.control.commands.draft import Settings, SettingsDraft
from mailwarden.control.commands.from_address import ask_from
from mailwarden.control.commands.several import ALL, Several
from mailwarden.control.commands.words import date_of, refused_as_told
from mailwarden.control.dialogue.declaration import Command, Commit, Menu, Operation, Shown, Where
from mailwarden.control.dialogue.questions import Choice, Confirm, Option, Text
from mailwarden.control.dialogue.setting_questions import ask_setting
from mailwarden.control.operations import alerts as operations
from mailwarden.core.patterns import parse_mailbox
from mailwarden.services.alerts.alert import AlertClass, Severity
from mailwarden.services.alerts.recent import RecentAlert
from mailwarden.services.alerts.settings import FIELDS, AlertSettings, parse_recipient
from mailwarden.system.log.escape import escape

SECTION: Final = "alerts"
RECIPIENTS: Final = (SECTION, "recipients")
NOBODY: Final = "none"
SEVERITIES: Final = tuple(severity.value for severity in Severity)
_INDENT: Final = 31  # of what stands beside a date


def _present(scope: Settings) -> Mapping[str, Any]:
    return scope.draft.section(SECTION)


def _recipients(scope: Settings) -> Mapping[str, Any]:
    return scope.draft.section(*RECIPIENTS)


def _has_recipients(scope: Settings) -> bool:
    return bool(_recipients(scope))


def _is_new(scope: Settings, address: str) -> None:
    if address in _recipients(scope):
        raise ValueError(f"there is an entry for {address} already; EDIT changes it")


def _parse_autosupport(text: str) -> str:
    return "" if text.strip().casefold() == NOBODY else parse_recipient(text)


NEW_ADDRESS: Final = Text(
    key="address", prompt='Please enter a new email address to send alerts.\n'
    '(Ex: "administrator@example.com")',
    of=parse_mailbox, check=_is_new, form="an address",
)  # fmt: skip
ADDRESS: Final = Choice[str](
    key="address", prompt="Please select the email address.", form="an address of the list",
    options_from=lambda scope: [Option(escape(each), each) for each in _recipients(scope)],
)  # fmt: skip
CLASSES: Final = Several(
    key="classes",
    prompt="Choose the Alert Classes. Separate multiple choices with commas.",
    names_from=lambda _: [each.value for each in AlertClass], default=(), form="classes of alerts",
)  # fmt: skip
SEVERITY: Final = Several(
    key="severities",
    prompt="Select a Severity Level. Separate multiple choices with commas.",
    names_from=lambda _: SEVERITIES, default=(), form="severities",
)  # fmt: skip
EDITED_SEVERITY: Final = Several(
    key="severities", none_word=NOBODY,
    prompt="Select a Severity Level. Separate multiple choices with commas; "
    f'"{NOBODY}" sends no alert of these classes.',
    names_from=lambda _: SEVERITIES, default=(), form=f"severities, or {NOBODY},",
)  # fmt: skip
WAITS: Final = (
    ask_setting(
        AlertSettings, "initial_wait_seconds", present=_present,
        prompt="Enter the initial number of seconds to wait before sending a duplicate alert.\n"
        "0 sends each of them at once.",
    ),
    ask_setting(
        AlertSettings, "max_wait_seconds", present=_present,
        prompt="Enter the maximum number of seconds to wait before sending a duplicate alert.",
    ),
)  # fmt: skip
AUTOSUPPORT: Final = Text(
    key="autosupport_address",
    prompt="Enter the address that gets a copy of all alerts and a weekly report, or "
    f'"{NOBODY}".',
    of=_parse_autosupport, as_text=lambda value: value or NOBODY,
    default_from=lambda scope: str(_present(scope).get("autosupport_address") or ""),
    form=f"an address, or {NOBODY}",
)  # fmt: skip
FROM: Final = ask_from(
    "from_address", prompt="Please enter the From address of alerts.", present=_present
)


def _chosen(
    own: Mapping[str, Any], classes: Sequence[str], severities: Sequence[str] | None
) -> dict[str, Any]:
    """Return a recipient who gets of these classes just these severities; () is all of either."""
    row = dict(own)
    for about, setting in FIELDS.items():
        if classes and about.value not in classes:
            continue
        if severities is not None and set(severities) in (set(), set(SEVERITIES)):
            row.pop(setting, None)  # all of them, as where nothing is said
        else:
            row[setting] = [each for each in SEVERITIES if each in (severities or ())]
    return row


def _new(scope: Settings) -> str:
    address, classes, severities = scope[NEW_ADDRESS], scope[CLASSES], scope[SEVERITY]
    nothing: dict[str, Any] = {setting: [] for setting in FIELDS.values()}
    row = _chosen(nothing if classes else {}, classes, severities)
    scope.draft.put(*RECIPIENTS, address, value=row)
    return f"{escape(address)} gets alerts."


def _edit(scope: Settings) -> str:
    address = scope[ADDRESS]
    before = _recipients(scope).get(address)
    classes, severities = scope[CLASSES], scope[EDITED_SEVERITY]
    row = _chosen(before if isinstance(before, dict) else {}, classes, severities)
    scope.draft.put(*RECIPIENTS, address, value=row)
    return f"{escape(address)} gets other alerts."


def _delete(scope: Settings) -> str:
    address = scope[ADDRESS]
    scope.draft.remove(*RECIPIENTS, address)
    return f"{escape(address)} gets no more alerts."


def _clear(scope: Settings) -> str:
    scope.draft.remove(*RECIPIENTS)
    return "Nobody gets alerts."


def _set_up(scope: Settings) -> str:
    put_answers(scope, (SECTION,), (*WAITS, AUTOSUPPORT), defaults_of(AlertSettings))
    return "The settings of alerts are set."


def _set_from(scope: Settings) -> str:
    put_answers(scope, (SECTION,), (FROM,), defaults_of(AlertSettings))
    return "The From address of alerts is set."


def _summary(scope: Settings) -> str:
    held = {**defaults_of(AlertSettings), **_present(scope)}
    recipients = _recipients(scope)
    lines = ["Sending alerts to:"] if recipients else ["Not currently sending alerts."]
    for address, row in recipients.items():
        lines.append(f"  {escape(address)}")
        lines += [f"    {line}" for line in _described(row if isinstance(row, dict) else {})]
    for words, name in (("Initial", "initial_wait_seconds"), ("Maximum", "max_wait_seconds")):
        value = _number(held[name])
        lines.append(f"{words} number of seconds to wait before sending a duplicate alert: {value}")
    lines.append(f"AutoSupport: {escape(str(held['autosupport_address'] or NOBODY))}")
    sender = held["from_address"]
    lines.append(
        f"Alerts are sent from {escape(str(sender))}."
        if sender
        else "Alerts are sent from the system-default From address."
    )
    return "\n".join(lines)


def _number(value: object) -> str:
    return f"{value:g}" if isinstance(value, int | float) else escape(str(value))


def _described(row: Mapping[str, Any]) -> list[str]:
    """Return who gets what in lines; classes with the same severities share one."""
    by_severities: dict[str, list[str]] = {}
    for about, setting in FIELDS.items():
        severities = row.get(setting, SEVERITIES)
        words = [each for each in SEVERITIES if each in severities]
        shown = ALL if len(words) == len(SEVERITIES) else ", ".join(words) or NOBODY
        by_severities.setdefault(shown, []).append(about.value)
    if len(by_severities) > 1:
        by_severities.pop(NOBODY, None)
    return [
        f"Class: {ALL if len(classes) == len(FIELDS) else ', '.join(classes)} - Severities: {shown}"
        for shown, classes in by_severities.items()
    ]


def _display(scope: Settings) -> Shown:
    with refused_as_told():
        recent = operations.recent(scope.draft.desk)
    if not recent:
        return Shown("There were no alerts.", [])
    head = [f"{'Date and Time':<{_INDENT}}Description", "-" * 80]
    return Shown("\n".join(head + [line for each in recent for line in _lines(each)]),
                 [_data(each) for each in recent])  # fmt: skip


def _lines(recent: RecentAlert) -> list[str]:
    alert = recent.alert
    texts = [escape(line) for line in alert.text.split("\n")]
    texts[0] = f"{alert.severity.value} ({alert.about.value}): {texts[0]}"
    if recent.repeats:
        times = count_of(recent.repeats + 1, "time")
        texts.append(f"Raised {times} since {date_of(recent.first_at)}.")
    return [
        f"{'' if number else date_of(recent.last_at):<{_INDENT}}{text}".rstrip()
        for number, text in enumerate(texts)
    ] + [""]


def _data(recent: RecentAlert) -> dict[str, Any]:
    alert = recent.alert
    return {
        "severity": alert.severity.value,
        "class": alert.about.value,
        "text": alert.text,
        "key": alert.key,
        "first_at": recent.first_at,
        "last_at": recent.last_at,
        "repeats": recent.repeats,
    }


ALERTCONFIG: Final[Command[SettingsDraft]] = Command(
    name="alertconfig", purpose="Configure email alerts", commit=Commit.NEEDED, has_batch=False,
    menu=Menu(summary=_summary, operations=(
        Operation(name="NEW", purpose="Add a new email address to send alerts.",
                  questions=(NEW_ADDRESS, CLASSES, SEVERITY), act=_new),
        Operation(name="EDIT", purpose="Modify an alert subscription.", when=_has_recipients,
                  questions=(ADDRESS, CLASSES, EDITED_SEVERITY), act=_edit),
        Operation(name="DELETE", purpose="Remove an email address.", when=_has_recipients,
                  questions=(ADDRESS,), act=_delete),
        Operation(name="CLEAR", purpose="Remove all email addresses (disable alerts).",
                  when=_has_recipients, act=_clear,
                  confirm=Confirm(key="sure", prompt="Are you sure that nobody is to get alerts?")),
        Operation(name="SETUP", purpose="Configure alert settings.",
                  questions=(*WAITS, AUTOSUPPORT), act=_set_up),
        Operation(name="FROM", purpose="Configure the From address of alert emails.",
                  questions=(FROM,), act=_set_from),
    )),
)  # fmt: skip
DISPLAYALERTS: Final[Command[SettingsDraft]] = Command(
    name="displayalerts", purpose="Display the last alerts", where=Where.MACHINE, act=_display,
)  # fmt: skip

COMMANDS: Final = (ALERTCONFIG, DISPLAYALERTS)
