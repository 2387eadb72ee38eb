"""Where a mail's processor time goes: one send over the wire, with a stopwatch on the program and on the ledger."""

from benchmarks.endtoend import send_apart
from benchmarks.rows import Row
from newsletter.store import Store
from tests.kit.counting_smtp import CORES, counting_server
from tests.kit.databases import SQLITE, Databases, databases
from tests.kit.planned_editions import an_edition, many_readers, plan_edition


def run(quick: bool = False) -> list[Row]:
    """Processor µs a mail, in three parts that add up."""
    count = 2_000 if quick else 20_000
    with databases() as made:
        return [row for connections in (10, 50) for row in _rows(made, connections, count)]


def _rows(made: Databases, connections: int, count: int) -> list[Row]:
    url = made.fresh(SQLITE)
    store = Store(url)
    many_readers(store, count)
    plan_edition(store, an_edition(store), connections=connections)
    store.close()
    with counting_server(made.home(), "--core", str(CORES[0])) as server:
        told = send_apart(url, "--in-parts", port=server.port)
    whole, program, ledger = (told[part] / told["attempts"] * 1e6 for part in ("cpu_seconds", "program", "ledger"))
    return [
        Row(name=f"processor time of a mail, {connections} connections", value=whole, unit="µs"),
        Row(name="  program: writing the message", value=program, unit="µs"),
        Row(name="  ledger: claims, arms, results, commits", value=ledger, unit="µs"),
        Row(name="  wire: SMTP and the choice of the next mail", value=whole - program - ledger, unit="µs"),
    ]
