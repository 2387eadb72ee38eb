"""Twelve receiver families at once, each with faults of its own: who gets what is what the addresses foretell."""

import shutil
from pathlib import Path

import pytest

from benchmarks.families import run_families

MAILS = 5000


@pytest.mark.parametrize("processes", [1, 2])
def test_everyone_ends_where_the_oracle_expects_within_the_limits_of_all_senders_together(
    empty_stores: dict[str, str], tmp_path: Path, processes: int
) -> None:
    shutil.copy(empty_stores["sqlite"], tmp_path / "store.db")
    url = f"sqlite:///{tmp_path / 'store.db'}"
    assert list(run_families(url, tmp_path, mails=MAILS, minutes=0.05, processes=processes)) == []
