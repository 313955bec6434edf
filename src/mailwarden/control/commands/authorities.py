"""`certconfig CERTAUTHORITY`: whom the certificates of other servers have to lead to."""

from typing import Final

from mailwarden.control.answers.table import count_of
from mailwarden.control.commands.draft import Settings, SettingsDraft
from mailwarden.control.commands.words import refused_as_told
from mailwarden.control.dialogue.declaration import Menu, Operation, Shown
from mailwarden.control.dialogue.question import Place
from mailwarden.control.dialogue.questions import Confirm, Text, YesNo
from mailwarden.control.operations import authorities as operations
from mailwarden.control.operations.exchange import parse_file_name

SECTION: Final = "authorities"


def _custom(scope: Settings) -> list[str]:
    return [str(each) for each in scope.draft.members(SECTION, "custom")]


def _is_system(scope: Settings) -> bool:
    return bool(scope.draft.section(SECTION).get("system", True))


SYSTEM: Final = YesNo(
    key="system", prompt="Do you want to trust the authorities that the system knows?",
    place=Place.WORD, default_from=_is_system,
)  # fmt: skip
IMPORTED: Final = Text(
    key="file", prompt="Enter the name of the file in /configuration:", of=parse_file_name,
    place=Place.WORD, form="the name of a file in /configuration, with certificates in PEM",
)  # fmt: skip
EXPORTED: Final = Text(
    key="file", prompt="Enter the name of the file to write to /configuration:",
    of=parse_file_name, place=Place.WORD, form="the name of a file in /configuration",
)  # fmt: skip


def _import(scope: Settings) -> Shown:
    with refused_as_told():
        done = operations.import_list(scope.draft.desk, scope[IMPORTED], _custom(scope))
    if done.added:
        scope.draft.put(SECTION, "custom", value=list(done.custom))
    lines = [f"Added: {subject}" for subject in done.added]
    lines += [f"Passed over: {text}" for text in done.passed_over]
    data = {"added": list(done.added), "passed_over": list(done.passed_over)}
    return Shown("\n".join(lines), data)


def _export(scope: Settings) -> str:
    with refused_as_told():
        operations.export_list(scope.draft.desk, scope[EXPORTED], _custom(scope))
    count = count_of(len(_custom(scope)), "certificate")
    return f"{count} written to /configuration/{scope[EXPORTED]}."


def _summary(scope: Settings) -> str:
    state = "on" if _is_system(scope) else "off"
    return f"System list: {state}\nCustom list: {count_of(len(_custom(scope)), 'certificate')}"


def _has_custom(scope: Settings) -> bool:
    return bool(_custom(scope))


CERTAUTHORITY: Final[Operation[SettingsDraft]] = Operation(
    name="CERTAUTHORITY", purpose="Manage the lists of trusted authorities.",
    menu=Menu(
        summary=_summary,
        operations=(
            Operation(name="SYSTEM", purpose="Switch the system's list on or off.",
                      questions=(SYSTEM,),
                      act=lambda scope: scope.draft.put(SECTION, "system", value=scope[SYSTEM])),
            Operation(name="CUSTOM", purpose="Manage the custom list.", menu=Menu(operations=(
                Operation(name="IMPORT", purpose="Add the authorities of a file.",
                          questions=(IMPORTED,), act=_import),
                Operation(name="EXPORT", purpose="Write the list to a file.", when=_has_custom,
                          questions=(EXPORTED,), act=_export),
                Operation(name="CLEAR", purpose="Remove all entries.", when=_has_custom,
                          confirm=Confirm(key="sure",
                                          prompt="Are you sure you want to remove all?"),
                          act=lambda scope: scope.draft.put(SECTION, "custom", value=[])),
            ))),
        ),
    ),
)  # fmt: skip
