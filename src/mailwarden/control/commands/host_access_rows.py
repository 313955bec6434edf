"""Host access tables as data for JSON, and as a few lines in front of a menu."""

from enum import Enum
from typing import Final

from mailwarden.control.answers.table import human_size
from mailwarden.core.policy.hat import AnonymousEntry, HostAccessTable, SenderGroup
from mailwarden.core.policy.hat_policy import HatPolicy
from mailwarden.mailflow.listener.settings import Listener, effective_policy

Row = dict[str, object]
_OFF: Final = "Disabled"


def table_rows(table: HostAccessTable) -> list[Row]:
    """Return policies, entries in order, and ALL."""
    return [
        *({"policy": each.name, **_rule_row(each)} for each in table.policies),
        *map(_entry_row, table.entries),
        _last_row(table),
    ]


def entry_row(table: HostAccessTable, name: str, *, is_policy: bool) -> Row:
    """Return one policy or entry."""
    if is_policy:
        return {"policy": name, **_rule_row(table.policies_by_name()[name])}
    for each in table.entries:
        row = _entry_row(each)
        if name in (row.get("group"), row.get("host")):
            return row
    return _last_row(table)


def summary_lines(listener: Listener, table: HostAccessTable) -> list[str]:
    """Return the defaults of a listener, and how much its table has."""
    policy = effective_policy(listener)
    per_hour = policy.max_rcpts_per_hour
    harvest = policy.dhap_limit
    verification = "Enabled" if policy.envelope_sender_verification else _OFF
    groups = sum(isinstance(each, SenderGroup) for each in table.entries)
    return [
        "Default Policy Parameters",
        "=========================",
        f"Maximum Message Size: {human_size(policy.max_message_size)}",
        f"Maximum Number Of Concurrent Connections From A Single IP: {policy.max_concurrency}",
        f"Maximum Number Of Messages Per Connection: {policy.max_msgs_per_session}",
        f"Maximum Number Of Recipients Per Message: {policy.max_rcpts_per_msg}",
        f"Maximum Number Of Recipients Per Hour: {_OFF if per_hour < 0 else per_hour}",
        f"Maximum Number Of Invalid Recipients Per Hour: {harvest or _OFF}",
        f"Flow Control By Network Owner: {'Enabled' if policy.use_sb else _OFF}",
        f"Use TLS: {policy.tls.value.capitalize()}",
        f"SMTP Authentication: {policy.smtp_auth.value.capitalize()}",
        f"Envelope Sender DNS Verification: {verification}",
        "",
        f"Policies: {len(table.policies)}",
        f"Sender groups: {groups}",
        f"Hosts that stand alone: {len(table.entries) - groups}",
    ]


def _entry_row(entry: SenderGroup | AnonymousEntry) -> Row:
    if isinstance(entry, SenderGroup):
        return {
            "group": entry.name,
            "hosts": [{"host": e.form.text, "comment": e.comment} for e in entry.hosts],
            "dns_host_verification": [each.value for each in entry.dns_host_verification],
            **_rule_row(entry.access),
            "comment": entry.comment,
        }
    return {
        "host": entry.host.form.text,
        **_rule_row(entry.access),
        "comment": entry.comment or entry.host.comment,
    }


def _last_row(table: HostAccessTable) -> Row:
    return {"host": "ALL", **_rule_row(table.last.access), "comment": table.last.comment}


def _rule_row(access: str | HatPolicy) -> Row:
    if isinstance(access, str):
        return {"access": f"${access}"}
    return {
        "access": access.rule.value,
        "parameters": {key: _plain(value) for key, value in access.parameters},
    }


def _plain(value: object) -> object:
    if isinstance(value, tuple):
        return [_plain(each) for each in value]
    return value.value if isinstance(value, Enum) else value
