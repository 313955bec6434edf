"""`policyconfig`: whose mail is which policy's (mailflow 1.3), for incoming and outgoing mail.

A policy is known by its place while a menu is open, as its name may change there.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from mailwarden.control.answers.table import render_table
from mailwarden.control.commands.draft import Settings, SettingsDraft
from mailwarden.control.commands.naming import renamed
from mailwarden.control.dialogue.declaration import (
    Command,
    Commit,
    Menu,
    Operation,
    RefusedError,
    Shown,
)
from mailwarden.control.dialogue.question import Place
from mailwarden.control.dialogue.questions import (
    Choice,
    Confirm,
    Number,
    Option,
    Text,
    read_list,
    write_list,
)
from mailwarden.control.dialogue.setting_questions import ask_settings
from mailwarden.core.patterns import parse_address_pattern, parse_mailbox, parse_name
from mailwarden.mailflow.workqueue.policy import DEFAULT_POLICY, AddressList
from mailwarden.mailflow.workqueue.settings import MailPolicy

SECTION: Final = "mail_policies"
KINDS: Final = ("recipients", "senders")
EVERYBODY: Final = "everybody"

TABLE: Final = Choice[str](
    key="table", place=Place.WORD,
    prompt="Would you like to configure incoming or outgoing mail policies?",
    options=tuple(Option(word, word, word.capitalize()) for word in ("incoming", "outgoing")),
)  # fmt: skip


def _policies(scope: Settings) -> Sequence[Mapping[str, Any]]:
    return scope.draft.members(SECTION, scope[TABLE])


def _names(scope: Settings) -> list[str]:
    return [str(policy["name"]) for policy in _policies(scope)]


def _path(scope: Settings) -> tuple[str, str, str]:
    return SECTION, scope[TABLE], _names(scope)[scope[POLICY]]


def _is_free(scope: Settings, name: str) -> None:
    held = _names(scope)[scope[POLICY]] if scope.has(POLICY) else ""
    if name != held and (name in _names(scope) or name == DEFAULT_POLICY):
        raise ValueError(f"There is a policy {name} already.")


def _check_place(scope: Settings, place: int) -> None:
    number = len(_names(scope))
    if place > number:
        raise ValueError(f"The last place is {number}.")


POLICY: Final = Choice[int](
    key="policy", prompt="Choose the policy.", place=Place.WORD, form="a policy of the table",
    options_from=lambda scope: [Option(name, at) for at, name in enumerate(_names(scope))],
)  # fmt: skip
NEW_POLICY: Final = Text(
    key="name", prompt="Enter the name for this policy:", of=parse_name, check=_is_free,
    place=Place.WORD, form="a name",
)  # fmt: skip
MEMBERS: Final = ask_settings(MailPolicy, KINDS, present=lambda _: {})
POSITION: Final = Number(
    key="position", prompt="Enter its new place, from 1:", place=Place.WORD, minimum=1,
    check=_check_place,
)  # fmt: skip
NAME: Final = Text(
    key="name", prompt="Enter the name for this policy:", of=parse_name, check=_is_free,
    place=Place.WORD, default_from=lambda scope: _path(scope)[-1], form="a name",
)  # fmt: skip
KIND: Final = Choice[str](
    key="kind", prompt="Which members?", place=Place.WORD,
    options=tuple(Option(kind, kind, kind.capitalize()) for kind in KINDS),
)  # fmt: skip
ADDED: Final = Text(
    key="members", of=read_list(parse_address_pattern), as_text=write_list, place=Place.WORD,
    prompt="Enter members, with commas between them: user@example.com, user@, @example.com, "
    "@.example.com.",
    form="addresses with commas",
)  # fmt: skip
REMOVED: Final = Choice[str](
    key="member", prompt="Choose the member to remove.", place=Place.WORD, form="a member",
    options_from=lambda scope: [Option(each, each) for each in _members(scope, scope[KIND])],
)  # fmt: skip
SEARCHED: Final = Text(
    key="address", prompt="Enter an address to search for.", of=parse_mailbox, place=Place.WORD,
    form="an address",
)  # fmt: skip


def _members(scope: Settings, kind: str) -> list[str]:
    return list(scope.draft.members(*_path(scope), kind))


def _add(scope: Settings) -> str:
    policy: dict[str, Any] = {"name": scope[NEW_POLICY]}
    policy |= {each.key: scope[each] for each in MEMBERS if scope[each]}
    scope.draft.insert(SECTION, scope[TABLE], value=policy)
    return f"The policy {policy['name']} is added, behind the others."


def _delete(scope: Settings) -> str:
    name = _path(scope)[-1]
    scope.draft.remove(*_path(scope))
    return f"The policy {name} is removed."


def _move(scope: Settings) -> str:
    name, place = _path(scope)[-1], scope[POSITION]
    scope.draft.move(*_path(scope), position=place - 1)
    return f"The policy {name} has place {place} now."


def _clear(scope: Settings) -> str:
    scope.draft.put(SECTION, scope[TABLE], value=[])
    return f"All policies are removed; all mail has the policy {DEFAULT_POLICY}."


def _print(scope: Settings) -> Shown:
    policies = _policies(scope)
    rows = [
        [at, policy["name"], *(_shown(policy, kind) for kind in KINDS)]
        for at, policy in enumerate(policies, start=1)
    ]
    rows.append([len(rows) + 1, DEFAULT_POLICY, EVERYBODY, EVERYBODY])
    lines = render_table(("", "Policy", "Recipients", "Senders"), rows)
    return Shown("\n".join(lines), {"policies": list(map(_described, policies))})


def _shown(policy: Mapping[str, Any], kind: str) -> str:
    return write_list(policy.get(kind) or (EVERYBODY,))


def _described(policy: Mapping[str, Any]) -> dict[str, object]:
    return {"name": policy["name"], **{kind: list(policy.get(kind) or ()) for kind in KINDS}}


def _print_one(scope: Settings) -> Shown:
    policy = _policies(scope)[scope[POLICY]]
    lines = [str(policy["name"])]
    for kind in KINDS:
        members = policy.get(kind) or (EVERYBODY,)
        lines += [f"{kind.capitalize()}:", *(f"  {each}" for each in members)]
    return Shown("\n".join(lines), _described(policy))


def _search(scope: Settings) -> Shown:
    """Show the policies that name an address; the first that all of a message matches counts."""
    address = scope[SEARCHED]
    found = [
        {"policy": policy["name"], "as": kind}
        for policy in _policies(scope)
        for kind in KINDS
        if policy.get(kind) and AddressList(policy[kind]).matches(address)
    ]
    if not found:
        return Shown(f"No policy names {address}.", {"found": found})
    rows = [[each["policy"], each["as"]] for each in found]
    return Shown("\n".join(render_table(("Policy", "Among its"), rows)), {"found": found})


def _rename(scope: Settings) -> str:
    told = renamed(scope, _path(scope), scope[NAME])
    return "\n".join(told) or "It has that name."


def _add_members(scope: Settings) -> str:
    held = _members(scope, scope[KIND])
    members = scope[ADDED]
    added = [each for each in dict.fromkeys(members) if each not in held]
    if not added:
        raise RefusedError("They are members already.", ADDED)
    scope.draft.put(*_path(scope), scope[KIND], value=[*held, *added])
    return f"Added to the {scope[KIND]} of {_path(scope)[-1]}: {write_list(added)}."


def _remove_member(scope: Settings) -> str:
    kind, member = scope[KIND], scope[REMOVED]
    left = [each for each in _members(scope, kind) if each != member]
    scope.draft.put(*_path(scope), kind, value=left)
    told = f"{member} is removed from the {kind} of {_path(scope)[-1]}."
    return told if left else f"{told} As none is left, it is for all {kind}."


def _has_policies(scope: Settings) -> bool:
    return bool(_policies(scope))


def _has_members(scope: Settings) -> bool:
    return any(_members(scope, kind) for kind in KINDS)


def _summary(scope: Settings) -> str:
    return f"{scope[TABLE].capitalize()} mail policies:\n{_print(scope).text}"


EDIT: Final[Menu[SettingsDraft]] = Menu(
    summary=lambda scope: _print_one(scope).text,
    operations=(
        Operation(name="NAME", purpose="Change the name of the policy.",
                  questions=(NAME,), act=_rename),
        Operation(name="NEW", purpose="Add members.", questions=(KIND, ADDED), act=_add_members),
        Operation(name="DELETE", purpose="Remove a member.", when=_has_members,
                  questions=(KIND, REMOVED), act=_remove_member),
        Operation(name="PRINT", purpose="Print the policy's members.", act=_print_one),
    ),
)  # fmt: skip
POLICYCONFIG: Final[Command[SettingsDraft]] = Command(
    name="policyconfig", purpose="Configure per recipient or sender based policies",
    commit=Commit.NEEDED, questions=(TABLE,),
    menu=Menu(summary=_summary, operations=(
        Operation(name="NEW", purpose="Create a new policy.",
                  questions=(NEW_POLICY, *MEMBERS), act=_add),
        Operation(name="EDIT", purpose="Edit an existing policy.", when=_has_policies,
                  questions=(POLICY,), menu=EDIT),
        Operation(name="DELETE", purpose="Remove a policy.", when=_has_policies,
                  questions=(POLICY,), act=_delete),
        Operation(name="PRINT", purpose="Print all policies.", act=_print),
        Operation(name="SEARCH", purpose="Search for policies by member.", when=_has_policies,
                  questions=(SEARCHED,), act=_search),
        Operation(name="MOVE", purpose="Move the position of a policy.", when=_has_policies,
                  questions=(POLICY, POSITION), act=_move),
        Operation(name="CLEAR", purpose="Clear all policies.", when=_has_policies, act=_clear,
                  confirm=Confirm(key="sure",
                                  prompt="Are you sure you want to clear all policies?")),
    )),
)  # fmt: skip

COMMANDS: Final = (POLICYCONFIG,)
