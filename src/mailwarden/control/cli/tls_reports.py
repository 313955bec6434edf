"""`mailwarden tls-reports`: what is counted for the TLS reports of other domains (RFC 8460).

A row has `day` (UTC), `domain` (of the policy), `policy` (tlsa, sts, no-policy-found), `successes`,
`failures` (sessions), `state` (counting: the day is not over; waiting: for its time; sending),
`error` (why the report has not gone).
"""

import json
from argparse import Namespace
from collections.abc import Iterable, Mapping
from typing import Any

from mailwarden.control.answers.table import render_table
from mailwarden.control.cli.failure import ExitCode

Row = dict[str, Any]
Pages = Iterable[Mapping[str, Any]]


def show_reports(arguments: Namespace, pages: Pages) -> int:
    """Show what is counted and not reported, by day and domain."""
    rows = merge_reports(pages)
    if arguments.json:
        for row in rows:
            print(json.dumps(row))
        return ExitCode.DONE
    if not rows:
        print("nothing is counted that was not reported")
        return ExitCode.DONE
    heads = ["Day", "Domain", "Policy", "Good", "Failed", "State", "Not sent because"]
    names = ["day", "domain", "policy", "successes", "failures", "state", "error"]
    table = [[row.get(name) or (0 if name in _SUMS else None) for name in names] for row in rows]
    if not any(row[-1] for row in table):
        heads, table = heads[:-1], [row[:-1] for row in table]
    print("\n".join(render_table(heads, table)))
    return ExitCode.DONE


_SUMS = ("successes", "failures")


def merge_reports(pages: Pages) -> list[Row]:
    """Return one row for each day, domain, policy and state, with what all workers counted."""
    merged: dict[tuple[str, ...], Row] = {}
    for page in pages:
        for row in page.get("reports") or ():
            key = tuple(str(row.get(name)) for name in ("day", "domain", "policy", "state"))
            known = merged.get(key)
            if known is None:
                merged[key] = dict(row)
                continue
            for name in _SUMS:
                known[name] = known.get(name, 0) + row.get(name, 0)
            known["error"] = known.get("error") or row.get("error")
    return [merged[key] for key in sorted(merged)]
