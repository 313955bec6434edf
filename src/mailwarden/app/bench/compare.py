"""Rounds of paired runs: a trial that finds how many messages make a run, then the rounds."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from mailwarden.app.bench.measure import Run, least_messages, run_once
from mailwarden.app.bench.profile import Profile
from mailwarden.app.bench.statistics import messages_for, order_of_round
from mailwarden.app.bench.target import Target
from mailwarden.app.bench.workplace import BenchError, Workplace

TRIAL_ROUND: Final = -1  # its rates do not count, as memory is looked at meanwhile
_MESSAGES_MAX: Final = 300_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How much is run."""

    rounds: int = 5
    seconds: float = 5.0  # that a run of one target shall last
    trial_messages: int = 2000  # at most: fewer where they would last longer than `seconds`
    fixed_messages: int = 0  # instead of `seconds`; then the rounds look at memory themselves


def compare(
    workplace: Workplace,
    targets: Sequence[Target],
    profile: Profile,
    plan: Plan,
    on_run: Callable[[Run], None],
) -> None:
    """Run all targets in turn, each round in the opposite order; hand every run to `on_run`.

    A target that fails is left out of the rounds that follow.
    """
    by_name = {target.name: target for target in targets}
    messages = dict.fromkeys(by_name, plan.fixed_messages)

    def run(name: str, number: int, count: int) -> Run:
        samples = number == TRIAL_ROUND or bool(plan.fixed_messages)
        try:
            done = run_once(
                workplace,
                by_name[name],
                profile,
                messages=count,
                number=number,
                samples_memory=samples,
                seconds=plan.seconds if number == TRIAL_ROUND else None,
            )
        except BenchError as error:
            done = Run(
                target=name,
                profile=profile.name,
                round=number,
                messages=count,
                problems=(str(error),),
            )
        on_run(done)
        if done.problems:
            del by_name[name]
        return done

    if not plan.fixed_messages:
        for name in list(by_name):
            rate = run(name, TRIAL_ROUND, plan.trial_messages).end_to_end_rate
            least = least_messages(profile)
            messages[name] = messages_for(rate, plan.seconds, least, _MESSAGES_MAX)
    for number in range(plan.rounds):
        for name in order_of_round(list(by_name), number):
            run(name, number, messages[name])
