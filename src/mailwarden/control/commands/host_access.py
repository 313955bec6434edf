"""`listenerconfig edit ... hostaccess`: the host access table of a listener (mailflow 3)."""

from collections.abc import Callable, Sequence
from typing import Any, Final

from mailwarden.control.commands.draft import Settings
from mailwarden.control.commands.host_access_rows import entry_row, summary_lines
from mailwarden.control.commands.host_entry import (
    BEFORE,
    BEFORE_HOST,
    BEHAVIOR,
    COMMENT,
    DEFAULTS,
    ENTRY,
    FLAGS,
    HAT,
    HOST,
    HOSTS,
    KIND,
    MORE_HOSTS,
    MOVED,
    NEEDED_KIND,
    NEW_GROUP_NAME,
    NEW_HOSTS,
    NEW_KIND,
    NEW_NAME,
    OWN,
    PARAMETERS,
    REMOVED,
    entry_name,
    group_of,
    has_entries,
    has_policies,
    hosts_of,
    is_group,
    is_policy,
    parameters_of,
    table_of,
)
from mailwarden.control.commands.listener_words import listener_of, path_of
from mailwarden.control.commands.settings_form import store_answers
from mailwarden.control.dialogue.declaration import Menu, Operation, RefusedError, Shown
from mailwarden.core.policy import hat_edit
from mailwarden.core.policy.hat import AnonymousEntry, ListedHost, SenderGroup
from mailwarden.core.policy.hat_edit import HatEditError
from mailwarden.core.policy.hat_parameters import ParameterValue
from mailwarden.core.policy.hat_places import find_places
from mailwarden.core.policy.hat_policy import HatPolicy, Rule
from mailwarden.core.policy.host_forms import NameStatus
from mailwarden.mailflow.listener.settings import MailFlowPolicy


def _change(scope: Settings, edit: Callable[[str], str], what: str) -> str:
    """Change the text of the table; return what to say."""
    try:
        text = edit(HAT.text(scope))
    except HatEditError as error:
        raise RefusedError(str(error)) from error
    return "\n".join([what, *HAT.change(scope, text)])


def _changed_parameters(scope: Settings) -> dict[str, ParameterValue | None]:
    held = parameters_of(scope)
    return {
        each.key: scope[each]
        for each in PARAMETERS
        if scope.has(each) and scope[each] != held.get(each.key)
    }


def _flags(scope: Settings) -> tuple[NameStatus, ...]:
    return tuple(status for question, status in FLAGS.items() if scope.get(question))


def _add(scope: Settings) -> str:
    access, name = scope[BEHAVIOR], scope[NEW_NAME]
    given = tuple((key, value) for key, value in _changed_parameters(scope).items()
                  if value is not None)  # fmt: skip
    if is_policy(scope):
        assert isinstance(access, Rule)
        assert name is not None
        policy = HatPolicy(access, given, name)
        return _change(
            scope, lambda text: hat_edit.add_policy(text, policy), f"Policy ${name} is added."
        )
    own = HatPolicy(access, given) if isinstance(access, Rule) else access
    hosts = scope.get(NEW_HOSTS) or ()
    comment = scope[COMMENT]
    if name is not None:
        group = SenderGroup(name, own, hosts, _flags(scope), comment)
        return _change(
            scope, lambda text: hat_edit.add_entry(text, group), f"Sender group {name} is added."
        )
    if not hosts:
        raise RefusedError("An entry without a name needs a host.", NEW_HOSTS)
    return _change(scope, lambda text: _with_hosts(text, hosts, own, comment), "Added.")


def _with_hosts(
    text: str, hosts: Sequence[ListedHost], access: str | HatPolicy, comment: str
) -> str:
    for host in hosts:
        text = hat_edit.add_entry(text, AnonymousEntry(host, access, comment))
    return text


def _remove(scope: Settings) -> str:
    name = scope[REMOVED]
    if is_policy(scope):
        return _change(
            scope, lambda text: hat_edit.remove_policy(text, name), f"Policy ${name} is removed."
        )
    return _change(scope, lambda text: hat_edit.remove_entry(text, name), f"{name} is removed.")


def _move(scope: Settings) -> str:
    name, before = scope[MOVED], scope[BEFORE]
    return _change(scope, lambda text: hat_edit.move_entry(text, name, before), f"{name} is moved.")


def _add_hosts(scope: Settings) -> str:
    name, hosts = entry_name(scope), scope[MORE_HOSTS]
    assert hosts is not None
    return _change(scope, lambda text: hat_edit.add_hosts(text, name, hosts), "Added.")


def _remove_hosts(scope: Settings) -> str:
    name, hosts = entry_name(scope), scope[HOSTS]
    return _change(scope, lambda text: hat_edit.remove_hosts(text, name, hosts), "Removed.")


def _move_host(scope: Settings) -> str:
    name, host, before = entry_name(scope), scope[HOST], scope[BEFORE_HOST]
    target = "" if before == "END" else before
    return _change(scope, lambda text: hat_edit.move_host(text, name, host, target), "Moved.")


def _set_policy(scope: Settings) -> str:
    name, access, changes = entry_name(scope), scope[BEHAVIOR], _changed_parameters(scope)
    if is_policy(scope):
        assert isinstance(access, Rule)
        return _change(
            scope, lambda text: hat_edit.set_policy(text, name, access, changes), "Changed."
        )

    def edit(text: str) -> str:
        changed = hat_edit.set_access(text, name, access, scope[COMMENT], changes)
        group = group_of(scope)
        if group is None or _flags(scope) == group.dns_host_verification:
            return changed
        return hat_edit.set_verification(changed, name, _flags(scope))

    return _change(scope, edit, "Changed.")


def _rename(scope: Settings) -> str:
    old, new = entry_name(scope), scope[NEW_GROUP_NAME]
    users: list[str] = []

    def edit(text: str) -> str:
        if not is_policy(scope):
            return hat_edit.rename_group(text, old, new)
        changed, found = hat_edit.rename_policy(text, old, new)
        users.extend(found)
        return changed

    prefix = "$" if is_policy(scope) else ""
    said = _change(scope, edit, f"{prefix}{old} is now called {prefix}{new}.")
    scope.draft.note_name(*HAT.path(scope), f"{prefix}{old}", name=f"{prefix}{new}")
    return f"{said}\nAlso changed: {', '.join(users)}" if users else said


def _print_one(scope: Settings) -> Shown:
    name = entry_name(scope)
    places, table = find_places(HAT.text(scope)), table_of(scope)
    if is_policy(scope):
        place = next(each for each in places.policies if each.name == name)
    else:
        place = hat_edit.find_entry(places, name)
    text = "\n".join(places.lines[place.start : place.end])
    return Shown(text, entry_row(table, name, is_policy=is_policy(scope)))


def _set_defaults(scope: Settings) -> None:
    store_answers(scope, MailFlowPolicy, DEFAULTS, *path_of(scope, "policy"))


def _summary(scope: Settings) -> str:
    return "\n".join(summary_lines(listener_of(scope), table_of(scope)))


ENTRY_MENU: Final[Menu[Any]] = Menu(
    operations=(
        Operation(name="NEW", purpose="Add a new host.", when=is_group,
                  questions=(MORE_HOSTS,), act=_add_hosts),
        Operation(name="DELETE", purpose="Remove a host.",
                  when=lambda scope: bool(is_group(scope) and hosts_of(scope)),
                  questions=(HOSTS,), act=_remove_hosts),
        Operation(name="MOVE", purpose="Reorder the hosts.",
                  when=lambda scope: bool(is_group(scope) and hosts_of(scope)),
                  questions=(HOST, BEFORE_HOST), act=_move_host),
        Operation(name="POLICY", purpose="Change the policy settings and options.",
                  questions=(BEHAVIOR, *FLAGS, COMMENT, OWN, *PARAMETERS), act=_set_policy),
        Operation(name="PRINT", purpose="Display the current definition.", act=_print_one),
        Operation(name="RENAME", purpose="Change the name.",
                  when=lambda scope: is_policy(scope) or is_group(scope),
                  questions=(NEW_GROUP_NAME,), act=_rename),
    ),
)  # fmt: skip

MENU: Final[Menu[Any]] = Menu(
    summary=_summary,
    operations=(
        Operation(
            name="NEW", purpose="Create a new entry.", act=_add,
            questions=(NEW_KIND, NEW_NAME, NEW_HOSTS, BEHAVIOR, *FLAGS, COMMENT, OWN, *PARAMETERS),
        ),
        Operation(name="EDIT", purpose="Modify an entry.", questions=(NEEDED_KIND, ENTRY),
                  menu=ENTRY_MENU),
        Operation(name="DELETE", purpose="Remove an entry.", questions=(KIND, REMOVED),
                  when=lambda scope: has_entries(scope) or has_policies(scope), act=_remove),
        Operation(name="MOVE", purpose="Move an entry.", when=has_entries,
                  questions=(MOVED, BEFORE), act=_move),
        Operation(name="DEFAULT", purpose="Set the defaults.", questions=DEFAULTS,
                  act=_set_defaults),
        HAT.print_operation(),
        HAT.import_operation(),
        HAT.export_operation(),
        HAT.clear_operation(hat_edit.clear_entries, when=has_entries),
    ),
)  # fmt: skip
