"""What a catalog says about declarations that cannot work, and questions made from settings."""

from collections.abc import Sequence
from typing import Any

import pytest

from mailwarden.control.dialogue.declaration import Catalog, Command, Menu, Operation
from mailwarden.control.dialogue.question import UNSET, Place, Question
from mailwarden.control.dialogue.questions import (
    Choice,
    Confirm,
    Number,
    Option,
    Quantity,
    Text,
    YesNo,
)
from mailwarden.control.dialogue.setting_questions import ask_setting
from mailwarden.core.policy.destinations import DestinationRow
from mailwarden.core.setting import Unit
from mailwarden.mailflow.delivery.settings import DeliverySettings
from mailwarden.mailflow.listener.settings import InboundSettings, Listener, MailFlowPolicy
from tests.unit.control.dialogue.office import TreeDraft


def text(key: str, place: Place = Place.KEY, **more: Any) -> Question[str]:
    return Text(key=key, prompt=f"{key}?", of=str, place=place, **more)


def command(*questions: Question[Any], name: str = "x", **more: Any) -> Command[TreeDraft]:
    return Command(name=name, purpose="", permission="", questions=questions, **more)


def menu(*operations: tuple[str, Sequence[Question[Any]]]) -> Menu[TreeDraft]:
    return Menu(
        operations=tuple(
            Operation(name=name, purpose="", questions=tuple(asked)) for name, asked in operations
        )
    )


WRONG = [
    ([command(), command()], "two commands are called x"),
    ([command(name="y", aliases=("X",)), command()], "two commands are called x"),
    ([command(text("a"), text("a"))], "`a` is asked twice"),
    ([command(text("a", is_asked=False))], "`a` is not asked and has no default"),
    ([command(text("a"), text("b", Place.WORD))], "words come before keys"),
    ([command(text("a", Place.REST), text("b", Place.REST))], "words come before keys"),
    ([command(text("a", Place.REST), text("b"))], "no key can follow"),
    ([command(text("a"), menu=menu())], "in front of a menu there are only words"),
    ([command(confirm=Confirm(key="c", prompt=""), menu=menu())], "in front of a menu there are"),
    ([command(text("a", Place.WORD, default=""), menu=menu())], "no word may be missing"),
    ([command(menu=menu(("A", ()), ("A", ())))], "the operation A is there twice"),
    ([command(menu=menu(("a", ())))], "the operation a is there twice or not in capitals"),
    ([command(text("a", Place.WORD), menu=menu(("A", [text("a")])))], "A: `a` is asked twice"),
]


@pytest.mark.parametrize(("commands", "message"), WRONG)
def test_declarations_that_cannot_work(commands: list[Command[TreeDraft]], message: str) -> None:
    with pytest.raises(ValueError) as caught:
        Catalog(tuple(commands))
    assert message in str(caught.value)


def ask(section: type, name: str, held: dict[str, Any] | None = None) -> Question[Any]:
    return ask_setting(section, name, present=lambda _: held)


def test_questions_have_the_kind_of_their_setting() -> None:
    assert isinstance(ask(DestinationRow, "bounce_validation"), YesNo)
    assert isinstance(ask(DestinationRow, "max_host_concurrency"), Number)
    assert isinstance(ask(DestinationRow, "tls"), Choice)
    assert isinstance(ask(DestinationRow, "bounce_profile"), Text)
    assert isinstance(ask(Listener, "reverse_dns"), YesNo)


def test_answers_are_what_a_tree_holds() -> None:
    assert ask(DestinationRow, "tls").read("Required", None) == "required"
    assert ask(DestinationRow, "max_host_concurrency").read("none", None) is None
    assert ask(MailFlowPolicy, "max_message_size").read("25M", None) == 25 * 1024**2
    assert ask(Listener, "accepted_domains").read("B.example, .c.example", None) == [
        "b.example", ".c.example",
    ]  # fmt: skip
    assert ask(Listener, "accepted_domains").read("", None) == []


def test_the_default_is_what_the_tree_has_or_the_class_says() -> None:
    assert ask(DestinationRow, "tls").default_in(None) is None
    assert ask(DestinationRow, "tls", {"tls": "required"}).default_in(None) == "required"
    assert ask(MailFlowPolicy, "max_message_size", {"max_message_size": "1M"}).default_in(None) == (
        1024**2
    )
    assert ask(Listener, "name").default_in(None) is UNSET
    assert ask(Listener, "type").default_in(None) is UNSET


def test_bounds_and_checks_are_those_of_the_setting() -> None:
    with pytest.raises(ValueError, match="from 1 to 1000000"):
        ask(DestinationRow, "max_host_concurrency").read("0", None)
    with pytest.raises(ValueError, match="is not in the list"):
        ask(DestinationRow, "tls").read("some", None)


def test_settings_that_need_a_menu() -> None:
    for section, name in ((Listener, "policy"), (InboundSettings, "aliases")):
        with pytest.raises(TypeError):
            ask(section, name)


def test_every_plain_setting_can_be_asked() -> None:
    asked = [ask(DeliverySettings, name) for name in ("send_tls_alert", "certificate")]
    assert [question.describe() for question in asked] == ["yes or no", "text"]


def test_a_default_that_is_not_in_the_list_is_none() -> None:
    choice = ask(DestinationRow, "tls", {"tls": "required"})
    assert choice.default_in(None) == "required"
    listed = Choice[str](
        key="x", prompt="", default="gone", options_from=lambda _: [Option("here", "here")]
    )
    assert listed.default_in(None) is UNSET
    assert listed.at(None).read("here", None) == "here"


@pytest.mark.parametrize(("answer", "value"), [("0.5", 0.5), ("2", 2.0), ("1.5m", 90.0)])
def test_quantities(answer: str, value: float) -> None:
    unit = Unit.SECONDS
    question = Quantity(key="wait", prompt="Wait?", minimum=0.5, maximum=90, unit=unit)
    assert question.read(answer, None) == value
    assert question.describe() == "a time such as 30s, 5m or 3d from 0.5 to 90"
    assert question.show(60.0) == "1m"
