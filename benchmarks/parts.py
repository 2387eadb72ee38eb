"""Where a mail's processor time goes: the same edition sent over the wire, and into nothing, and only written."""

import time

from benchmarks.counted import CORES, counting_server
from benchmarks.endtoend import send_apart
from benchmarks.readers import an_edition, many_readers, plan_edition
from benchmarks.rows import Row
from benchmarks.sender import writer
from benchmarks.stores import SQLITE, Databases, databases
from newsletter.clock import SystemClock
from newsletter.delivery.claim import claim_batch
from newsletter.store import Store

CONNECTIONS = 50


def run(quick: bool = False) -> list[Row]:
    """Processor µs a mail, in three parts that add up."""
    count = 2_000 if quick else 20_000
    with databases() as made:
        program = _program(made)
        nowhere = _sending(made, count, "nowhere")
        wire = _sending(made, count, "wire")
    return [
        Row(name="processor time of a mail, all of it", value=wire, unit="µs"),
        Row(name="  program: writing the message", value=program, unit="µs"),
        Row(name="  ledger: claim, arm, result, commits shared by 50", value=nowhere - program, unit="µs"),
        Row(name="  wire: SMTP, and the commits of smaller groups", value=wire - nowhere, unit="µs"),
    ]


def _sending(made: Databases, count: int, transport: str) -> float:
    url = made.fresh(SQLITE)
    _planned(url, count)
    with counting_server(made.home(), "--core", str(CORES[0])) as server:
        told = send_apart(url, port=server.port, transport=transport)
    return float(told["cpu_seconds"] / told["attempts"] * 1e6)


def _program(made: Databases) -> float:
    url = made.fresh(SQLITE)
    store = _planned(url, 500)
    with store.transaction() as session:
        claim = claim_batch(session, lane="default", owner="bench", now=SystemClock().now())
    assert claim is not None
    write = writer(store, claim.edition_id)
    for mail in claim.mails:
        write(mail)
    begun = time.process_time()
    for mail in claim.mails:
        write(mail)
    spent = time.process_time() - begun
    store.close()
    return spent / len(claim.mails) * 1e6


def _planned(url: str, count: int) -> Store:
    store = Store(url)
    many_readers(store, count)
    plan_edition(store, an_edition(store), connections=CONNECTIONS)
    return store
