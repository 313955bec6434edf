"""`mailwarden reputation`: what is known of a host or of an envelope sender.

The gateway answers with a dict:

- `address`; `resets_at` (seconds since the epoch): when all counts begin at zero;
- `counts`: a list of `of` (the address, or a network that it is counted with), `recipients`,
  `invalid`;
- of hosts alone `score` and `providers`, each with `value`, `provider`, `why` and `logged` (what
  stands behind SBRS in the log); `seen` and, of its `network`, `network_seen`: a dict of
  `messages`, `recipients`, `bad_recipients`, `spam`, `clean`.

Whatever is missing is left out.
"""

import json
from argparse import Namespace
from collections.abc import Mapping, Sequence
from typing import Any, Final

from mailwarden.control.answers.table import human_time, render_table
from mailwarden.control.cli.failure import ExitCode
from mailwarden.system.log.escape import escape

Answer = Mapping[str, Any]
_SEEN: Final = (
    ("messages", "Messages"),
    ("recipients", "Recipients"),
    ("bad_recipients", "Invalid"),
    ("spam", "Spam"),
    ("clean", "Clean"),
)


def show_reputation(arguments: Namespace, answer: Answer, now: float) -> int:
    """Show the answer; `now` is in seconds since the epoch."""
    if arguments.json:
        print(json.dumps(answer, indent=2))
        return ExitCode.DONE
    if arguments.reset:
        print("its counts of this hour begin at zero")
    if arguments.forget:
        print("what was seen of it is forgotten")
    print("\n".join(_lines(answer, now)))
    return ExitCode.DONE


def _lines(answer: Answer, now: float) -> list[str]:
    lines = _score(answer)
    lines += _counts(answer.get("counts") or ())
    if "resets_at" in answer:
        lines.append(f"All counts begin at zero in {human_time(answer['resets_at'] - now)}.")
    if "seen" in answer:
        lines += ["", *_seen(answer)]
    return lines


def _score(answer: Answer) -> list[str]:
    """Return the score, and what each provider says, the first that has one first of all."""
    score = answer.get("score")
    if not score:
        return []
    logged = score.get("logged")
    shown = score.get("value")
    word = _signed(shown) if shown is not None else str(logged or "none")
    lines = [f"{escape(str(answer.get('address', '')))}: score {escape(word)}"]
    for each in answer.get("providers") or ():
        value = each.get("value")
        said = "none" if value is None else _signed(value)
        lines.append(
            f"  {escape(str(each.get('provider', '')))}: {said}: {escape(str(each.get('why', '')))}"
        )
    return [*lines, ""]


def _counts(rows: Sequence[Answer]) -> list[str]:
    table = [[row.get("of"), row.get("recipients", 0), row.get("invalid", 0)] for row in rows]
    return render_table(["This hour", "Recipients", "Invalid"], table) if table else []


def _seen(answer: Answer) -> list[str]:
    """Return the table of what the history has: rounded, as all of it fades."""
    rows = [
        [name, *(round(float(seen.get(key) or 0)) for key, _ in _SEEN)]
        for name, seen in (
            (answer.get("address"), answer["seen"]),
            (answer.get("network"), answer.get("network_seen") or {}),
        )
    ]
    return render_table(["Seen, fading", *(head for _, head in _SEEN)], rows)


def _signed(value: float) -> str:
    return f"{value:+.1f}"
