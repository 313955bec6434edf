"""What a listener lets its clients do, as the SMTP core needs it: one value for all sessions."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from mailwarden.core.mail.address import AddressRules
from mailwarden.core.smtp.content import BareCrLf, ContentLimits
from mailwarden.core.smtp.limits import LIMITS_VALUE_MAX
from mailwarden.core.smtp.reply import Reply, goodbye, greeting, hello


@dataclass(frozen=True, slots=True, kw_only=True)
class ConversationRules:
    """Limits and offers of a conversation; names as in the listener's settings."""

    hostname: str
    banner: Reply | None = None  # None is `220 <hostname> ESMTP`
    max_message_size: int = 20 * 1024 * 1024
    max_rcpts_per_msg: int = 50
    max_msgs_per_session: int = 0  # only told to the client (RFC 9422); 0 is not told
    max_header_size: int = 10 * 1024 * 1024
    max_header_lines: int = 1000  # 0 is no limit
    max_bad_commands: int = 10
    bare_cr_lf: BareCrLf = BareCrLf.CLEAN
    address_rules: AddressRules = field(default_factory=AddressRules)
    default_domain: str = ""
    completes_senders: bool = True  # whether senders get `default_domain`, too
    offers_starttls: bool = False
    requires_tls: bool = False
    offers_auth: bool = False
    requires_auth: bool = False
    requires_tls_for_auth: bool = True
    enhanced_status_codes: bool = False
    offers_xclient: bool = False  # the peer is trusted to name the real client

    content_limits: ContentLimits = field(init=False, compare=False, repr=False)
    greeting: Reply = field(init=False, compare=False, repr=False)
    sender_domain: str = field(init=False, compare=False, repr=False)  # that senders get
    goodbye: Reply = field(init=False, compare=False, repr=False)
    helo: Reply = field(init=False, compare=False, repr=False)
    ehlo: Reply = field(init=False, compare=False, repr=False)  # while not encrypted
    ehlo_encrypted: Reply = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        """Make once what every session needs."""
        limits = ContentLimits(
            self.max_message_size, self.max_header_size, self.max_header_lines, self.bare_cr_lf
        )
        made = {
            "content_limits": limits,
            "greeting": self.banner or greeting(self.hostname),
            "sender_domain": self.default_domain if self.completes_senders else "",
            "goodbye": goodbye(self.hostname),
            "helo": hello(self.hostname),
            "ehlo": hello(self.hostname, *self._offers(is_encrypted=False)),
            "ehlo_encrypted": hello(self.hostname, *self._offers(is_encrypted=True)),
        }
        for name, value in made.items():
            object.__setattr__(self, name, value)

    def allows_auth(self, *, is_encrypted: bool) -> bool:
        """Return whether AUTH is offered now."""
        return self.offers_auth and (is_encrypted or not self.requires_tls_for_auth)

    def _offers(self, *, is_encrypted: bool) -> Iterator[str]:
        yield "8BITMIME"  # RFC 6152
        yield f"SIZE {self.max_message_size}"  # RFC 1870
        yield "PIPELINING"  # RFC 2920
        yield "CHUNKING"  # RFC 3030
        yield "SMTPUTF8"  # RFC 6531
        yield "DSN"  # RFC 3461
        if self.enhanced_status_codes:
            yield "ENHANCEDSTATUSCODES"  # RFC 2034
        if is_encrypted:
            yield "REQUIRETLS"  # RFC 8689, section 2: only inside TLS
        yield self._limits()
        if self.offers_xclient:
            yield "XCLIENT NAME ADDR PORT PROTO HELO LOGIN DESTADDR DESTPORT"
        if self.allows_auth(is_encrypted=is_encrypted):
            yield "AUTH PLAIN LOGIN"  # RFC 4954
            yield "AUTH=PLAIN LOGIN"  # for clients older than RFC 2554
        if self.offers_starttls and not is_encrypted:
            yield "STARTTLS"  # RFC 3207

    def _limits(self) -> str:
        """Return the offer of RFC 9422, section 3; its numbers have six digits at most."""
        mails = min(self.max_msgs_per_session, LIMITS_VALUE_MAX)
        recipients = min(self.max_rcpts_per_msg, LIMITS_VALUE_MAX)
        return f"LIMITS{f' MAILMAX={mails}' if mails else ''} RCPTMAX={recipients}"
