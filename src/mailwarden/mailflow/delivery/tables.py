"""The tables of delivery, as settings: how the text of each is read, and what is asked of it."""

from typing import Final

from mailwarden.core.policy.text_table import TableForm
from mailwarden.core.policy.unsubscribe import UnsubscribeIndex, parse_unsubscribe

UNSUBSCRIBE: Final = TableForm("global unsubscribe list", parse_unsubscribe, UnsubscribeIndex)
