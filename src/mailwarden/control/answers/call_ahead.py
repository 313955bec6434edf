"""What came of asking a server about a recipient, in lines for people.

An answer has `address`, `finding` (accepted, temporary failure, permanent failure, failure),
`server`, `detail` (what it said, or why it was not asked), and `action` (what listeners do).
"""

from collections.abc import Mapping
from typing import Any

from mailwarden.system.log.escape import escape


def found_lines(answer: Mapping[str, Any]) -> list[str]:
    """Return what a server said of a recipient, and what that comes to."""
    detail = escape(str(answer.get("detail", "")))
    server = escape(str(answer.get("server") or ""))
    said = f"{server} said {detail}" if server else detail
    return [
        f"{escape(str(answer.get('address')))}: {escape(str(answer.get('finding')))}: {said}",
        f"a listener with this profile answers: {escape(str(answer.get('action')))}",
    ]
