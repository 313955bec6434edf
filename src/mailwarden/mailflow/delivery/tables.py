"""The tables of delivery, as settings: how the text of each is read, and what is asked of it."""

from typing import Final

from mailwarden.core.policy.alt_sources import AltSourceIndex, alt_source_names, parse_alt_sources
from mailwarden.core.policy.text_table import TableForm
from mailwarden.core.policy.unsubscribe import UnsubscribeIndex, parse_unsubscribe

ALT_SOURCES: Final = TableForm(
    "table of alternate sources", parse_alt_sources, AltSourceIndex, alt_source_names
)
UNSUBSCRIBE: Final = TableForm("global unsubscribe list", parse_unsubscribe, UnsubscribeIndex)
