"""What Tab makes of a line: commands, the words of menus, objects, keys and their values."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

from mailwarden.control.dialogue.declaration import Body, Catalog, D, Menu
from mailwarden.control.dialogue.question import Place, Question
from mailwarden.control.dialogue.questions import Flag
from mailwarden.control.dialogue.scope import Host, NotAskedError, Run, Scope, Talk
from mailwarden.control.dialogue.terminal import Complete, Completion
from mailwarden.control.dialogue.words import Word, quote_word, scan_words

JSON_OPTION: Final = "--json"
CANDIDATES_MAX: Final = 1000


def complete_one_of(words: Sequence[str]) -> Complete:
    """Return what completes a line that is to be one of `words`, as it is."""

    def complete(line: str, cursor: int) -> Completion:
        return _completed(line, cursor, 0, line[:cursor], words, lambda word: word, "")

    return complete


def complete_command(host: Host[D], catalog: Catalog[D], talk: Talk) -> Complete:
    """Return what completes a command line, with what this user may run."""

    def complete(line: str, cursor: int) -> Completion:
        typed = line[:cursor]
        scan = scan_words(typed)
        words = list(scan.words)
        current = words.pop() if scan.at_word else Word("", cursor, cursor)
        while words and words[0].is_option:
            del words[0]
        if words:
            run = Run(host, catalog, host.draft(), talk)
            found = _behind(words, catalog, Scope(run))
        elif current.is_option:
            found = [JSON_OPTION]
        else:
            found = command_words(host, catalog)
        quote = str if current.is_option else quote_word
        return _completed(line, cursor, current.start, current.text, found, quote, " ")

    return complete


def command_words(host: Host[D], catalog: Catalog[D]) -> list[str]:
    """Return the names of all commands that this user may run."""
    return [each.name for each in catalog.commands if host.may(each.right)]


def _behind(words: Sequence[Word], catalog: Catalog[D], scope: Scope[D]) -> Sequence[str]:
    command = catalog.find(words[0].text)
    if command is None or not command.has_batch or not scope.host.may(command.right):
        return ()
    try:
        return _in_body(command, words[1:], scope)
    except (NotAskedError, ValueError):  # of words before this one
        return ()


def _in_body(body: Body[D], words: Sequence[Word], scope: Scope[D]) -> Sequence[str]:
    flags = {each.option for each in body.questions if isinstance(each, Flag)}
    given = {word.text for word in words if word.text in flags}
    words = [word for word in words if word.text not in flags]
    if flags:
        return (*_in_words(body, words, scope), *sorted(flags - given))
    return _in_words(body, words, scope)


def _in_words(body: Body[D], words: Sequence[Word], scope: Scope[D]) -> Sequence[str]:
    for question in body.questions:
        if question.place is not Place.WORD:
            break
        if not words:
            own = question.at(scope).candidates()
            return (*own, *_keys(body, ())) if question.is_optional else own
        scope.put(question, question.at(scope).read(words[0].text, scope, is_word=True))
        words = words[1:]
    if body.menu is not None:
        return _in_menu(body.menu, words, scope)
    return _in_keys(body, words, scope)


def _in_menu(menu: Menu[D], words: Sequence[Word], scope: Scope[D]) -> Sequence[str]:
    possible = [each for each in menu.operations if scope.is_possible(each)]
    if not words:
        return [operation.name.lower() for operation in possible]
    for operation in possible:
        if operation.is_called(words[0].text):
            return _in_body(operation, words[1:], scope.inner())
    return ()


def _in_keys(body: Body[Any], words: Sequence[Word], scope: Scope[Any]) -> Sequence[str]:
    used: list[str] = []
    waiting: Question[Any] | None = None
    for word in words:
        if waiting is not None:
            waiting = None
        elif word.is_option:
            used.append(word.text[2:].partition("=")[0])
        else:
            used.append(word.text)
            waiting = next((each for each in body.questions if each.key == word.text), None)
    return _keys(body, used) if waiting is None else waiting.at(scope).candidates()


def _keys(body: Body[Any], used: Iterable[str]) -> Sequence[str]:
    keys = [
        each.key
        for each in body.questions
        if each.place is Place.KEY and not isinstance(each, Flag)
    ]
    return [key for key in keys if key not in used] + (["force"] if body.confirm else [])


def _completed(
    line: str, cursor: int, start: int, typed: str, words: Sequence[str],
    quote: Callable[[str], str], behind: str,
) -> Completion:  # fmt: skip
    """Return the line with what stands from `start` to the cursor completed."""
    folded = typed.casefold()
    found = sorted({word for word in words if word.casefold().startswith(folded)})[:CANDIDATES_MAX]
    if not found:
        return Completion(line, cursor)
    candidates = tuple(found) if len(found) > 1 else ()
    if not candidates:
        new = f"{quote(found[0])}{behind}"
    else:
        new = _common_start(found[0], found[-1])
        if len(new) < len(typed) or quote(new) != new:
            new = line[start:cursor]
    rest = line[cursor:]
    if new.endswith(" ") and rest.startswith(" "):
        rest = rest[1:]
    return Completion(line[:start] + new + rest, start + len(new), candidates)


def _common_start(first: str, last: str) -> str:
    """Return how all words begin that stand in order between these two."""
    for place, (one, other) in enumerate(zip(first, last, strict=False)):
        if one != other:
            return first[:place]
    return first
