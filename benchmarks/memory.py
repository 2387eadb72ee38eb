"""Whether a sender's memory grows with the list: everything but the wire, for a short list and a long one."""

from benchmarks.endtoend import send_apart
from benchmarks.planning import MEMORY_BAR
from benchmarks.rows import Row
from newsletter.store import Store
from tests.kit.databases import SQLITE, Databases, databases
from tests.kit.planned_editions import an_edition, many_readers, plan_edition

CONNECTIONS = 50


def run(quick: bool = False) -> list[Row]:
    """Peak memory. Into nothing, since over a wire a million mails would take minutes."""
    few, many = (2_000, 10_000) if quick else (10_000, 1_000_000)
    with databases() as made:
        small, large = _peak_mb(made, few), _peak_mb(made, many)
    return [
        Row(
            name=f"peak memory of sending {many:,} against {few:,}, SQLite", value=large, unit="MB", baseline=small,
            ratio=large / small, bar=f"≤ {MEMORY_BAR} ×", ok=large / small <= MEMORY_BAR,
        )
    ]  # fmt: skip


def _peak_mb(made: Databases, count: int) -> float:
    url = made.fresh(SQLITE)
    store = Store(url)
    many_readers(store, count)
    plan_edition(store, an_edition(store), connections=CONNECTIONS)
    store.close()
    told = send_apart(url, "--transport", "nowhere")
    assert told["attempts"] == count, told
    return float(told["peak_mb"])
