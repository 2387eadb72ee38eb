"""Senders killed with SIGKILL at random moments: nobody is lost or mailed twice without being listed."""

from pathlib import Path

from benchmarks.invariants import unbalanced
from benchmarks.trials import Trial, Verdicts, trial
from benchmarks.victims import Gang
from newsletter.words import DoubtPolicy

CONNECTIONS = 4
WITHIN = 0.12  # seconds after a message arrived


def kill_senders(
    url: str, folder: Path, *, policy: DoubtPolicy, processes: int, kills: int, crew: Gang | None = None
) -> Verdicts:
    """Keep so many senders busy over one edition, killing one after the other; all that waits then leaves in peace.

    Fewer kills than asked when the edition ends first.
    """
    with trial(url, folder, policy=policy, connections=CONNECTIONS, crew=crew) as going:
        for _ in range(processes):
            going.start()
        while going.kills < kills and going.kill_one(within=WITHIN):
            _look(going)
            if going.kills + processes <= kills:
                going.start()
        going.finish()
        return going.judge()


def _look(going: Trial) -> None:
    """After each kill the balance adds up, and ripe doubts are settled as the policy says (I5)."""
    if going.policy is DoubtPolicy.reconcile:
        going.readers_open_some()
    going.let_time_pass()
    going.wrong += unbalanced(going.store, going.edition_id, finished=False)
