"""Alerts as mail (RFC 5322): all of it from us, whatever the alert says."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from mailwarden import __version__
from mailwarden.core.mail.date import build_date
from mailwarden.core.mail.dsn_copy import encode_quoted_printable
from mailwarden.core.mail.dsn_field import address_in_header, encode_subject, hostname_text
from mailwarden.core.mail.from_field import build_from
from mailwarden.services.alerts.alert import Severity
from mailwarden.services.alerts.repeats import Notice

ALERT_USER: Final = "alert"  # at the host name, where no From is set (SYS-31)
LINE_BYTES_MAX: Final = 900  # else the text is encoded (RFC 5322, 2.1.1: 998)


@dataclass(frozen=True, slots=True)
class Mail:
    """A mail that waits for some of its recipients. Lines of `text` end with LF."""

    message_id: str  # with angle brackets
    severity: Severity
    subject: str
    text: str
    to: tuple[str, ...]
    written_at: float  # epoch seconds


def write_notice(notice: Notice, hostname: str, to: Sequence[str], token: str, now: float) -> Mail:
    """Return the mail that tells of `notice`; `now` in epoch seconds."""
    alert = notice.alert
    paragraphs = [f"The {alert.severity.value} message is:", alert.text]
    if notice.repeats:
        paragraphs.append(_repeats(notice))
    paragraphs.append(
        f"Class: {alert.about.value}\n"
        f"Host: {hostname_text(hostname)}\n"
        f"Version: {__version__}\n"
        f"Time: {build_date(now)}"
    )
    return Mail(
        build_alert_id(hostname, token, now),
        alert.severity,
        build_subject(alert.severity, hostname, alert.about.value, alert.short_text),
        "\n\n".join(paragraphs),
        tuple(to),
        now,
    )


def build_alert_id(hostname: str, token: str, now: float) -> str:
    """Return a Message-ID that no other mail has; `token` is random letters and digits."""
    return f"<{int(now):x}.{token}.alert@{hostname_text(hostname)}>"


def build_subject(severity: Severity, hostname: str, about: str, words: str) -> str:
    """Return a subject, not encoded: `Critical-gw1.corp.example: (System) Words` (SYS-31)."""
    return f"{severity.value}-{hostname_text(hostname)}: ({about}) {words}"


def build_mail(mail: Mail, sender: str, hostname: str) -> bytes:
    """Return header and body with CRLF, in ASCII unless a recipient's address is not.

    `sender` is the From, as `parse_from` returns it.
    """
    body = mail.text.replace("\n", "\r\n").encode("utf-8", "replace") + b"\r\n"
    is_plain = body.isascii() and all(len(line) <= LINE_BYTES_MAX for line in body.split(b"\r\n"))
    to = ",\r\n ".join(f"<{address_in_header(a, plain=False)}>" for a in mail.to)
    # Somebody's `=?utf-8?...?=` is to be read as it is, not as what it encodes (RFC 2047).
    subject = encode_subject(mail.subject.replace("=?", "= ?"))
    lines = (
        f"Date: {build_date(mail.written_at)}",
        f"From: {build_from(sender, hostname, user=ALERT_USER, name='')}",
        f"To: {to}",
        f"Subject: {subject}",
        f"Message-ID: {mail.message_id}",
        "Auto-Submitted: auto-generated",  # RFC 3834, 5
        "MIME-Version: 1.0",
        f"Content-Type: text/plain; charset={'us-ascii' if is_plain else 'utf-8'}",
        f"Content-Transfer-Encoding: {'7bit' if is_plain else 'quoted-printable'}",
        "",
    )
    header = "".join(f"{line}\r\n" for line in lines).encode("utf-8")
    return header + (body if is_plain else encode_quoted_printable(body))


def _repeats(notice: Notice) -> str:
    times = "once" if notice.repeats == 1 else f"{notice.repeats} times"
    since = f"between {build_date(notice.first_at)} and {build_date(notice.last_at)}"
    if notice.is_mixed:
        return (
            f"This is the last of {notice.repeats} different alerts of this class and severity "
            f"that came {since}. displayalerts has more of them."
        )
    return f"The same was raised {times} since the last mail about it, {since}."
