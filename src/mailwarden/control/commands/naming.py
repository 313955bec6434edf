"""Questions for the name of something else in the configuration: a profile, an interface."""

from collections.abc import Sequence
from typing import Any, Final

from mailwarden.control.candidate.edits import names_of
from mailwarden.control.candidate.paths import parse_path
from mailwarden.control.commands.draft import Settings
from mailwarden.control.config.shape import fields_of
from mailwarden.control.dialogue.question import UNSET, Unset
from mailwarden.control.dialogue.questions import Choice, Option
from mailwarden.control.dialogue.setting_questions import Present
from mailwarden.control.operations.versions import MODEL

EMPTY: Final = "none"  # how `""` is called, where a setting may be empty


def known_names(scope: Settings, *collections: str) -> list[str]:
    """Return the names that may be chosen, those included that are always there, in order."""
    found: dict[str, None] = {}
    for collection in collections:
        path = parse_path(collection)
        declared = MODEL.at(path)
        if declared is not None and declared.about is not None:
            found |= dict.fromkeys(declared.about.built_in)
        entries = scope.draft.get(*path)
        names = list(entries) if isinstance(entries, dict) else names_of(entries) or ()
        found |= dict.fromkeys(names)
    return list(found)


def ask_name(
    section: type,
    name: str,
    *,
    present: Present,
    none_word: str = "",
    empty_word: str = EMPTY,
    **more: Any,  # noqa: ANN401  other fields of a question: prompt, key, when, place
) -> Choice[Any]:
    """Return the question for a setting that names something else: one of a list.

    With a `none_word` the setting may be without a value, which that word answers; `empty_word` is
    how the empty text is called where the setting has that for its default, or "" where it may not
    be empty. An empty line leaves what `present` has, or else the default of the setting.
    """
    field = fields_of(section)[name]
    about, doc = field.setting, field.setting.doc
    standing: list[Option[Any]] = []
    if none_word:
        standing.append(Option(none_word, None))
    if empty_word:
        standing.append(Option(empty_word, ""))

    def options(scope: Settings) -> Sequence[Option[Any]]:
        return [*standing, *(Option(each, each) for each in known_names(scope, *about.refers_to))]

    def default(scope: Settings) -> Any | Unset:  # noqa: ANN401  a name, or None
        held = (present(scope) or {}).get(name, UNSET)
        if held is not UNSET:
            return held
        return UNSET if field.required else field.default()

    given: dict[str, Any] = {
        "key": name,
        "doc": doc,
        "prompt": f"{doc.partition('. ')[0].removesuffix('.')}.",
        "none_word": none_word,
        "form": f"a name of {' or '.join(about.refers_to)}",
        **more,
    }
    return Choice[Any](options_from=options, default_from=default, **given)


def renamed(scope: Settings, path: tuple[str, ...], name: str) -> list[str]:
    """Give what stands at `path` another name; return what to tell of its uses (COM-13)."""
    if name == path[-1]:
        return []
    uses = scope.draft.rename(*path, name=name)
    if not uses:
        return [f"{path[-1]} is called {name} now."]
    return [f"{path[-1]} is called {name} now, also where it is used:", *(f"  {u}" for u in uses)]
