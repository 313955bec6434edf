"""Fuzzes the reader of XML files: `python -m tests.fuzz.fuzz_xml_configuration CORPUS`."""

import sys
from datetime import UTC, datetime

import atheris
import yaml

with atheris.instrument_imports(include=["mailwarden"]):
    from mailwarden.control.config.reader import demo_text
    from mailwarden.control.xml.faults import XmlError
    from mailwarden.control.xml.load import LoadOptions, load_configuration
    from mailwarden.control.xml.origin import NodeFacts
    from mailwarden.control.xml.protection import Protection
    from mailwarden.control.xml.spf_passed import convert_spf_passed
    from mailwarden.control.xml.write import SaveOptions, write_configuration

NODE = NodeFacts(model="GW-VM", version="1", serial="2")
TIME = datetime(2010, 9, 17, tzinfo=UTC)
BASE = yaml.safe_load(demo_text())
OPTIONS = (LoadOptions(), LoadOptions(convert=True, skip_hardware=True))
HEAD = (
    b'<?xml version="1.0" encoding="ISO-8859-1"?>\n<!DOCTYPE config SYSTEM "config.dtd">\n<config>'
)


def test_one_input(data: bytes) -> None:
    """The input is a file, what stands in one, and a content filter."""
    for content in (data, HEAD + data + b"</config>"):
        for options in OPTIONS:
            load(content, options)
    convert_spf_passed(data.decode("latin-1"))


def load(content: bytes, options: LoadOptions) -> None:
    """Load a file; what comes out can be saved, and then says nothing new."""
    try:
        tree = load_configuration(content, "fuzz.xml", BASE, NODE, options).tree
    except XmlError as error:
        if not error.problems or not all(s.isprintable() for s in str(error).splitlines()):
            raise AssertionError(error.problems) from error
        return
    saved = write_configuration(tree, NODE, TIME, SaveOptions(protection=Protection.PLAIN))
    again = load_configuration(saved, "again.xml", tree, NODE, LoadOptions())
    if again.tree != tree or again.changed:
        raise AssertionError((tree, again))


def main() -> None:
    """Fuzz until something breaks or the time is up."""
    atheris.Setup(sys.argv, test_one_input)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
