"""The documentation is whole: pages, links, configurations, commands and dependencies in it."""

import re
import shlex
import tomllib
import unicodedata
from pathlib import Path

import pytest
import yaml

from mailwarden.app.bench.arguments import add_bench_arguments
from mailwarden.control.cli.parser import build_parser
from mailwarden.control.config.reader import parse_config
from mailwarden.control.config.tables import TableFileError, Tables

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = sorted(DOCS.rglob("*.md"))
OTHERS = [ROOT / "README.md", ROOT / "ARCHITECTURE.md", *sorted((ROOT / "packaging").rglob("*.md"))]

FENCE = re.compile(r"^```(\w*)(?: title=\"([^\"]*)\")?\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
COMMAND = re.compile(r"^(?:[$#] )?(?:\S*/bin/)?mailwarden (.+)$", re.MULTILINE)
WHOLE = "mailwarden.yaml"  # the title of a whole configuration
PART = "in mailwarden.yaml"  # and that of some of its blocks; the rest comes from here:
REST = {
    "hostname": "hostname: gw1.corp.example\n",
    "interfaces": "interfaces: {Outside: {address: 203.0.113.5}, Inside: {address: 10.0.0.5}}\n",
    "listeners": "listeners: [{name: Private, type: private, interface: Inside, "
    "relay_hosts: [10.0.0.0/24]}]\n",
}


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def fences(path: Path) -> list[tuple[str, str, str]]:
    """Return language, title and text of each block of code."""
    return FENCE.findall(path.read_text(encoding="utf-8"))


def configurations() -> dict[str, str]:
    """Return the text of each configuration, by page and place."""
    found = {}
    for path in [*PAGES, *OTHERS]:
        for place, (_, title, text) in enumerate(fences(path)):
            if title == WHOLE:
                found[f"{name(path)} {place}"] = text
            elif title == PART:
                own = set(re.findall(r"^(\w+):", text, re.MULTILINE))
                rest = "".join(line for key, line in REST.items() if key not in own)
                found[f"{name(path)} {place}"] = rest + text
    return found


def documented_file(path: str) -> str:
    """Return the text that the pages show of a table's file."""
    for page in [*PAGES, *OTHERS]:
        for _, title, text in fences(page):
            if title == Path(path).name:
                return text
    raise TableFileError(0, "is shown on no page")


def commands() -> list[tuple[str, str]]:
    """Return each command line of ours, with the page that it is on."""
    return [
        (name(path), line)
        for path in [*PAGES, *OTHERS]
        for language, _, text in fences(path)
        if language in ("sh", "console")
        for line in COMMAND.findall(text)
    ]


def anchors(path: Path) -> set[str]:
    """Return what can stand behind # in a link to a page."""
    text = FENCE.sub("", path.read_text(encoding="utf-8"))
    slugs = set()
    for heading in HEADING.findall(text):
        plain = unicodedata.normalize("NFKD", heading).encode("ascii", "ignore").decode()
        words = re.sub(r"[^\w\s-]", "", plain).strip().lower()
        slugs.add(re.sub(r"[-\s]+", "-", words))
    return slugs


def broken_links(path: Path) -> list[str]:
    broken = []
    for target in LINK.findall(FENCE.sub("", path.read_text(encoding="utf-8"))):
        if re.match(r"[a-z]+:", target):
            continue
        file, _, anchor = target.partition("#")
        found = (path.parent / file).resolve() if file else path
        if not found.exists() or (anchor and anchor not in anchors(found)):
            broken.append(target)
    return broken


def nav_pages(nav: str | list | dict) -> list[str]:
    if isinstance(nav, str):
        return [nav]
    parts = nav.values() if isinstance(nav, dict) else nav
    return [page for part in parts for page in nav_pages(part)]


def test_every_page_is_in_the_navigation_once() -> None:
    settings = yaml.safe_load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"))
    assert sorted(nav_pages(settings["nav"])) == sorted(str(p.relative_to(DOCS)) for p in PAGES)


@pytest.mark.parametrize("path", [*PAGES, *OTHERS], ids=name)
def test_every_link_leads_somewhere(path: Path) -> None:
    assert broken_links(path) == []


def test_there_are_configurations_and_commands_to_look_at() -> None:
    assert len(configurations()) > 10
    assert len(commands()) > 20


@pytest.mark.parametrize("text", configurations().values(), ids=configurations().keys())
def test_every_configuration_is_right(text: str, tmp_path: Path) -> None:
    tables = Tables(documented_file)
    parse_config(text, WHOLE, tmp_path, look_at_files=False, tables=tables)


@pytest.mark.parametrize(("page", "line"), commands())
def test_every_command_is_understood(page: str, line: str) -> None:
    words = shlex.split(line.partition("&&")[0], comments=True)
    cut = next((i for i, word in enumerate(words) if word[0] in "|<>"), len(words))
    assert build_parser(add_bench_arguments).parse_args(words[:cut]).command, page


def test_every_fuzz_target_is_explained() -> None:
    page = (DOCS / "developer" / "testing.md").read_text()
    targets = {path.stem for path in (ROOT / "tests" / "fuzz").glob("fuzz_*.py")}
    assert set(re.findall(r"^\| `(fuzz_\w+)` \|", page, re.MULTILINE)) == targets


def test_every_table_is_in_the_guide() -> None:
    page = (DOCS / "guide" / "tables.md").read_text()
    settings = set(re.findall(r"^\| `([\w.\[\]]+)` \|", page, re.MULTILINE))
    reference = (DOCS / "reference" / "settings.md").read_text()
    assert settings == set(re.findall(r"^\| `([^`]+)` \| table \|", reference, re.MULTILINE))


def test_every_dependency_is_explained() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    wanted = [*project["project"]["dependencies"], *project["build-system"]["requires"]]
    for group in project["dependency-groups"].values():
        wanted += group
    page = (DOCS / "developer" / "dependencies.md").read_text(encoding="utf-8")
    names = {re.split(r"[<>=!~\[ ]", requirement)[0] for requirement in wanted}
    assert {each for each in names if f"`{each}`" not in page} == set()
    explained = set(
        re.findall(r"`([\w-]+)`", "".join(re.findall(r"^\| .*? \|", page, re.MULTILINE)))
    )
    assert explained - names == set()
