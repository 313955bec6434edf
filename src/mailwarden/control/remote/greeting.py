"""What is said after the login (admin CLI-07)."""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime

from mailwarden.control.remote.session_host import Product
from mailwarden.control.remote.sessions import OthersChanges
from mailwarden.control.xml.origin import write_time
from mailwarden.services.accounts.answers import Admitted


def greeting(
    admitted: Admitted, product: Product, changes: Iterable[OthersChanges]
) -> Iterator[str]:
    """Yield the lines; `changes` are those that wait in other sessions."""
    if admitted.last_at > 0:
        origin = f" from {admitted.last_from}" if admitted.last_from else ""
        yield f"Last login: {_time(admitted.last_at)}{origin}"
    yield product.name
    yield f"Version: {product.version}"
    yield f"Serial number: {product.serial}"
    if admitted.days_left is not None:
        yield f"Your password expires {_in_days(admitted.days_left)}. Change it with `passwd`."
    for other in changes:
        what = "change exists" if other.changes == 1 else "changes exist"
        yield (
            f"{other.changes} uncommitted configuration {what} in another session by {other.user}"
        )


def _time(at: float) -> str:
    return write_time(datetime.fromtimestamp(at, UTC))


def _in_days(days: int) -> str:
    match days:
        case 0:
            return "today"
        case 1:
            return "tomorrow"
        case _:
            return f"in {days} days"
