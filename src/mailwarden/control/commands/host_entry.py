"""Which entry of a host access table a command is about, and what it is to be (mailflow 3)."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from mailwarden.control.commands.draft import Settings
from mailwarden.control.commands.entry_name import EntryName
from mailwarden.control.commands.host_access_rows import table_rows
from mailwarden.control.commands.host_policy import default_questions, parameter_questions
from mailwarden.control.commands.listener_words import listener_of, path_of
from mailwarden.control.commands.table_place import TablePlace
from mailwarden.control.dialogue.question import UNSET, Place, Unset
from mailwarden.control.dialogue.questions import (
    Choice,
    Option,
    Text,
    YesNo,
    read_list,
    write_list,
)
from mailwarden.core.policy.hat import (
    HostAccessTable,
    ListedHost,
    SenderGroup,
    check_comment,
    check_name,
)
from mailwarden.core.policy.hat_parameters import ParameterValue
from mailwarden.core.policy.hat_places import LAST
from mailwarden.core.policy.hat_policy import HatPolicy, Rule
from mailwarden.core.policy.hat_text import build_hat
from mailwarden.core.policy.host_forms import HostKind, NameStatus, parse_host_form
from mailwarden.mailflow.listener.access import make_host_access
from mailwarden.mailflow.listener.tables import HOST_ACCESS

NONE: Final = "none"
GROUP: Final = "sendergroup"
POLICY: Final = "policy"
Access = Rule | str  # a rule, or the name of a policy without its $
_RULES: Final = {
    Rule.CONTINUE: "Continue",
    Rule.RELAY: "Relay",
    Rule.ACCEPT: "Accept",
    Rule.REJECT: "Reject",
    Rule.TCPREFUSE: "Refuse",
}

HAT: Final = TablePlace(
    form=HOST_ACCESS,
    path=lambda scope: path_of(scope, "host_access"),
    row=table_rows,
    short_form=lambda scope: build_hat(make_host_access(listener_of(scope))),
    replaced=("relay_hosts",),
)


def table_of(scope: Settings) -> HostAccessTable:
    table: HostAccessTable = HAT.table(scope)
    return table


def has_entries(scope: Settings) -> bool:
    return bool(table_of(scope).entries)


def has_policies(scope: Settings) -> bool:
    return bool(table_of(scope).policies)


# Which entry


def _policy_names(scope: Settings) -> list[str]:
    return [each.name for each in table_of(scope).policies]


def _entry_names(scope: Settings) -> list[str]:
    return [
        each.name if isinstance(each, SenderGroup) else each.host.form.text
        for each in table_of(scope).entries
    ]


def _fold_entry(text: str) -> str:
    """Return a host as the table has it; another name as it is, without a $."""
    try:
        return parse_host_form(text).text
    except ValueError:
        return text.removeprefix("$")


def is_policy(scope: Settings) -> bool:
    return scope.get(KIND) == POLICY


KIND: Final = Choice[str](
    key="kind", prompt="Choose what you want to work on.", place=Place.WORD, default=GROUP,
    options=(
        Option(GROUP, GROUP, "Sender Group"),
        Option(POLICY, POLICY, "Policy"),
    ),
)  # fmt: skip
NEEDED_KIND: Final = replace(KIND, default=UNSET)  # in front of a menu
ENTRY: Final = EntryName(
    key="entry", prompt="Enter the number or name of the entry.", place=Place.WORD,
    names_from=lambda scope: _policy_names(scope) if is_policy(scope)
    else [*_entry_names(scope), LAST],
    of=_fold_entry, form="a sender group, policy, host that stands alone, or ALL",
)  # fmt: skip


def entry_name(scope: Settings) -> str:
    """Return what the entry that was chosen is called by now."""
    prefix = "$" if is_policy(scope) else ""
    found = scope.draft.name_now(*HAT.path(scope), f"{prefix}{scope[ENTRY]}")
    return found.removeprefix(prefix)


def is_group(scope: Settings) -> bool:
    if is_policy(scope) or scope.get(ENTRY) is None:
        return False
    return group_of(scope) is not None


def group_of(scope: Settings) -> SenderGroup | None:
    name = entry_name(scope)
    for each in table_of(scope).entries:
        if isinstance(each, SenderGroup) and each.name == name:
            return each
    return None


def hosts_of(scope: Settings) -> list[str]:
    group = group_of(scope)
    return [] if group is None else [host.form.text for host in group.hosts]


def _held(scope: Settings) -> tuple[str | HatPolicy, str]:
    """Return rule or policy, and the comment, of what was chosen."""
    name = entry_name(scope)
    table = table_of(scope)
    if is_policy(scope):
        return table.policies_by_name()[name], ""
    for each in table.entries:
        is_it = each.name == name if isinstance(each, SenderGroup) else each.host.form.text == name
        if is_it:
            return each.access, each.comment
    return table.last.access, table.last.comment


# What it is to be


def _read_host(text: str) -> ListedHost:
    form = parse_host_form(text)
    if form.kind is HostKind.ALL:
        raise ValueError("ALL is the last entry and stands nowhere else")
    return ListedHost(form)


def _read_comment(text: str) -> str:
    comment = " ".join(text.split())
    check_comment(comment)
    return comment


def _read_name(text: str) -> str:
    name = text.strip().removeprefix("$")
    check_name(name)
    return name


def _behaviors(scope: Settings) -> list[Option[Access]]:
    rules = [Option[Access](word, rule) for rule, word in _RULES.items()]
    if is_policy(scope):
        return rules
    return [
        *rules,
        *map(_policy_option, _policy_names(scope)),
    ]


def _policy_option(name: str) -> Option[Access]:
    return Option(f"${name}", name, f"Policy: ${name}")


def _access_default(scope: Settings) -> Access | Unset:
    if not scope.has(ENTRY):
        return UNSET
    access = _held(scope)[0]
    return access if isinstance(access, str) else access.rule


def _rule(scope: Settings) -> Rule | None:
    """Return the rule whose parameters are to be asked for."""
    wants = is_policy(scope) or scope.get(OWN)
    access = scope.get(BEHAVIOR)
    return access if wants and isinstance(access, Rule) else None


def parameters_of(scope: Settings) -> Mapping[str, ParameterValue]:
    if not scope.has(ENTRY):
        return {}
    access = _held(scope)[0]
    return {} if isinstance(access, str) else dict(access.parameters)


def _has_own(scope: Settings) -> bool:
    access = scope.get(BEHAVIOR)
    is_entry = not is_policy(scope)
    return is_entry and access in (Rule.ACCEPT, Rule.RELAY, Rule.REJECT)


def _flag(key: str, what: str, status: NameStatus) -> YesNo:
    def default(scope: Settings) -> bool:
        group = group_of(scope) if scope.has(ENTRY) else None
        return group is not None and status in group.dns_host_verification

    return YesNo(
        key=key, prompt=f"Do you want to include hosts whose {what}?", default_from=default,
        when=lambda scope: is_group(scope) if scope.has(ENTRY)
        else not is_policy(scope) and scope.get(NEW_NAME) is not None,
    )  # fmt: skip


NEW_KIND: Final = replace(
    KIND, default=GROUP,
    options=(Option(GROUP, GROUP, "New Sender Group"), Option(POLICY, POLICY, "New Policy")),
)  # fmt: skip
NEW_NAME: Final = Text(
    key="name", of=_read_name, place=Place.WORD, none_word=NONE, form="a name",
    prompt=lambda scope: "Enter a name for this policy." if is_policy(scope)
    else "Enter a name for this sender group; none makes an entry of its own for each host.",
    default_from=lambda scope: UNSET if is_policy(scope) else None,
)  # fmt: skip
NEW_HOSTS: Final = Text(
    key="hosts", of=read_list(_read_host), place=Place.WORD, none_word=NONE, default=None,
    as_text=lambda hosts: write_list([host.form.text for host in hosts or ()]),
    prompt="Enter the hosts to add, with commas: addresses, ranges and networks, host names, "
    ".domains,\nSBRS[n:n], SBO:n and dnslist[zone] are allowed.",
    form="hosts with commas", when=lambda scope: not is_policy(scope),
)  # fmt: skip
MORE_HOSTS: Final = replace(NEW_HOSTS, none_word="", default=UNSET, when=None)
HOSTS: Final = Text(
    key="hosts", of=read_list(_fold_entry), as_text=write_list, place=Place.WORD,
    prompt=lambda scope: "\n".join(
        [*hosts_of(scope)[:100], "Enter the hosts to remove, with commas."]
    ),
    form="hosts of the group with commas",
)  # fmt: skip
HOST: Final = EntryName(
    key="host", prompt="Enter the host to move.", names_from=hosts_of, of=_fold_entry,
    place=Place.WORD, form="a host of the group",
)  # fmt: skip
BEFORE_HOST: Final = EntryName(
    key="before", prompt="Enter the host to put it in front of; END is behind all.",
    names_from=lambda scope: [*hosts_of(scope), "END"], of=_fold_entry, place=Place.WORD,
    form="a host of the group, or END",
)  # fmt: skip
BEHAVIOR: Final = Choice[Access](
    key="behavior", prompt="Select a behavior for this entry.", options_from=_behaviors,
    place=Place.WORD, default_from=_access_default, form="Accept, Relay, Reject, Refuse, "
    "Continue or $POLICY",
)  # fmt: skip
COMMENT: Final = Text(
    key="comment", prompt="Enter a comment for this entry.", of=_read_comment, form="a comment",
    default_from=lambda scope: _held(scope)[1] if scope.has(ENTRY) else "",
    when=lambda scope: not is_policy(scope),
)  # fmt: skip
OWN: Final = YesNo(
    key="parameters", prompt="Do you want to set limits and offers for this entry alone?",
    default=False, when=_has_own,
)  # fmt: skip
FLAGS: Final[Mapping[YesNo, NameStatus]] = {
    _flag("not_exist", "address has no name in the DNS", NameStatus.NX_DOMAIN): (
        NameStatus.NX_DOMAIN
    ),
    _flag("serv_fail", "name cannot be looked up", NameStatus.SERV_FAIL): NameStatus.SERV_FAIL,
    _flag(
        "not_double_verified", "name does not lead back to them", NameStatus.NOT_DOUBLE_VERIFIED
    ): NameStatus.NOT_DOUBLE_VERIFIED,
}
PARAMETERS: Final = parameter_questions(_rule, parameters_of)
DEFAULTS: Final = default_questions()
NEW_GROUP_NAME: Final = Text(
    key="new_name", prompt="Enter the new name.", of=_read_name, place=Place.WORD, form="a name"
)
BEFORE: Final = EntryName(
    key="before", prompt="Enter the entry to put it in front of; ALL is behind all others.",
    names_from=lambda scope: [*_entry_names(scope), LAST], of=_fold_entry, place=Place.WORD,
    form="an entry, or ALL",
)  # fmt: skip
MOVED: Final = replace(ENTRY, names_from=_entry_names)
REMOVED: Final = replace(
    ENTRY,
    names_from=lambda scope: _policy_names(scope) if is_policy(scope)
    else _entry_names(scope),
)  # fmt: skip
