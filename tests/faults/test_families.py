"""Twelve receiver families at once, each with faults of its own: who gets what is what the addresses foretell."""

import shutil
from pathlib import Path

from benchmarks.families import run_families

MAILS = 5000


def test_everyone_ends_where_the_oracle_expects_within_the_limits(empty_stores: dict[str, str], tmp_path: Path) -> None:
    shutil.copy(empty_stores["sqlite"], tmp_path / "store.db")
    assert list(run_families(f"sqlite:///{tmp_path / 'store.db'}", tmp_path, mails=MAILS, minutes=0.05)) == []
