"""`smtproutes`: where mail for a domain goes, as a command of the prompt."""

from collections.abc import Mapping
from typing import Any

from mailwarden.control.dialogue.declaration import (
    Command,
    Commit,
    Menu,
    Operation,
    RefusedError,
    Shown,
)
from mailwarden.control.dialogue.question import Place
from mailwarden.control.dialogue.questions import Choice, Confirm, Option, Text
from mailwarden.control.dialogue.scope import Scope
from mailwarden.core.routes import check_route, parse_route_key
from tests.unit.control.dialogue.office import FILE, TreeDraft

ROUTES = "smtp_routes"
Desk = Scope[TreeDraft]


def routes(desk: Desk) -> Mapping[str, Any]:
    return desk.draft.section(ROUTES)


def is_new(desk: Desk, name: str) -> None:
    if name in routes(desk):
        raise ValueError(f"there is a route for {name} already; EDIT changes it")


NEW_DOMAIN = Text(
    key="domain", prompt="Enter the domain for which you want to set up a permanent route.",
    of=parse_route_key, check=is_new, place=Place.WORD, form="a domain, .domain, address or ALL",
)  # fmt: skip
DOMAIN = Choice[str](
    key="domain", prompt="Enter the number of the route.", place=Place.WORD,
    options_from=lambda desk: [Option(name, name) for name in routes(desk)],
    form="a domain of the table",
)  # fmt: skip
HOSTS = Text(
    key="hosts", of=check_route, place=Place.WORD, form="hosts with commas, /dev/null or USEDNS",
    prompt=lambda desk: f"Enter the destination hosts for {desk[DOMAIN]}, with commas.",
    default_from=lambda desk: routes(desk).get(desk[DOMAIN], NO_ROUTE),
)  # fmt: skip
NEW_HOSTS = Text(
    key="hosts", of=check_route, place=Place.WORD, form="hosts with commas, /dev/null or USEDNS",
    prompt="Enter the destination hosts, with commas.",
)  # fmt: skip
NO_ROUTE = ""


def show(desk: Desk) -> Shown:
    lines = [f"{name.ljust(30)}{hosts}" for name, hosts in routes(desk).items()]
    return Shown("\n".join(lines), dict(routes(desk)))


def import_routes(desk: Desk) -> str:
    found: dict[str, str] = {}
    for number, line in enumerate(desk.draft.read_file(desk[FILE]).splitlines(), start=1):
        name, _, hosts = line.partition(" ")
        try:
            found[parse_route_key(name)] = check_route(hosts)
        except ValueError as error:
            raise RefusedError(f"line {number}: {error}", FILE) from error
    desk.draft.replace(ROUTES, found)
    return f"{len(found)} routes imported."


def export_routes(desk: Desk) -> str:
    lines = [f"{name} {hosts}\n" for name, hosts in routes(desk).items()]
    desk.draft.files[desk[FILE]] = "".join(lines)
    return f"{len(lines)} routes exported."


def has_routes(desk: Desk) -> bool:
    return bool(routes(desk))


def put_route(desk: Desk) -> None:
    desk.draft.put(ROUTES, desk[DOMAIN], desk[HOSTS])


SMTPROUTES: Command[TreeDraft] = Command(
    name="smtproutes", purpose="Set up permanent domain redirections", permission="configure",
    commit=Commit.NEEDED,
    menu=Menu(operations=(
        Operation(name="NEW", purpose="Create a new route.",
                  questions=(NEW_DOMAIN, NEW_HOSTS), act=put_route),
        Operation(name="EDIT", purpose="Edit a route.", when=has_routes,
                  questions=(DOMAIN, HOSTS), act=put_route),
        Operation(name="DELETE", purpose="Remove a route.", when=has_routes,
                  questions=(DOMAIN,), act=lambda desk: desk.draft.remove(ROUTES, desk[DOMAIN])),
        Operation(name="PRINT", purpose="Display all routes.", when=has_routes, act=show),
        Operation(name="IMPORT", purpose="Import routes from a file.",
                  questions=(FILE,), act=import_routes),
        Operation(name="EXPORT", purpose="Export all routes to a file.", when=has_routes,
                  questions=(FILE,), act=export_routes),
        Operation(name="CLEAR", purpose="Remove all routes.", when=has_routes,
                  confirm=Confirm(key="sure", prompt="Are you sure you want to remove all routes?"),
                  act=lambda desk: desk.draft.replace(ROUTES, {})),
    )),
)  # fmt: skip
