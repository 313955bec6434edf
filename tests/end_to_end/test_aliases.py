"""The alias table (mailflow 5.3), seen by a client and the next hop."""

from pathlib import Path

from tests.end_to_end.gateway import Client, message, running
from tests.end_to_end.sink import Sink

TABLE = """\
# names of any domain first
trash:  /dev/null

[ corp.example ]
sales:  ann@corp.example, bob@corp.example
team:   sales, carl@partner.example
"""


def test_row_42_aliases_expand_and_drop(tmp_path: Path) -> None:
    with (
        Sink() as sink,
        running(tmp_path, smtp_routes={"ALL": f"127.0.0.1:{sink.port}"}) as gateway,
    ):
        gateway.config["inbound"] = {**gateway.config.get("inbound", {}), "aliases": TABLE}
        gateway.write_config()
        assert gateway.ask("reload")["problems"] == []
        with Client(gateway.port()) as client:
            client.command("EHLO x")
            assert client.message(["trash@corp.example"], message()).startswith("250")
            assert client.message(["bob@corp.example", "team@corp.example"], message()).startswith(
                "250"
            )
        gateway.wait_log("Message finished MID 1 done")
        gateway.wait_log(
            "Alias match: MID 2 RID 1 recipient team@corp.example mapped to "
            "['ann@corp.example', 'bob@corp.example', 'carl@partner.example']"
        )
        gateway.wait_log("Message finished MID 2 done")
        heard = sorted(r.decode() for _, recipients in sink.envelopes for r in recipients)
        assert heard == ["ann@corp.example", "bob@corp.example", "carl@partner.example"]
        counters = gateway.status()["workers"][0]["counters"]
        assert counters["dropped"] == 1


def test_row_43_a_cycle_is_named(tmp_path: Path) -> None:
    with running(tmp_path) as gateway:
        table = "[ corp.example ]\na: b\nb: a\n"
        gateway.config["inbound"] = {**gateway.config.get("inbound", {}), "aliases": table}
        gateway.write_config()
        (problem,) = gateway.ask("reload")["problems"]
        assert "is a cycle: a@corp.example -> b@corp.example -> a@corp.example" in str(problem)


def test_an_alias_for_too_many_is_no_table(tmp_path: Path) -> None:
    with running(tmp_path) as gateway:
        targets = [f"u{number}@corp.example" for number in range(5_001)]
        lines = [f"part{part}: {', '.join(targets[part::10])}" for part in range(10)]
        parts = ", ".join(f"part{part}" for part in range(10))
        table = "\n".join(["[ corp.example ]", *lines, f"all: {parts}", ""])
        gateway.config["inbound"] = {**gateway.config.get("inbound", {}), "aliases": table}
        gateway.write_config()
        (problem,) = gateway.ask("reload")["problems"]
        assert "all@corp.example' becomes more than 5000" in str(problem).replace(",", "")
