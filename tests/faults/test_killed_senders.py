"""Senders killed with SIGKILL at any moment: nobody is lost or mailed twice without being listed (engine.md §2.8).

`make faults` does the same ten times as often, and more that takes longer (benchmarks/faults.py).
"""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from newsletter.store import Store
from newsletter.words import DoubtPolicy, MailState
from tests.kit.counting_smtp import ServerLog
from tests.kit.forked_senders import ForkedSenders, forked_senders
from tests.kit.killed_senders import kill_senders
from tests.kit.ledger_invariants import RecordedState, violations
from tests.kit.planned_editions import many_readers

pytestmark = pytest.mark.xdist_group("processes")  # several at once: never two of these beside each other
READERS = 1600
KILLS = 4


@pytest.fixture(scope="module")
def senders(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ForkedSenders]:
    """Where the senders come from."""
    with forked_senders(tmp_path_factory.mktemp("senders")) as started:
        yield started


@pytest.mark.parametrize(
    ("policy", "processes"),
    [(DoubtPolicy.hold, 1), (DoubtPolicy.resend, 3), (DoubtPolicy.reconcile, 3)],
    ids=["hold", "resend", "reconcile"],
)
def test_after_kills_every_mail_is_accounted_for(
    store: Store, database: str, tmp_path: Path, senders: ForkedSenders, *, policy: DoubtPolicy, processes: int
) -> None:
    many_readers(store, READERS)
    kills = 0
    while kills < KILLS:  # an edition may end before so many
        folder = Path(tempfile.mkdtemp(dir=tmp_path))
        told = kill_senders(database, folder, policy=policy, processes=processes, kills=KILLS - kills, senders=senders)
        kills += told.kills
        assert told.wrong == []
        assert told.mails == READERS
        assert policy is not DoubtPolicy.resend or told.missing == 0


def test_a_ledger_that_tells_stories_is_found_out() -> None:
    fine = {"a@x.fr": RecordedState(MailState.accepted, doubted=False)}
    once = ServerLog(messages=[(0.0, "1", "a@x.fr")])
    twice = ServerLog(messages=[(0.0, "1", "a@x.fr"), (1.0, "1", "a@x.fr")])
    changed = ServerLog(messages=[(0.0, "1", "a@x.fr"), (1.0, "2", "a@x.fr")])
    doubted = {f"{n}@x.fr": RecordedState(MailState.in_doubt, doubted=True) for n in range(3)}
    assert violations(fine, once, policy=DoubtPolicy.hold) == []
    assert len(violations(fine, ServerLog(), policy=DoubtPolicy.hold)) == 2  # accepted, and nobody got it
    assert len(violations(fine, twice, policy=DoubtPolicy.hold)) == 2  # doubled, and never in doubt
    assert len(violations(fine, twice, policy=DoubtPolicy.resend)) == 1
    assert len(violations(fine, changed, policy=DoubtPolicy.resend)) == 2  # no receiver could tell the second
    assert len(violations({}, once, policy=DoubtPolicy.hold)) == 1  # nobody planned it
    assert violations(doubted, ServerLog(), policy=DoubtPolicy.hold, kills=1, connections=3) == []
    assert len(violations(doubted, ServerLog(), policy=DoubtPolicy.hold, kills=1, connections=2)) == 1
