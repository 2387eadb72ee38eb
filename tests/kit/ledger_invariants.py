"""What must hold after any fault: the ledger and the counting server tell the same story (engine.md §2.8)."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

import sqlalchemy as sa
from sqlmodel import Session, col, select

from newsletter.delivery.ledger.balance import balance_of
from newsletter.store import Store
from newsletter.store.ledger import ARRIVED_STATES, Batch, Mail, MailNote, of_batch
from newsletter.store.people import Subscriber
from newsletter.words import DoubtPolicy, MailState, NoteKind
from tests.kit.counting_smtp import ServerLog

LEFT_OUT = (MailState.refused, MailState.suppressed, MailState.cancelled)


@dataclass(frozen=True, slots=True)
class RecordedState:
    """What the ledger says of one recipient of an edition."""

    state: MailState
    doubted: bool  # at any time


def recorded_states(store: Store, edition_id: int) -> dict[str, RecordedState]:
    """The ledger's word on everybody, by address."""
    doubted = sa.exists().where(col(MailNote.mail_id) == col(Mail.id), col(MailNote.kind) == NoteKind.doubt)
    with store.reading() as session:
        rows = session.connection().execute(
            sa.select(col(Subscriber.address), col(Mail.state), doubted)
            .join(Mail, col(Mail.subscriber_id) == col(Subscriber.id))
            .where(col(Mail.edition_id) == edition_id)
        )
        return {address: RecordedState(MailState(state), bool(doubt)) for address, state, doubt in rows}


def violations(
    told: dict[str, RecordedState], received: ServerLog, *, policy: DoubtPolicy, kills: int = 0, connections: int = 0
) -> list[str]:
    """Every rule that does not hold, in words; with `kills`, in doubt at most one mail per open connection and kill."""
    return list(_violations(told, received, policy, most_doubts=kills * connections if kills else None))


def _violations(
    told: dict[str, RecordedState], received: ServerLog, policy: DoubtPolicy, *, most_doubts: int | None
) -> Iterator[str]:
    got = received.times
    for address, recorded in told.items():
        if recorded.state in ARRIVED_STATES and address not in got:
            yield f"I1: {address} is {recorded.state}, and the server lacks it"
        if got[address] > 1 and not recorded.doubted:
            yield f"I2/I3: {address} got {got[address]}, and was never listed in doubt"
        if got[address] > 1 and policy is not DoubtPolicy.resend:
            yield f"I2: {address} got {got[address]} under {policy}"
        if address in got and recorded.state in LEFT_OUT:
            yield f"I1: {address} is {recorded.state}, and the server has it"
        if address not in got and recorded.state not in (MailState.in_doubt, *LEFT_OUT):
            yield f"I2: {address} is {recorded.state}, and the server lacks it"
        if policy is DoubtPolicy.resend and recorded.state is MailState.in_doubt:
            yield f"I3: {address} is still in doubt under resend"
    yield from (f"nobody planned {address}" for address in got.keys() - told.keys())
    yield from _changed_on_the_way(received)
    doubts = sum(recorded.doubted for recorded in told.values())
    if most_doubts is not None and doubts > most_doubts:
        yield f"I4: {doubts} were in doubt, more than {most_doubts}"


def _changed_on_the_way(received: ServerLog) -> Iterator[str]:
    """A second copy is the first again: with another Message-ID no receiver could tell (engine.md §2.1)."""
    names: dict[str, set[str]] = defaultdict(set)
    for _moment, message_id, recipient in received.messages:
        names[recipient].add(message_id)
    yield from (f"{who} got two Message-IDs" for who, ids in names.items() if len(ids) > 1)


def unbalanced(store: Store, edition_id: int, *, finished: bool) -> list[str]:
    """I5: the balance adds up, and nothing waits once it is finished."""
    with store.reading() as session:
        figures = balance_of(session, edition_id)
    wrong = [] if figures.adds_up else [f"I5: {figures}"]
    return wrong + ([f"I5: {figures.waiting} still wait"] if finished and figures.waiting else [])


def waiting(session: Session, edition_id: int) -> int:
    """How many mails of it have not met their fate."""
    return balance_of(session, edition_id).waiting


def armed(session: Session, batch: Batch) -> int:
    """How many mails of a batch are armed now."""
    its = of_batch(batch.edition_id, batch.number)
    return session.exec(select(sa.func.count()).select_from(Mail).where(its, col(Mail.state) == MailState.armed)).one()
