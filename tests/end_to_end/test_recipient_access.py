"""The recipient access table (mailflow 4), seen by a client."""

from pathlib import Path

from tests.end_to_end.gateway import Client, running

TABLE = [
    'old@corp.example REJECT (554 "This address was retired")',
    'sales@corp.example ACCEPT (250 "Welcome to Sales")',
    "corp.example ACCEPT",
    ".corp.example ACCEPT",
    "abuse@ ACCEPT",
    "ALL REJECT",
]


def test_row_37_the_first_entry_decides_and_may_answer_in_its_own_words(tmp_path: Path) -> None:
    with running(tmp_path) as gateway:
        public = gateway.config["listeners"][0]
        del public["accepted_domains"]
        public["recipient_access"] = TABLE
        gateway.write_config()
        assert gateway.ask("reload")["problems"] == []
        with Client(gateway.port()) as client:
            client.command("EHLO x")
            client.command("MAIL FROM:<ann@partner.example>")
            heard = {
                address: client.command(f"RCPT TO:<{address}>")
                for address in (
                    "old@corp.example",
                    "Sales@Corp.example",
                    "bob@corp.example",
                    "bob@eu.corp.example",
                    "abuse@other.example",
                    "bob@other.example",
                    "postmaster",
                )
            }
        assert heard == {
            "old@corp.example": "554 This address was retired",
            "Sales@Corp.example": "250 Welcome to Sales",
            "bob@corp.example": "250 recipient <bob@corp.example> ok",
            "bob@eu.corp.example": "250 recipient <bob@eu.corp.example> ok",
            "abuse@other.example": "250 recipient <abuse@other.example> ok",
            "bob@other.example": "550 #5.1.0 Address rejected.",
            "postmaster": "250 recipient <postmaster> ok",
        }
        gateway.wait_log("To: <bob@other.example> Rejected by RAT")
        gateway.wait_log("To: <old@corp.example> Rejected by RAT")


def test_an_entry_that_cannot_be_read_names_its_line(tmp_path: Path) -> None:
    with running(tmp_path) as gateway:
        public = gateway.config["listeners"][0]
        del public["accepted_domains"]
        public["recipient_access"] = ["corp.example TAKE", "ALL REJECT"]
        gateway.write_config()
        (problem,) = gateway.ask("reload")["problems"]
        assert "TAKE is no action; ACCEPT and REJECT are" in str(problem)
