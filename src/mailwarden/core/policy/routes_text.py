"""The SMTP routes as a text file: `corp.example  mail1.int.example/pri=0, dr.int.example/pri=10`.

An entry is a line (mailflow 7.1). What stands behind the first blank is the route as a whole.
"""

from collections.abc import Mapping
from typing import Final

from mailwarden.core.policy.imported import Imported
from mailwarden.core.policy.table_lines import LineNotes, numbered_lines
from mailwarden.core.routes import ROUTES_MAX, check_route, parse_route_key

_COLUMNS: Final = 27  # of domains, so that most routes stand in line


def parse_routes(text: str, entries_max: int = ROUTES_MAX) -> Imported[dict[str, str]]:
    """Return the routes in `text` by their keys, in order."""
    notes = LineNotes()
    routes: dict[str, str] = {}
    lines: dict[str, int] = {}
    for number, line in numbered_lines(text, notes):
        try:
            key, route = _parse_line(line)
        except ValueError as error:
            notes.problem(number, str(error))
            continue
        if key in routes:
            notes.problem(number, f"{key} has a route already, in line {lines[key]}")
        elif len(routes) == entries_max:
            notes.problem(number, f"there are more than {entries_max} routes")
            break
        else:
            routes[key] = route
            lines[key] = number
    return notes.imported(routes)


def build_routes(routes: Mapping[str, str]) -> str:
    """Return text that `parse_routes` reads back as the same routes."""
    return "".join(f"{key:<{_COLUMNS}} {route}\n" for key, route in routes.items())


def _parse_line(line: str) -> tuple[str, str]:
    words = line.split(None, 1)
    if len(words) < 2:
        raise ValueError("needs the form `dom.example host1/pri=0, host2/pri=10`")
    return parse_route_key(words[0]), check_route(words[1])
