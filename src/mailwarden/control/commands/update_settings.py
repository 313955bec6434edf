"""`updateconfig`: where updates of engines and rules come from, and when (admin 8.1, UPD-03)."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from mailwarden.control.commands.answered import defaults_of, put_answers
from mailwarden.control.commands.draft import Settings, SettingsDraft
from mailwarden.control.commands.naming import ask_name
from mailwarden.control.commands.switched_off import off_note
from mailwarden.control.commands.update_now import status_lines
from mailwarden.control.commands.words import refused_as_told
from mailwarden.control.dialogue.declaration import Command, Commit, Menu, Operation
from mailwarden.control.dialogue.question import UNSET, Question, Unset
from mailwarden.control.dialogue.questions import Secret, Text, read_text
from mailwarden.control.dialogue.setting_questions import ask_setting
from mailwarden.control.operations import updating
from mailwarden.core.features import Feature
from mailwarden.services.updates.settings import (
    Scheme,
    UpdateProxy,
    UpdateServer,
    UpdateSettings,
    parse_login,
    parse_proxy,
    parse_source,
    parse_url,
)

SECTION: Final = "updates"
LIST, IMAGES = "manifest_server", "image_server"
NONE: Final = "none"

Answered = tuple[Question[Any], str]  # a question, and the setting that it is about


def _own(scope: Settings, *path: str) -> Mapping[str, Any]:
    return scope.draft.section(SECTION, *path)


def _ask(
    key: str,
    prompt: str,
    block: str,
    name: str,
    of: Callable[[str], str],
    when: Callable[[Settings], bool] | None = None,
    form: str = "text",
) -> Text[str | None]:
    """Return a question for a text that may be missing: `none` takes it away."""

    def held(scope: Settings) -> str | None:
        found = _own(scope, block).get(name) if block else _own(scope).get(name)
        return str(found) if found else None

    return Text(
        key=key, prompt=f'{prompt} Enter "none" for none.', of=of, none_word=NONE,
        default_from=held, when=when, form=form,
    )  # fmt: skip


def _ask_password(key: str, block: str, when: Callable[[Settings], bool]) -> Secret:
    def held(scope: Settings) -> str | Unset:
        return str(_own(scope, block).get("password") or "") or UNSET

    return Secret(
        key=key, prompt="Enter the password.", of=parse_login, is_new=True, default_from=held,
        when=when,
    )  # fmt: skip


def _asks_a_server(question: Question[Any]) -> Callable[[Settings], bool]:
    """Return whether what was answered is a server, which may want to know who asks."""

    def is_server(scope: Settings) -> bool:
        url = scope.get(question)
        return bool(url) and parse_source(str(url)).scheme is not Scheme.FILE

    return is_server


def _was_given(question: Question[Any]) -> Callable[[Settings], bool]:
    return lambda scope: bool(scope.get(question))


def _login(prefix: str, block: str, asked: Callable[[Settings], bool]) -> tuple[Answered, ...]:
    user = _ask(
        f"{prefix}_user", "Enter the user to log in there.", block, "user",
        lambda text: parse_login(text.strip()), when=asked,
    )  # fmt: skip
    password = _ask_password(f"{prefix}_password", block, _was_given(user))
    return ((user, "user"), (password, "password"))


def _is_on(scope: Settings) -> bool:
    return _was_given(LIST_URL)(scope)


LIST_URL: Final = _ask(
    "list_url", "Enter the URL of the folder that has the list of updates: http, https, or\n"
    "file:///media/updates/ for a closed network.", LIST, "url", parse_url, form="a URL",
)  # fmt: skip
LIST_SERVER: Final[tuple[Answered, ...]] = (
    (LIST_URL, "url"),
    *_login("list", LIST, _asks_a_server(LIST_URL)),
)
IMAGE_URL: Final = _ask(
    "image_url", "Enter the URL of the folder that has the files themselves, where it is another.",
    IMAGES, "url", parse_url, when=_is_on, form="a URL",
)  # fmt: skip
IMAGE_SERVER: Final[tuple[Answered, ...]] = (
    (IMAGE_URL, "url"),
    *_login("image", IMAGES, _asks_a_server(IMAGE_URL)),
)
KEY_FILE: Final = _ask(
    "key_file", "Enter the PEM file with the public key that the list is signed with.", "",
    "key_file", read_text, when=_is_on, form="a path",
)  # fmt: skip
CA_FILE: Final = _ask(
    "ca_file", "Enter the PEM file of the authorities that vouch for https servers, where these\n"
    "are not those of the system.", "", "ca_file", read_text, when=_is_on, form="a path",
)  # fmt: skip
AUTOMATIC: Final = ask_setting(
    UpdateSettings, "automatic", present=_own,
    prompt="Do you want to look for updates automatically?",
)  # fmt: skip
INTERVAL: Final = ask_setting(
    UpdateSettings, "interval_seconds", present=_own,
    prompt="Enter how often to look for updates.", when=lambda scope: bool(scope[AUTOMATIC]),
)  # fmt: skip
INTERFACE: Final = ask_name(
    UpdateSettings, "interface", present=_own, empty_word="Auto",
    prompt="Choose the IP interface that updates are fetched from.",
)  # fmt: skip
GENERAL: Final = (KEY_FILE, CA_FILE, AUTOMATIC, INTERVAL, INTERFACE)


def _proxy(scheme: str) -> tuple[Answered, ...]:
    host = _ask(
        f"{scheme}_proxy", f"Enter the proxy for {scheme} servers, as host:port.",
        f"{scheme}_proxy", "host", parse_proxy, form="a host, with a port or without",
    )  # fmt: skip
    return ((host, "host"), *_login(f"{scheme}_proxy", f"{scheme}_proxy", _was_given(host)))


HTTP_PROXY: Final = _proxy("http")
HTTPS_PROXY: Final = _proxy("https")
BLOCKS: Final[tuple[tuple[str, type, tuple[Answered, ...]], ...]] = (
    (LIST, UpdateServer, LIST_SERVER),
    (IMAGES, UpdateServer, IMAGE_SERVER),
    ("http_proxy", UpdateProxy, HTTP_PROXY),
    ("https_proxy", UpdateProxy, HTTPS_PROXY),
)


def _set_up(scope: Settings) -> None:
    for block, _, answers in BLOCKS:
        _store(scope, block, answers)
    kept = [each for each in GENERAL if scope.has(each)]  # what was not asked stays as it is
    put_answers(scope, (SECTION,), kept, defaults_of(UpdateSettings))


def _store(scope: Settings, block: str, answers: tuple[Answered, ...]) -> None:
    """Store a server or proxy; one that is not there has no user either."""
    section = {name: answer for question, name in answers if (answer := scope.get(question))}
    if section == _own(scope, block):
        return
    if section:
        scope.draft.put(SECTION, block, value=section)
    else:
        scope.draft.remove(SECTION, block)


def _summary(scope: Settings) -> str:
    with refused_as_told():
        rows = updating.component_status(scope.draft.desk, "updateconfig")
    url = _own(scope, LIST).get("url")
    lines = [
        f"Updates come from {url}." if url else "No server of updates is set.", "",
        *status_lines(rows),
    ]  # fmt: skip
    return off_note(scope, Feature.UPDATES) + "\n".join(lines)


UPDATECONFIG: Final[Command[SettingsDraft]] = Command(
    name="updateconfig", purpose="Configure where updates of rules come from",
    commit=Commit.NEEDED,
    menu=Menu(
        summary=_summary,
        operations=(
            Operation(
                name="SETUP", purpose="Edit update configuration.",
                questions=(
                    *(question for question, _ in (*LIST_SERVER, *IMAGE_SERVER)),
                    *GENERAL,
                    *(question for question, _ in (*HTTP_PROXY, *HTTPS_PROXY)),
                ),
                act=_set_up,
            ),
        ),
    ),
)  # fmt: skip

COMMANDS: Final = (UPDATECONFIG,)
