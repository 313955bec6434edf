"""`textconfig`: what bounces and warnings say, in several languages (mailflow 7.5)."""

from collections.abc import Mapping
from typing import Any, Final

from mailwarden.control.answers.table import count_of, render_table
from mailwarden.control.commands.draft import Settings, SettingsDraft
from mailwarden.control.commands.exchanged_text import (
    EXPORTED,
    FILES,
    IMPORTED,
    export_text,
    imported_text,
)
from mailwarden.control.commands.naming import known_names, renamed
from mailwarden.control.dialogue.declaration import (
    Command,
    Commit,
    Menu,
    Operation,
    RefusedError,
    Shown,
)
from mailwarden.control.dialogue.question import UNSET, Place, Unset
from mailwarden.control.dialogue.questions import Choice, Lines, Option, Text
from mailwarden.core.patterns import parse_name
from mailwarden.core.policy.bounce_profile import parse_language
from mailwarden.core.policy.bounce_templates import Wording, unknown_variables

TEMPLATES: Final = "bounce_templates"
ALL: Final = "all"
_PROPER: Final = Wording("Subject", "Text\n")


def _names(scope: Settings) -> list[str]:
    return known_names(scope, TEMPLATES)


def _languages(scope: Settings) -> Mapping[str, Any]:
    """Return the wordings of the resource that was chosen, by language."""
    return scope.draft.section(TEMPLATES, scope.get(RESOURCE) or "")


def _held(scope: Settings, field: str) -> str | Unset:
    """Return what the wording that was chosen has; nothing of a new one."""
    wording: Mapping[str, str] = _languages(scope).get(scope[LANGUAGE], {})
    return wording.get(field, UNSET)


def _is_free(scope: Settings, name: str) -> None:
    if name in _names(scope) and name != scope.get(RESOURCE):
        raise ValueError(f"There is a text resource {name} already.")


def _read_language(text: str) -> str:
    tag = parse_language(text)
    if not tag:
        raise ValueError("is the tag of a language, such as de or pt-br")
    return tag


def _read_subject(text: str) -> str:
    subject = text.strip()
    _check(Wording(subject, _PROPER.text))
    return subject


def _read_text(text: str) -> str:
    _check(Wording(_PROPER.subject, text))
    return text


def _check(wording: Wording) -> None:
    for problem in wording.problems():
        raise ValueError(problem.message)


RESOURCE: Final = Choice[str](
    key="resource", prompt="Choose the text resource.", place=Place.WORD, form="a text resource",
    options_from=lambda scope: [Option(name, name) for name in _names(scope)],
)  # fmt: skip
NEW_RESOURCE: Final = Text(
    key="resource", prompt="Please create a name for the bounce template:", of=parse_name,
    check=_is_free, place=Place.WORD, form="a name",
)  # fmt: skip
ANY_RESOURCE: Final = Text(
    key="resource", prompt="Enter the name of the text resource, which may be new:",
    of=parse_name, place=Place.WORD, form="a name",
)  # fmt: skip
NAME: Final = Text(
    key="name", prompt="Enter the name of the text resource.", of=parse_name, check=_is_free,
    form="another name, also wherever it is used", default_from=lambda scope: scope[RESOURCE],
)  # fmt: skip
LANGUAGE: Final = Text(
    key="language", of=_read_language, form="the tag of a language, such as de or pt-br",
    prompt="Enter the language; the first one of a resource is for everybody else.",
    default_from=lambda scope: next(iter(_languages(scope)), "en"),
)  # fmt: skip
KNOWN_LANGUAGE: Final = Choice[str](
    key="language", prompt="Choose the language.", form="a language of the resource",
    options_from=lambda scope: [Option(tag, tag) for tag in _languages(scope)],
    default_from=lambda scope: next(iter(_languages(scope)), UNSET),
)  # fmt: skip
REMOVED_LANGUAGE: Final = Choice[str](
    key="language", prompt="Choose the language to remove.", default=ALL,
    form=f"a language of the resource, or {ALL}",
    options_from=lambda scope: [Option(tag, tag) for tag in (ALL, *_languages(scope))],
)  # fmt: skip
SUBJECT: Final = Text(
    key="subject", prompt="Enter the subject, with variables such as $BouncedRecipient.",
    of=_read_subject, default_from=lambda scope: _held(scope, "subject"),
)  # fmt: skip
TEXT: Final = Lines(
    key="text", of=_read_text, form="the lines of the text",
    prompt="Enter the text, with variables such as $BounceReason; nothing leaves what is there.",
    default_from=lambda scope: _held(scope, "text"),
)  # fmt: skip


def _put(scope: Settings, text: str) -> list[str]:
    """Put a wording; return what to know about it."""
    wording = {"subject": scope[SUBJECT], "text": text}
    scope.draft.put(TEMPLATES, scope[RESOURCE], scope[LANGUAGE], value=wording)
    unknown = unknown_variables(f"{wording['subject']}\n{text}")
    return [f"Not known, and left as they are: {', '.join(unknown)}."] if unknown else []


def _set(scope: Settings) -> str:
    told = _put(scope, scope[TEXT])
    name = scope[RESOURCE]
    if scope.has(NAME):
        told += renamed(scope, (TEMPLATES, name), scope[NAME])
        name = scope[NAME]
    return "\n".join((f"{name} in {scope[LANGUAGE]} is set.", *told))


def _delete(scope: Settings) -> str:
    name, language = scope[RESOURCE], scope[REMOVED_LANGUAGE]
    if language == ALL:
        scope.draft.remove(TEMPLATES, name)
        return f"{name} is removed."
    if len(_languages(scope)) == 1:
        raise RefusedError(f"{language} is the only language of {name}; remove {ALL}.")
    scope.draft.remove(TEMPLATES, name, language)
    return f"{name} in {language} is removed."


def _list(scope: Settings) -> Shown:
    templates = scope.draft.section(TEMPLATES)
    rows = [
        [name, tag, wording["subject"]]
        for name, languages in templates.items()
        for tag, wording in languages.items()
    ]
    lines = render_table(("Bounce template", "Language", "Subject"), rows)
    data = [
        {"name": name, "language": tag, **wording}
        for name, languages in templates.items()
        for tag, wording in languages.items()
    ]
    return Shown("\n".join(lines), {"resources": data})


def _import(scope: Settings) -> str:
    text = imported_text(scope)
    try:
        _read_text(text)
    except ValueError as error:
        raise RefusedError(f"the text {error}", IMPORTED) from error
    told = _put(scope, text)
    return "\n".join((f"{scope[RESOURCE]} in {scope[LANGUAGE]} is imported.", *told))


def _export(scope: Settings) -> Shown:
    name, language = scope[RESOURCE], scope[KNOWN_LANGUAGE]
    text = _languages(scope)[language]["text"]
    return export_text(scope, f"text of {name} in {language}", text)


def _has_any(scope: Settings) -> bool:
    return bool(_names(scope))


def _summary(scope: Settings) -> str:
    return f"Text resources: {count_of(len(_names(scope)), 'bounce template')}."


TEXTCONFIG: Final[Command[SettingsDraft]] = Command(
    name="textconfig", purpose="Configure text resources", commit=Commit.NEEDED,
    menu=Menu(summary=_summary, operations=(
        Operation(name="NEW", purpose="Create a new text resource.",
                  questions=(NEW_RESOURCE, LANGUAGE, SUBJECT, TEXT), act=_set),
        Operation(name="EDIT", purpose="Modify a text resource.", when=_has_any,
                  questions=(RESOURCE, NAME, LANGUAGE, SUBJECT, TEXT), act=_set),
        Operation(name="DELETE", purpose="Remove a text resource, or a language of it.",
                  when=_has_any, questions=(RESOURCE, REMOVED_LANGUAGE), act=_delete),
        Operation(name="LIST", purpose="List configured resources.", when=_has_any, act=_list),
        Operation(name="IMPORT", purpose="Import a text from a file.", permission=FILES,
                  questions=(ANY_RESOURCE, IMPORTED, LANGUAGE, SUBJECT), act=_import),
        Operation(name="EXPORT", purpose="Export a text to a file.", permission=FILES,
                  when=_has_any, questions=(RESOURCE, EXPORTED, KNOWN_LANGUAGE), act=_export),
    )),
)  # fmt: skip

COMMANDS: Final = (TEXTCONFIG,)
