"""The tables of listeners, as settings: how the text of each is read, and what is asked of it."""

from typing import Final

from mailwarden.core.patterns import parse_network
from mailwarden.core.policy.aliases import AliasIndex
from mailwarden.core.policy.aliases_text import parse_aliases
from mailwarden.core.policy.domain_map import DomainMapIndex, parse_domain_map
from mailwarden.core.policy.exceptions import ExceptionIndex, parse_exceptions
from mailwarden.core.policy.hat_parameters import check_parameter, find_parameter
from mailwarden.core.policy.hat_text import parse_hat
from mailwarden.core.policy.host_forms import parse_host_form
from mailwarden.core.policy.masquerade import MasqueradeIndex, parse_masquerade
from mailwarden.core.policy.rat import RatIndex
from mailwarden.core.policy.rat_reread import reread_rat
from mailwarden.core.policy.rat_text import parse_rat
from mailwarden.core.policy.text_table import TableForm

HOST_ACCESS: Final = TableForm("host access table", parse_hat)
RECIPIENT_ACCESS: Final = TableForm(
    "recipient access table", parse_rat, RatIndex, reread=reread_rat
)
DOMAIN_MAP: Final = TableForm("domain map", parse_domain_map, DomainMapIndex)
ALIASES: Final = TableForm("alias table", parse_aliases, AliasIndex)
MASQUERADE: Final = TableForm("masquerade table", parse_masquerade, MasqueradeIndex)
SENDER_EXCEPTIONS: Final = TableForm("sender exception table", parse_exceptions, ExceptionIndex)


def parse_relay_host(text: str) -> str:
    """Return an address or network as it is kept.

    Raises:
        ValueError: it is neither; the message says what would be right.
    """
    return parse_host_form(parse_network(text)).text


def parse_reply_text(text: str) -> str:
    """Return the text of a reply, which may have lines and variables.

    Raises:
        ValueError: it cannot stand in one; the message says why.
    """
    words = text.strip()
    parameter = find_parameter("smtp_banner_text")
    assert parameter is not None
    check_parameter(parameter, words)
    return words
