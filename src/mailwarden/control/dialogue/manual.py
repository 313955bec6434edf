"""What `help` says and the reference prints: both come from the declarations."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from mailwarden.control.dialogue.declaration import Body, Catalog, Command, Commit, D, Where
from mailwarden.control.dialogue.question import UNSET, Place, Question
from mailwarden.control.dialogue.questions import Flag

SHOWN_KEYS_MAX: Final = 3  # of a form; more of them are only in the list below

Allowed = Callable[[str], bool]  # whether a permission is held
COMMITS: Final = {
    Commit.NEEDED: "Changes need a commit.",
    Commit.NONE: "Needs no commit.",
    Commit.AUTOMATIC: "Commits by itself.",
}
PLACES: Final = {
    Where.ANY: "in any mode",
    Where.CLUSTER: "in cluster mode",
    Where.MACHINE: "in machine mode",
    Where.LOGIN_HOST: "on the host of the log-in",
}


@dataclass(frozen=True, slots=True)
class Usage:
    """One way to write a batch line."""

    line: str
    purpose: str
    questions: tuple[Question[Any], ...]


def usages(command: Command[D], allowed: Allowed) -> tuple[Usage, ...]:
    """Return each batch form that a user may run, in the order of the menus."""
    return tuple(_usages(command, command.name, command.purpose, (), allowed))


def help_list(catalog: Catalog[D], allowed: Allowed) -> str:
    """Return a line for each command that a user may run (admin CLI-23)."""
    commands = sorted(
        (each for each in catalog.commands if allowed(each.right)), key=lambda each: each.name
    )
    width = max((len(each.name) for each in commands), default=0)
    return "\n".join(f"{each.name.ljust(width)}  {each.purpose}" for each in commands)


def help_text(command: Command[D], allowed: Allowed) -> str:
    """Return all about one command: purpose, commit, where, batch forms (admin CLI-23)."""
    lines = [f"{command.name} - {command.purpose}"]
    if command.aliases:
        lines.append(f"Also: {', '.join(command.aliases)}")
    lines.append(f"{COMMITS[command.commit]} In a cluster it runs {PLACES[command.where]}.")
    if not command.has_batch:
        return "\n".join([*lines, "It has no batch form."])
    forms = usages(command, allowed)
    lines += ["", "Batch form:" if len(forms) == 1 else "Batch forms:"]
    lines += [f"  {form.line}" for form in forms]
    answers = _answers(forms)
    if answers:
        lines.append("")
        width = max(len(key) for key, _, _ in answers)
        lines += [f"  {key.ljust(width)}  {form}; {default}" for key, form, default in answers]
    return "\n".join(lines)


def help_data(command: Command[D], allowed: Allowed) -> dict[str, object]:
    """Return the same as JSON can say it."""
    return {
        **command_row(command),
        "forms": [form.line for form in usages(command, allowed)] if command.has_batch else [],
    }


def command_row(command: Command[D]) -> dict[str, object]:
    """Return a command as a row of the table of all commands (admin CLI-40)."""
    return {
        "name": command.name,
        "aliases": list(command.aliases),
        "purpose": command.purpose,
        "commit": command.commit.value,
        "where": command.where.value,
        "batch": command.has_batch,
        "permission": command.right,
    }


def command_table(catalog: Catalog[D]) -> list[dict[str, object]]:
    """Return all commands as data, in order of their names."""
    return [command_row(each) for each in sorted(catalog.commands, key=lambda each: each.name)]


def commands_markdown(catalog: Catalog[D]) -> str:
    """Return a section for each command, with its batch forms and what may be answered."""
    parts = [_section(each) for each in sorted(catalog.commands, key=lambda each: each.name)]
    return "\n".join(parts)


def _usages(
    body: Body[D], line: str, purpose: str, above: tuple[Question[Any], ...], allowed: Allowed
) -> Iterator[Usage]:
    questions = above + body.questions
    line = " ".join([line, *_form(body)])
    if body.menu is None:
        yield Usage(line, purpose, questions)
        return
    for operation in body.menu.operations:
        if not operation.permission or allowed(operation.permission):
            inner = f"{line} {operation.name.lower()}"
            yield from _usages(operation, inner, operation.purpose, questions, allowed)


def _form(body: Body[Any]) -> Iterator[str]:
    yield from (f"[{each.option}]" for each in body.questions if isinstance(each, Flag))
    others = [each for each in body.questions if not isinstance(each, Flag)]
    keys = [each for each in others if each.place is Place.KEY]
    for question in others:
        name = f"<{question.key}>"
        match question.place:
            case Place.WORD:
                yield f"[{name}]" if question.is_optional else name
            case Place.REST:
                yield f"[{name} ...]" if question.is_optional else f"{name} ..."
            case Place.KEY if len(keys) <= SHOWN_KEYS_MAX or not question.is_optional:
                pair = f"{question.key} <{question.key}>"
                yield f"[{pair}]" if question.is_optional else pair
    if len(keys) > SHOWN_KEYS_MAX and any(each.is_optional for each in keys):
        yield "[<key> <value> ...]"
    if body.confirm is not None:
        yield "[force]"


def _answers(forms: tuple[Usage, ...]) -> list[tuple[str, str, str]]:
    """Return key, possible answers and default of each question, the same ones once."""
    found: dict[tuple[str, str, str], None] = {}
    for form in forms:
        for question in form.questions:
            found.setdefault((question.key, _possible(question), _default(question)))
    return list(found)


def _possible(question: Question[Any]) -> str:
    none = f", or {question.none_word}" if question.none_word else ""
    return f"{question.describe()}{none}"


def _default(question: Question[Any]) -> str:
    if question.default_from is not None:
        return "what holds already"
    if question.default is UNSET:
        return "needed"
    if isinstance(question, Flag):
        return "off"
    shown = question.show(question.default) if question.default is not None else ""
    return f"default {shown}" if shown else "may be left out"


def _section(command: Command[D]) -> str:
    everything = usages(command, lambda _: True)
    where = PLACES[command.where]
    lines = [f"## `{command.name}`", "", f"{command.purpose}", ""]
    if command.aliases:
        also = ", ".join(f"`{alias}`" for alias in command.aliases)
        lines += [f"Also {also}.", ""]
    lines += [
        f"{COMMITS[command.commit]} Permission: `{command.right}`. In a cluster: {where}.",
        "",
    ]
    if not command.has_batch:
        return "\n".join([*lines, "It has no batch form.", ""])
    lines += ["```text", *(form.line for form in everything), "```", ""]
    if any(form.purpose != command.purpose for form in everything):
        lines += ["| Form | |", "|---|---|"]
        lines += [f"| `{_cell(form.line)}` | {_cell(form.purpose)} |" for form in everything]
        lines.append("")
    documented = _documented(everything)
    if documented:
        lines += ["| Answer | | Possible | Without it |", "|---|---|---|---|"]
        lines += documented
        lines.append("")
    return "\n".join(lines)


def _documented(forms: tuple[Usage, ...]) -> list[str]:
    found: dict[str, None] = {}
    for form in forms:
        for each in form.questions:
            about = each.doc or (each.prompt if isinstance(each.prompt, str) else "")
            cells = (f"`{each.key}`", about.strip(), _possible(each), _default(each))
            found.setdefault(f"| {' | '.join(map(_cell, cells))} |")
    return list(found)


def _cell(text: str) -> str:
    return " ".join(text.replace("|", "\\|").split())
