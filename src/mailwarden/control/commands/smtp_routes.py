"""`smtproutes`: where mail for a domain goes instead of to its MX hosts (mailflow 7.1)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from mailwarden.control.answers.table import count_of, render_table
from mailwarden.control.commands.draft import Settings, SettingsDraft
from mailwarden.control.commands.entry_name import EntryName
from mailwarden.control.commands.exchanged_text import (
    EXPORTED,
    FILES,
    IMPORTED,
    check_import,
    export_text,
    imported_text,
)
from mailwarden.control.dialogue.declaration import Command, Commit, Menu, Operation, Shown
from mailwarden.control.dialogue.question import Place
from mailwarden.control.dialogue.questions import Confirm, Text
from mailwarden.core.policy.routes_text import build_routes, parse_routes
from mailwarden.core.routes import RouteKind, check_route, parse_route, parse_route_key

ROUTES: Final = "smtp_routes"
_MAILDIR: Final = "maildir:"  # takes a path, which may have blanks


@dataclass(frozen=True, kw_only=True, eq=False)
class Hosts(Text[str]):
    """The value of a route; in a batch line, blanks between hosts stand for commas."""

    def parse_word(self, text: str) -> str:
        if "," not in text and not text.lstrip().lower().startswith(_MAILDIR):
            text = ", ".join(text.split())
        return self.parse(text)


def routes(scope: Settings) -> Mapping[str, str]:
    """Return the routes as they are in the draft."""
    return scope.draft.section(ROUTES)


def _is_new(scope: Settings, key: str) -> None:
    if key in routes(scope):
        raise ValueError(f"There is a route for {key} already; EDIT changes it.")


NEW_DOMAIN: Final = Text(
    key="domain", of=parse_route_key, check=_is_new, place=Place.WORD,
    prompt="Enter the domain for which you want to set up a permanent route.\n"
    'Partial host names such as ".example.com" are allowed.\n'
    'Use "ALL" for the default route.',
    form="a domain, `.domain` for all below it, an IP address or ALL",
)  # fmt: skip
DOMAIN: Final = EntryName(
    key="domain", prompt="Enter the domain of the route.", place=Place.WORD, of=parse_route_key,
    names_from=lambda scope: list(routes(scope)), form="a domain of the table",
)  # fmt: skip
HOSTS: Final = Hosts(
    key="hosts", of=check_route, place=Place.REST,
    prompt="Enter the destination hosts, with commas between them, such as "
    "mail1.example.com/pri=0, mail2.example.com:2525/pri=10.\n"
    "Enter USEDNS by itself to use DNS as without a route, or /dev/null to discard the mail.\n"
    "Square brackets around a host keep its MX records from being looked up.",
    form="hosts, USEDNS or /dev/null",
    default_from=lambda scope: routes(scope).get(scope[DOMAIN]) or NO_HOSTS,
)  # fmt: skip
NEW_HOSTS: Final = Hosts(
    key="hosts", of=check_route, place=Place.REST, prompt=HOSTS.prompt, form=HOSTS.form
)  # fmt: skip
NO_HOSTS: Final = ""


def _set(scope: Settings) -> str:
    hosts = scope[HOSTS]
    scope.draft.put(ROUTES, scope[DOMAIN], value=hosts)
    return f"Mail for {scope[DOMAIN]} goes to {hosts}."


def _delete(scope: Settings) -> str:
    scope.draft.remove(ROUTES, scope[DOMAIN])
    return f"The route for {scope[DOMAIN]} is removed."


def _print(scope: Settings) -> Shown:
    rows = [[key, route] for key, route in routes(scope).items()]
    text = "\n".join(render_table(("Domain", "Goes to"), rows)) if rows else "There are no routes."
    return Shown(text, {"routes": [_described(*row) for row in rows]})


def _described(key: str, value: str) -> dict[str, object]:
    route = parse_route(value)
    described: dict[str, object] = {"domain": key, "route": value, "kind": route.kind.value}
    if route.kind is RouteKind.HOSTS:
        described["hosts"] = [
            {"host": each.host, "port": each.port, "priority": each.priority}
            for each in route.hosts
        ]
    return described


def _import(scope: Settings) -> str:
    read = parse_routes(imported_text(scope))
    check_import(read.problems)
    scope.draft.put(ROUTES, value=read.table)
    return f"{count_of(len(read.table), 'route')} imported; they are all that there are."


def _export(scope: Settings) -> Shown:
    return export_text(scope, "table of SMTP routes", build_routes(routes(scope)))


def _clear(scope: Settings) -> str:
    scope.draft.put(ROUTES, value={})
    return "All routes are removed."


def _has_routes(scope: Settings) -> bool:
    return bool(routes(scope))


def _summary(scope: Settings) -> str:
    return f"SMTP routes: {count_of(len(routes(scope)), 'route')}."


SMTPROUTES: Final[Command[SettingsDraft]] = Command(
    name="smtproutes", purpose="Set up permanent domain redirections", commit=Commit.NEEDED,
    menu=Menu(summary=_summary, operations=(
        Operation(name="NEW", purpose="Create a new route.",
                  questions=(NEW_DOMAIN, NEW_HOSTS), act=_set),
        Operation(name="EDIT", purpose="Edit the destinations of a route.", when=_has_routes,
                  questions=(DOMAIN, HOSTS), act=_set),
        Operation(name="DELETE", purpose="Remove a route.", when=_has_routes,
                  questions=(DOMAIN,), act=_delete),
        Operation(name="PRINT", purpose="Display all routes.", when=_has_routes, act=_print),
        Operation(name="IMPORT", purpose="Import routes from a file.", permission=FILES,
                  questions=(IMPORTED,), act=_import),
        Operation(name="EXPORT", purpose="Export all routes to a file.", permission=FILES,
                  when=_has_routes, questions=(EXPORTED,), act=_export),
        Operation(name="CLEAR", purpose="Remove all routes.", when=_has_routes, act=_clear,
                  confirm=Confirm(key="sure",
                                  prompt="Are you sure you want to remove all routes?")),
    )),
)  # fmt: skip

COMMANDS: Final = (SMTPROUTES,)
