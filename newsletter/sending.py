"""A process that sends: one drain of a lane, drains without end, and what is remembered between them."""

import os
import socket
from collections.abc import Callable
from dataclasses import dataclass, field

from newsletter.compose.headers import sender_identity
from newsletter.delivery.ledger.lanes import DEFAULT_LANE
from newsletter.delivery.sender.drain import Drained, Sender
from newsletter.delivery.sender.envelopes import EnvelopeFor, envelopes
from newsletter.delivery.throttle.backoff import BackoffDetector
from newsletter.delivery.throttle.pace_file import PaceFile
from newsletter.delivery.workers.dispatch import Dispatcher, claimable_lanes
from newsletter.delivery.workers.registry import Heartbeat
from newsletter.instance import Instance, send_lock
from newsletter.smtp.contract import Transport
from newsletter.smtp.factory import TransportFactory
from newsletter.smtp.options import smtp_options_of


@dataclass(frozen=True, slots=True)
class SenderMemory:
    """What a sending process remembers from one drain to the next, for as long as it lives.

    pace.toml as it was read last, so that a file that breaks keeps the limits read before; and per lane what each
    provider answered, for an answer of an hour ago still counts towards a back-off.
    """

    pace: PaceFile
    _detectors: dict[str, BackoffDetector] = field(default_factory=dict)

    def detector(self, lane: str) -> BackoffDetector:
        """What was heard on this lane."""
        return self._detectors.setdefault(lane, BackoffDetector(lane))


def deliver(
    instance: Instance,
    *,
    lane: str = DEFAULT_LANE,
    transport: Transport | None = None,
    stopping: Callable[[], bool] = lambda: False,
    memory: SenderMemory | None = None,
) -> Drained:
    """Send what is due on this lane until nothing is. Any number of processes may do this at once (DESIGN §5).

    `memory` is what earlier calls of this process learned; a call without it learns for itself alone.

    While the instance is locked after a restore, nothing leaves, and the sentence says why.
    """
    if why := send_lock(instance):
        return Drained(trouble=why)
    memory = memory or SenderMemory(PaceFile(instance.settings.home))
    sender = Sender(
        instance.store,
        instance.clock,
        transport or _transport_factory(instance, lane, memory.pace),
        lambda edition_id: _writer(instance, edition_id),
        owner=f"{socket.gethostname()}:{os.getpid()}",
        lane=lane,
        stopping=stopping,
        pace=memory.pace.table,
        claimed=lambda: send_lock(instance),
        detector=memory.detector(lane),
    )
    return sender.run()


def _transport_factory(instance: Instance, lane: str, pace: PaceFile) -> TransportFactory:
    """The server of the settings; pace.toml is looked at whenever a connection is opened."""
    usual = smtp_options_of(instance.settings)
    return TransportFactory(instance.settings, lambda: pace.table().smtp_options(lane, usual))


def keep_sending(
    instance: Instance, *, dispatcher: Dispatcher, heartbeat: Heartbeat, stopping: Callable[[], bool], lane: str = ""
) -> None:
    """Send whatever falls due, on this lane or on all, until `stopping`; the registry is told what is being drained."""
    memory = SenderMemory(PaceFile(instance.settings.home))

    def drain(name: str) -> None:
        with heartbeat.draining(name):
            deliver(instance, lane=name, stopping=stopping, memory=memory)

    dispatcher.run(drain, claimable=lambda: lanes_with_work(instance, lane=lane), stopping=stopping)


def send_once(instance: Instance, *, heartbeat: Heartbeat, stopping: Callable[[], bool], lane: str = "") -> Drained:
    """Send what is due now, on this lane or on all, and end: the attempts of all lanes, and the first trouble."""
    drained = []
    for name in lanes_with_work(instance, lane=lane):
        with heartbeat.draining(name):
            drained.append(deliver(instance, lane=name, stopping=stopping))
    return Drained(
        attempts=sum(one.attempts for one in drained), trouble=next((one.trouble for one in drained if one.trouble), "")
    )


def lanes_with_work(instance: Instance, *, lane: str = "") -> list[str]:
    """The lanes that have something to send which nobody sends yet; of this one alone when it is named."""
    with instance.store.reading() as session:
        found = claimable_lanes(session, now=instance.clock.now())
    return [name for name in found if lane in ("", name)]


def _writer(instance: Instance, edition_id: int) -> EnvelopeFor:
    with instance.store.reading() as session:
        return envelopes(
            session,
            edition_id,
            keys=instance.keys,
            sender=sender_identity(instance.settings),
            mail_from=instance.settings.outbound_from,
        )
