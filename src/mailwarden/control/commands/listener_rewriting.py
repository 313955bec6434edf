"""`listenerconfig edit ... masquerade` and `domainmap`: how a listener rewrites addresses."""

from typing import Any, Final

from mailwarden.control.commands.draft import Settings
from mailwarden.control.commands.listener_words import path_of, section
from mailwarden.control.commands.settings_form import store_answers
from mailwarden.control.commands.table_place import TablePlace
from mailwarden.control.commands.two_column_table import TwoColumns, rows
from mailwarden.control.dialogue.declaration import Operation
from mailwarden.control.dialogue.setting_questions import ask_settings
from mailwarden.core.policy.address_forms import NOWHERE
from mailwarden.core.policy.masquerade import MasqueradeIndex
from mailwarden.mailflow.listener.settings import Listener
from mailwarden.mailflow.listener.tables import DOMAIN_MAP, MASQUERADE

MASQUERADING: Final = TablePlace(
    form=MASQUERADE, path=lambda scope: path_of(scope, "masquerade"), row=rows
)
MAPPING: Final = TablePlace(
    form=DOMAIN_MAP, path=lambda scope: path_of(scope, "domain_map"), row=rows
)
CONFIG: Final = ask_settings(
    Listener, ("masquerade_headers", "masquerade_envelope_sender"), present=section
)


def _configure(scope: Settings) -> None:
    store_answers(scope, Listener, CONFIG, *path_of(scope))


MASQUERADE_MENU: Final = TwoColumns(
    MASQUERADING,
    "Enter the source address or domain to masquerade: user@domain, @domain, @.domain, user, or\n"
    "ALL on private listeners.",
    "Enter the masqueraded address, or @domain.",
    lambda read, left: read.indexed(MasqueradeIndex).find_hiding(left),
    more=(
        Operation[Any](
            name="CONFIG", purpose="Configure masqueraded headers.", questions=CONFIG,
            act=_configure,
        ),
    ),
).menu  # fmt: skip
DOMAIN_MAP_MENU: Final = TwoColumns(
    MAPPING,
    "Enter the original domain or address: @domain, @.domain, user@domain.",
    "Enter the new domain or address: @domain, user@domain.",
    lambda *_: NOWHERE,  # the most specific one wins, wherever it stands
).menu
