"""Commands that change the queue (admin 1.6.5, 1.7, CLI-50, CLI-51)."""

import json

import pytest

from mailwarden.control.dialogue.scripted_terminal import Key
from mailwarden.core.access.roles import Role
from tests.unit.control.commands.counter import Counter, run_line, sit


def done(messages: int, recipients: int = 0, unreadable: int = 0) -> dict[str, object]:
    """The last word of a worker."""
    return {
        "done": True,
        "looked_at": 7,
        "messages": messages,
        "recipients": recipients or messages,
        "unreadable": unreadable,
    }


def records(counter: Counter) -> list[tuple[str, str, str]]:
    """Who did what, the last one first."""
    audit = counter.administration.versions.store.audit(20)
    return [(record.author.user, record.action, record.detail) for record in audit]


def test_c_24_deleting_by_host_as_the_dialogue_has_it(counter: Counter) -> None:
    counter.gateway.answers["queue_delete"] = [
        {"done": False, "looked_at": 3, "messages": 1},
        done(60),
        done(40, 45),
    ]
    desk = counter.desk("olga", Role.OPERATOR)
    sitting = sit(desk, "deleterecipients", "1", "example.com", "Y")
    assert sitting.screen == (
        "gw1.example.test> deleterecipients\n"
        "Please select how you would like to delete messages:\n"
        "1. By recipient domain.\n"
        "2. By Envelope From address.\n"
        "3. All.\n"
        "[1]> 1\n"
        "Please enter the hostnames for the messages you wish to delete.\n"
        "[]> example.com\n"
        'Are you sure you want to delete all messages being delivered to "example.com"? [N]> Y\n'
        "Deleting messages, please wait.\n"
        "100 messages deleted.\n"
        "gw1.example.test> "
    )
    assert counter.gateway.asked == [
        {
            "command": "queue_delete",
            "selection": {"recipient_hosts": ["example.com"]},
            "by": "olga",
        }
    ]
    assert records(counter)[0] == (
        "olga",
        "deleterecipients",
        "host example.com: 100 messages, 105 recipients",
    )


BATCHES = [
    ("host example.com,.Example.NET force", {"recipient_hosts": ["example.com", ".example.net"]}),
    ("sender <> yes", {"senders": ["<>"]}),
    ("sender @Partner.example force", {"senders": ["@partner.example"]}),
    ("all force", {}),
]


@pytest.mark.parametrize(("words", "selection"), BATCHES)
@pytest.mark.parametrize("verb", ["delete", "bounce"])
def test_batch_forms(counter: Counter, verb: str, words: str, selection: dict[str, object]) -> None:
    counter.gateway.answers[f"queue_{verb}"] = [done(1)]
    sitting = run_line(counter.desk(), f"--json {verb}recipients {words}")
    assert sitting.status == 0, sitting.errors
    found = json.loads(sitting.shown)
    assert found["data"] == {"messages": 1, "recipients": 1, "unreadable": 0}
    assert counter.gateway.asked[0]["selection"] == selection


def test_a_batch_line_without_force_asks(counter: Counter) -> None:
    counter.gateway.answers["queue_bounce"] = [done(1)]
    desk = counter.desk()
    sitting = run_line(desk, "bouncerecipients all", "n")
    assert sitting.shown == (
        "Are you sure you want to bounce all messages in the delivery queue? [N]> "
        "Error: not confirmed\n"
    )
    assert (sitting.status, counter.gateway.asked) == (1, [])
    assert run_line(desk, "--json bouncerecipients all").status == 1
    assert run_line(desk, "bouncerecipients all", "y").shown.endswith("1 message bounced.\n")


REFUSED = [
    ("deleterecipients host bad..name force", "hosts: "),
    ("deleterecipients sender nobody force", "sender: 'nobody' is not an address"),
    ("deleterecipients host", "hosts is missing"),
    ("deleterecipients everything", "by: 'everything' is not in the list"),
    ("removemessage abc force", "mid: "),
    ("removemessage force", "mid: "),
    ("redirectrecipients a,b force", "relay: "),
    ("redirectrecipients usedns force", "relay: "),
    ("delivernow host a..b", "domain: "),
]


@pytest.mark.parametrize(("line", "error"), REFUSED)
def test_what_makes_no_sense_is_refused(counter: Counter, line: str, error: str) -> None:
    sitting = run_line(counter.desk(), line)
    assert sitting.status == 1
    assert sitting.errors.startswith(f"Error: {error}")
    assert counter.gateway.asked == []


def test_no_is_the_answer_to_an_empty_line(counter: Counter) -> None:
    sitting = sit(counter.desk(), "bouncerecipients", "2", "ann@partner.example", "")
    assert 'with the Envelope From address of "ann@partner.example"? [N]> ' in sitting.shown
    assert counter.gateway.asked == []


def test_mail_that_cannot_be_read_is_told(counter: Counter) -> None:
    counter.gateway.answers["queue_delete"] = [done(2, unreadable=1)]
    sitting = run_line(counter.desk(), "deleterecipients host a.example force")
    assert "2 messages deleted.\n1 message could not be read and were left alone" in sitting.shown


def test_cli_50_what_was_done_before_a_worker_failed_is_told(counter: Counter) -> None:
    counter.gateway.answers["queue_delete"] = [
        done(3),
        {"error": "not all mail was looked at: worker 1 is still starting"},
    ]
    sitting = run_line(counter.desk(), "deleterecipients all force")
    assert sitting.errors == (
        "Error: not all mail was looked at: worker 1 is still starting; done so far: 3\n"
    )
    assert records(counter)[0] == ("admin", "deleterecipients", "all: not completed")


@pytest.mark.parametrize(
    "line",
    [
        "deleterecipients all force",
        "bouncerecipients all force",
        "redirectrecipients relay.example force",
        "removemessage 7 force",
        "delivernow all",
        "resetqueue",
        "resetcounters",
    ],
)
def test_c_22_a_guest_changes_nothing(counter: Counter, line: str) -> None:
    sitting = run_line(counter.desk("gus", Role.GUEST), line)
    name = line.partition(" ")[0]
    assert sitting.errors == f"You do not have permission to run {name}\n"
    assert (sitting.status, counter.gateway.asked) == (1, [])
    assert records(counter)[0] == ("gus", "refused", name)


def test_cli_51_a_message_is_removed_wherever_it_waits(counter: Counter) -> None:
    counter.gateway.answers["queue_delete"] = [done(0), done(1)]
    sitting = sit(counter.desk(), "removemessage", "4711", "y")
    assert "Are you sure you want to remove message 4711? [N]> " in sitting.shown
    assert "MID 4711 removed.\n" in sitting.shown
    assert counter.gateway.asked[0]["selection"] == {"mids": [4711]}
    assert records(counter)[0] == ("admin", "removemessage", "MID 4711: 1 messages, 1 recipients")


def test_cli_51_a_message_that_is_not_there(counter: Counter) -> None:
    counter.gateway.answers["queue_delete"] = [done(0)]
    sitting = run_line(counter.desk(), "removemessage 4711 force")
    assert sitting.errors == "Error: MID 4711 is not in a queue that can be changed.\n"


def test_all_mail_is_redirected(counter: Counter) -> None:
    counter.gateway.answers["queue_count"] = [done(200, 246)]
    counter.gateway.answers["queue_redirect"] = [{"redirect": {"number": 3, "to": "r.example"}}]
    sitting = sit(counter.desk(), "redirectrecipients", "r.example:2525", "y")
    assert "WARNING: " in sitting.shown
    assert 'all mail in the queue to "r.example:2525"? [N]> ' in sitting.shown
    assert "Redirecting messages, please wait.\n246 recipients redirected.\n" in sitting.shown
    assert counter.gateway.asked[1]["to"] == "r.example:2525"
    assert records(counter)[0] == ("admin", "redirectrecipients", "redirect 3 to r.example:2525")


def test_redirects_are_ended_without_a_question(counter: Counter) -> None:
    counter.gateway.answers["queue_redirect_cancel"] = [{"cancelled": [1, 3]}]
    sitting = run_line(counter.desk(), "--json redirectrecipients cancel")
    assert json.loads(sitting.shown)["data"] == {"cancelled": [1, 3]}
    assert records(counter)[0] == ("admin", "redirectrecipients", "cancelled 1, 3")
    counter.gateway.answers["queue_redirect_cancel"] = [{"cancelled": []}]
    assert run_line(counter.desk(), "redirectrecipients cancel").shown == "No mail is redirected.\n"


def test_delivery_is_tried_now(counter: Counter) -> None:
    counter.gateway.answers["queue_retry"] = [
        {"workers": [{"retried": 3, "unseen": 1}, {"retried": 2, "unseen": 0}], "unanswered": []}
    ]
    sitting = sit(counter.desk(), "delivernow", "", "foo.example", "delivernow", "2")
    assert 'Scheduling all messages to "foo.example" for delivery: 6 deliveries.' in sitting.shown
    assert "Scheduling all messages for delivery: 6 deliveries." in sitting.shown
    assert [asked["domain"] for asked in counter.gateway.asked] == ["foo.example", ""]
    assert [record[2] for record in records(counter)[:2]] == ["all", "foo.example"]


def test_a_worker_that_was_not_asked_is_named(counter: Counter) -> None:
    counter.gateway.answers["queue_retry"] = [
        {"workers": [{"retried": 3}], "unanswered": ["worker 1 is still starting"]}
    ]
    sitting = run_line(counter.desk(), "delivernow all")
    assert sitting.errors == ("Error: Not all workers could be asked: worker 1 is still starting\n")


def test_the_queue_is_reset_after_two_questions(counter: Counter) -> None:
    counter.gateway.answers["queue_count_all"] = [done(5)]
    counter.gateway.answers["queue_reset"] = [done(5)]
    desk = counter.desk()
    sitting = sit(desk, "resetqueue", "y", "n", "resetqueue", "y", "y")
    assert "Are you sure you want to delete all 5 messages in the queue? [N]> " in sitting.shown
    assert "Are you really sure? [N]> Nothing was changed.\n" in sitting.shown
    assert sitting.shown.count("5 messages deleted.\n") == 1
    assert records(counter)[0][1:] == ("resetqueue", "all: 5 messages, 5 recipients")


def test_the_queue_is_reset_only_while_nothing_moves_and_by_admin_alone(counter: Counter) -> None:
    counter.gateway.answers["queue_count_all"] = [done(5)]
    counter.gateway.answers["queue_reset"] = [{"error": "delivery is not suspended"}]
    sitting = sit(counter.desk(), "resetqueue", "y", "y")
    assert "delivery is not suspended" in sitting.errors
    other = run_line(counter.desk("anna", Role.ADMINISTRATOR), "resetqueue")
    assert other.errors == "You do not have permission to run resetqueue\n"
    assert "is a dialogue" in run_line(counter.desk(), "resetqueue force").errors


def test_ctrl_c_leaves_a_record(counter: Counter) -> None:
    counter.gateway.stuck.add("queue_delete")
    sitting = sit(counter.desk(), "deleterecipients", "3", "y", Key.CTRL_C)
    assert "Abandoned." in sitting.shown
    assert records(counter)[0] == ("admin", "deleterecipients", "all: not completed")
