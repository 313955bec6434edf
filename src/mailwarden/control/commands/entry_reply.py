"""Questions about the reply that an entry of a table gives instead of the usual one."""

from collections.abc import Callable
from typing import Final

from mailwarden.control.commands.draft import Settings
from mailwarden.control.dialogue.questions import Number, Text, YesNo
from mailwarden.core.smtp.reply import Reply

_LINES: Final = "\\n"


class ReplyQuestions:
    """`cust_resp`, `resp_code` and `resp_text`, as batch lines of the product name them.

    `present` is the reply that the entry has, `code` the one to offer otherwise; `when` says
    whether an entry may have one at all.
    """

    def __init__(
        self,
        present: Callable[[Settings], Reply | None],
        code: Callable[[Settings], int],
        when: Callable[[Settings], bool] | None = None,
    ) -> None:
        self.has_own: Final = YesNo(
            key="cust_resp", prompt="Would you like to specify a custom SMTP response?", when=when,
            default_from=lambda scope: present(scope) is not None,
        )  # fmt: skip
        self.code: Final = Number(
            key="resp_code", prompt="Enter the SMTP code to use in the response.",
            when=self._is_own, minimum=200, maximum=599,
            default_from=lambda scope: held.code if (held := present(scope)) else code(scope),
        )  # fmt: skip
        self.text: Final = Text(
            key="resp_text", prompt="Enter your custom SMTP response. \\n begins another line.",
            of=_read_text, as_text=str, when=self._is_own, form="the text of a reply",
            default_from=lambda scope: _LINES.join(held.lines) if (held := present(scope)) else "",
        )  # fmt: skip
        self.questions: Final = (self.has_own, self.code, self.text)

    def reply(self, scope: Settings) -> Reply | None:
        """Return what was answered; None is the usual reply."""
        if not scope.get(self.has_own):
            return None
        return Reply(scope[self.code], *scope[self.text].split(_LINES))

    def _is_own(self, scope: Settings) -> bool:
        return scope.get(self.has_own) is True


def reply_row(reply: Reply | None) -> dict[str, object] | None:
    """Return a reply as data."""
    return None if reply is None else {"code": reply.code, "lines": list(reply.lines)}


def _read_text(text: str) -> str:
    words = text.strip()
    if not words:
        raise ValueError("a response needs a text")
    return words
