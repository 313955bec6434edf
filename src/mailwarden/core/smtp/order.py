"""The order of commands (RFC 5321, 4.1.4): every move of a conversation is in one table."""

from collections.abc import Mapping
from enum import IntEnum
from typing import Final

from mailwarden.core.smtp import reply as replies
from mailwarden.core.smtp.events import CHUNK, CONNECT, END, PROMPT
from mailwarden.core.smtp.reply import Reply


class State(IntEnum):
    """What a conversation waits for."""

    CONNECTED = 0  # our greeting
    REFUSED = 1  # QUIT: the greeting was a refusal
    GREETED = 2  # EHLO or HELO
    READY = 3  # MAIL
    SENDER = 4  # RCPT
    RECIPIENTS = 5  # RCPT, DATA or BDAT
    CHUNKS = 6  # the next BDAT of a message
    AUTH = 7  # a line of a SASL exchange
    DATA = 8  # content up to its final dot
    CHUNK = 9  # content of one BDAT
    TLS = 10  # the end of the handshake
    CLOSED = 11  # nothing more


_HELLO: Final = {"EHLO": State.READY, "HELO": State.READY}
_CLOSE: Final = {"QUIT": State.CLOSED}


def _anywhere(state: State) -> dict[str, State]:
    return {**_CLOSE, **dict.fromkeys(("NOOP", "VRFY", "EXPN", "HELP"), state)}


def _transaction(state: State) -> dict[str, State]:
    return {**_HELLO, **_anywhere(state), "RSET": State.READY}


# From a state, by the verb of an event that went well, to the next state.
MOVES: Final[Mapping[State, Mapping[str, State]]] = {
    State.CONNECTED: {CONNECT: State.GREETED},
    State.REFUSED: _CLOSE,
    State.GREETED: {
        **_HELLO,
        **_anywhere(State.GREETED),
        "RSET": State.GREETED,
        "XCLIENT": State.GREETED,
    },
    State.READY: {
        **_HELLO,
        **_anywhere(State.READY),
        "RSET": State.READY,
        "MAIL": State.SENDER,
        "AUTH": State.READY,
        PROMPT: State.AUTH,
        "STARTTLS": State.TLS,
        "XCLIENT": State.GREETED,
    },
    State.SENDER: {**_transaction(State.SENDER), "RCPT": State.RECIPIENTS},
    State.RECIPIENTS: {
        **_transaction(State.RECIPIENTS),
        "RCPT": State.RECIPIENTS,
        "DATA": State.DATA,
        "BDAT": State.CHUNK,
    },
    State.CHUNKS: {**_transaction(State.CHUNKS), "BDAT": State.CHUNK},
    State.AUTH: {"AUTH": State.READY, PROMPT: State.AUTH},
    State.DATA: {END: State.READY},
    State.CHUNK: {CHUNK: State.CHUNKS, END: State.READY},
    State.TLS: {},
    State.CLOSED: {},
}
# Where an event leads that did not go well; in all other states nothing moves.
FAILURES: Final[Mapping[State, State]] = {
    State.CONNECTED: State.REFUSED,
    State.AUTH: State.READY,
    State.DATA: State.READY,
    State.CHUNK: State.READY,
}
# RFC 3207, section 4: what may be said before a TLS that is required (and RSET, mailflow 2.7).
WITHOUT_TLS: Final = frozenset({"EHLO", "HELO", "NOOP", "RSET", "QUIT", "STARTTLS"})

_TRANSACTION: Final = frozenset({State.SENDER, State.RECIPIENTS, State.CHUNKS})


def out_of_order(state: State, verb: str) -> Reply:
    """Return the answer to a command that `state` has no move for."""
    if state is State.REFUSED:
        return replies.BAD_SEQUENCE  # RFC 5321, 3.1
    if verb in ("DATA", "BDAT", "RCPT") and state is State.CHUNKS:
        return replies.BDAT_STARTED  # RFC 3030, section 2
    if verb in ("DATA", "BDAT"):
        return replies.RCPT_FIRST
    if verb == "RCPT":
        return replies.MAIL_FIRST
    if state is State.GREETED:
        return replies.HELO_FIRST
    if verb == "MAIL":
        return replies.NESTED_MAIL
    if verb == "AUTH" and state in _TRANSACTION:
        return replies.AUTH_IN_TRANSACTION
    return replies.BAD_SEQUENCE
