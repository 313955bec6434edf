"""Batch lines: what they say, what they refuse, and that a refused one changes nothing."""

import json

import pytest

from mailwarden.control.dialogue.scripted_terminal import Key
from tests.unit.control.dialogue.office import Office
from tests.unit.control.dialogue.samples import run_once, type_in

TREE = {
    "listeners": {"In": {}, "Out": {}},
    "smtp_routes": {"corp.example": "mail.int.example"},
    "destinations": {"a.example": {"tls": "required", "max_host_concurrency": 5}},
}


async def test_cli_31_nested_menus_in_the_order_of_a_visit() -> None:
    office = Office(tree=TREE)
    assert await run_once(office, "LISTENERCONFIG edit In hostaccess print") == (
        0,
        "HAT of In\n",
        "",
    )


@pytest.mark.parametrize(
    "line",
    [
        "destconfig edit a.example tls none max_host_concurrency 20",
        "destconfig EDIT a.example --tls=none --max-host-concurrency=20",
        "destconfig edit 'a.example' MAX_HOST_CONCURRENCY 20 --tls=NONE",
    ],
)
async def test_cli_31_keys_and_values(line: str) -> None:
    office = Office(tree=TREE)
    status, screen, errors = await run_once(office, line)
    assert (status, screen) == (0, errors)
    assert office.tree["destinations"] == {"a.example": {"tls": "none", "max_host_concurrency": 20}}


ERRORS = [
    ("destconfig", "frob", "frob is none of the operations: "),
    ("destconfig", "edit", "domain is missing: a domain of the table"),
    ("destconfig", "edit b.example", "domain: 'b.example' is not in the list."),
    ("destconfig", "edit a.example tls", "tls needs a value: one of none, preferred"),
    ("destconfig", "edit a.example --tls", "--tls needs a value: "),
    ("destconfig", "edit a.example tls none tls none", "tls is there twice"),
    ("destconfig", "edit a.example frob 1", "frob is not known here; there are max_host_con"),
    (
        "destconfig",
        "edit a.example tls none max_host_concurrency 0",
        "max_host_concurrency: 0 is out",
    ),
    ("destconfig", "new b.example bounce_profile Slow", "There is no bounce profile Slow"),
    ("destconfig", "new a.example", "domain: There is an entry for a.example already"),
    ("destconfig", "import rows", "There is no file rows."),
    ("destconfig", "list more", "more is not known here"),
    ("listenerconfig", "edit In", "an operation is missing: HOSTACCESS"),
    ("listenerconfig", "edit In hostaccess", "an operation is missing: PRINT"),
    ("aliasconfig", "print", "PRINT is not possible at present"),
    ("limits", "limited x", "limited: 'x' is neither on nor off."),
    ("limits", "limit 5", "limit has no meaning here"),
    ("limits", "limited yes", "limit is missing: a number from 1 to 1000"),
    ("limits", "size 4k limited no", "4k is too little for a limit."),
    ("passwd", "ann password sesame", "password: takes -; what it is comes as input"),
    ("systemsetup", "now", "systemsetup is a dialogue; enter it without more words"),
    ("sethostname", "'x y'", "name: 'x y' has blanks in it."),
    ("sethostname", "'x", "The quote ' is not closed."),
    ("sethostname", "x\\", "The line ends with a backslash."),
]


@pytest.mark.parametrize(("command", "words", "error"), ERRORS)
async def test_cli_34_errors_change_nothing(command: str, words: str, error: str) -> None:
    office = Office(tree=TREE)
    status, screen, errors = await run_once(office, f"{command} {words}")
    assert status == 1
    assert screen == errors
    assert errors.startswith(f"Error: {error}")
    assert errors.count("\n") == 1
    assert office.tree is TREE


async def test_unknown_options() -> None:
    status, _, errors = await run_once(Office(), "--frob status")
    assert (status, errors) == (1, "Error: --frob is not an option; there is --json\n")


async def test_cli_36_json() -> None:
    _, screen, _ = await run_once(Office(), "--json status detail")
    assert json.loads(screen) == {"data": {"system": "Online", "detail": True}, "messages": []}
    _, screen, _ = await run_once(Office(), "--json limits size 2M")
    assert json.loads(screen.splitlines()[0]) == {"data": None, "messages": ["Limits are set."]}


async def test_cli_36_json_is_whole_whatever_is_in_it() -> None:
    office = Office(tree={"smtp_routes": {"a\x7f\u202e\x1b.example": "ü"}})
    _, screen, _ = await run_once(office, "--json smtproutes print")
    assert json.loads(screen)["data"] == office.tree["smtp_routes"]
    assert screen.strip().isascii()
    assert screen.strip().isprintable()


async def test_cli_36_json_never_asks() -> None:
    office = Office(tree=TREE)
    status, screen, errors = await run_once(office, "--json smtproutes clear", "y")
    assert (status, screen) == (1, "Error: this needs the word force\n")
    assert screen == errors
    assert office.tree is TREE


@pytest.mark.parametrize("word", ["force", "YES", "--force", "--yes"])
async def test_cli_30_destructive_ones_ask_unless_forced(word: str) -> None:
    office = Office(tree=TREE)
    status, screen, _ = await run_once(office, f"smtproutes clear {word}")
    assert status == 0
    assert "sure" not in screen
    assert "smtp_routes" not in office.tree


async def test_cli_30_destructive_ones_ask() -> None:
    office = Office(tree=TREE)
    _, screen, _ = await run_once(office, "smtproutes clear", "y")
    assert screen.startswith("Are you sure you want to remove all routes? [N]> y\n")
    assert "smtp_routes" not in office.tree


@pytest.mark.parametrize("typed", [["n"], [""], [], [Key.CTRL_C], [Key.CTRL_D]])
async def test_destructive_ones_that_are_not_confirmed(typed: list[str | Key]) -> None:
    office = Office(tree=TREE)
    status, _, errors = await run_once(office, "smtproutes clear", *typed)
    assert status == 1
    assert errors.startswith("Error: ")
    assert office.tree is TREE


async def test_secrets_and_long_texts_come_as_input() -> None:
    office = Office()
    status, screen, _ = await run_once(office, "passwd ann password -", "sesame")
    assert (status, screen) == (0, "\nThe password is set.\n1 uncommitted change discarded\n")
    status, _, _ = await run_once(office, "paste pem --pem=-", "a", "b", ".")
    assert status == 0
    assert office.tree == {"users": {"ann": "sesame"}, "paste": {"pem": "a\nb\n"}}


async def test_input_that_cannot_be_used_is_an_error() -> None:
    office = Office()
    status, _, errors = await run_once(office, "passwd ann password -", "ses\x00ame")
    assert status == 1
    assert errors == "Error: password: The line holds a control character, U+0000.\n"
    status, _, errors = await run_once(office, "passwd ann password -", "")
    assert errors == "Error: password: An empty one is not possible.\n"
    assert office.tree == {}


async def test_a_person_is_asked_for_a_secret_twice() -> None:
    office = Office()
    screen = await type_in(office, "passwd ann password -", "a", "b", "b", "b", is_interactive=True)
    assert "The two are not the same." in screen
    assert office.tree == {"users": {"ann": "b"}}


async def test_json_is_alone_on_standard_output() -> None:
    _, screen, errors = await run_once(Office(), "--json paste pem pem -", "a", ".")
    assert screen.removesuffix(errors) == 'a\n.\n{"data": null, "messages": []}\n'


async def test_json_has_a_limit() -> None:
    status, _, errors = await run_once(Office(), "--json tail")
    assert status == 1
    assert errors == "Error: more than 100000 lines are too many for JSON\n"


async def test_cli_35_the_comment_is_all_words_that_are_left() -> None:
    office = Office()
    await type_in(office, "sethostname a.example", 'commit new  name "of  us" --here')
    assert office.comments == ["new name of  us --here"]


async def test_a_value_that_looks_like_an_option_is_quoted() -> None:
    office = Office()
    await run_once(office, 'destconfig setup certificate "--x" --send_tls_alert=on')
    assert office.tree["delivery"] == {"send_tls_alert": True, "certificate": "--x"}


async def test_an_empty_word_is_an_answer() -> None:
    office = Office(tree={"delivery": {"certificate": "mx"}})
    await run_once(office, 'destconfig setup certificate ""')
    assert office.tree["delivery"]["certificate"] == ""


async def test_a_word_that_may_be_missing() -> None:
    assert await run_once(Office(), "status detail") == (0, "Status: Online\nWork queue: 3\n", "")
    assert (await run_once(Office(), "status frob"))[0] == 1
