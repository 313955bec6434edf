"""`mailwarden queue hosts`: the destinations of mail, and what became of it."""

import json
from argparse import Namespace
from typing import Final

from mailwarden.control.answers.hosts import Pages, ago, held_back, merge_hosts, render_host
from mailwarden.control.answers.table import count_of, render_table
from mailwarden.control.cli.failure import ExitCode
from mailwarden.system.log.escape import escape

SORTED_BY: Final = {
    "waiting": "waiting",
    "connections": "connections",
    "delivered": "delivered",
    "hard-bounced": "hard_bounced",
    "soft-bounced": "soft_bounced",
}


def show_hosts(arguments: Namespace, pages: Pages, now: float) -> int:
    """Show the destinations with the most of what the list is sorted by."""
    merged = merge_hosts(pages)
    key = SORTED_BY[arguments.sort]
    rows = sorted(merged, key=lambda row: (-row.get(key, 0), str(row.get("name"))))
    shown = rows[: arguments.top] if arguments.top else rows
    if arguments.json:
        for row in shown:
            print(json.dumps(row))
        return ExitCode.DONE
    if not shown:
        print("no destination is known")
        return ExitCode.DONE
    heads = ["Host", "State", "Waiting", "Connections", "Delivered", "Hard bounced",
             "Soft bounced", "Last activity"]  # fmt: skip
    table = [
        [
            row.get("name"),
            row.get("state"),
            *(row.get(name, 0) for name in SORTED_BY.values()),
            ago(row.get("last_activity"), now),
        ]
        for row in shown
    ]
    print("\n".join(render_table(heads, table)))
    for row in shown:
        for text in held_back(row, now):
            print(f"{escape(str(row.get('name')))} is held back: {text}")
    if len(rows) > len(shown):
        print(f"{count_of(len(shown), 'host')} of {len(rows)}; --top 0 shows all")
    return ExitCode.DONE


def show_host(arguments: Namespace, pages: Pages, now: float) -> int:
    """Show all that is known of where mail for `arguments.domain` goes."""
    rows = merge_hosts(pages)
    if arguments.json:
        print(json.dumps(rows, indent=2))
    elif rows:
        print("\n\n".join("\n".join(render_host(row, now)) for row in rows))
    else:
        print(f"{escape(arguments.domain)}: unknown, no mail has gone there since the start")
    return ExitCode.DONE
