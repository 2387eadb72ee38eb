"""Senders killed with SIGKILL at random moments: nobody is lost or mailed twice without being listed."""

from pathlib import Path

from newsletter.words import DoubtPolicy
from tests.kit.fault_trials import FaultTrial, TrialResult, fault_trial
from tests.kit.forked_senders import ForkedSenders
from tests.kit.ledger_invariants import unbalanced

CONNECTIONS = 4
WITHIN = 0.12  # seconds after a message arrived


def kill_senders(
    url: str,
    folder: Path,
    *,
    policy: DoubtPolicy,
    processes: int,
    kills: int,
    senders: ForkedSenders | None = None,
) -> TrialResult:
    """Keep so many senders busy over one edition, killing one after the other; all that waits then leaves in peace.

    Fewer kills than asked when the edition ends first.
    """
    with fault_trial(url, folder, policy=policy, connections=CONNECTIONS, senders=senders) as trial:
        for _ in range(processes):
            trial.start()
        while trial.kills < kills and trial.kill_one(within=WITHIN):
            _look(trial)
            if trial.kills + processes <= kills:
                trial.start()
        trial.finish()
        return trial.judge()


def _look(trial: FaultTrial) -> None:
    """After each kill the balance adds up, and ripe doubts are settled as the policy says (I5)."""
    if trial.policy is DoubtPolicy.reconcile:
        trial.readers_open_some()
    trial.let_time_pass()
    trial.wrong += unbalanced(trial.store, trial.edition_id, finished=False)
