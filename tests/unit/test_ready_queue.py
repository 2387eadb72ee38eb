"""The ready queue: no provider waits for another, and each mail is counted in one place."""

from newsletter.delivery.ledger.claim import ClaimedMail
from newsletter.delivery.ledger.leases import Lease
from newsletter.delivery.sender.ready_queue import LeasedBatch, QueuedMail, ReadyQueue
from newsletter.delivery.throttle.providers import RateLimits, RateLimitTable
from newsletter.delivery.throttle.rate_limits import BLOCKED, RateLimiter
from tests.kit.makers import LONG_AGO

NOW = 1000.0


def queue_of(limits: RateLimits, *addresses: str) -> tuple[ReadyQueue, LeasedBatch]:
    """A queue whose every domain is a provider with these limits, and one batch of mails to these addresses."""
    table = RateLimitTable(default=limits, providers={}, lanes={}, domains={})
    queue, batch = ReadyQueue(RateLimiter(table)), LeasedBatch(Lease(1, 1, 1, 0))
    queue.add(batch, [claimed(number, address) for number, address in enumerate(addresses)])
    return queue, batch


def claimed(number: int, address: str) -> ClaimedMail:
    return ClaimedMail(number, number, address, "", 0, False, False, LONG_AGO)


def taken(queue: ReadyQueue, connection: int = 0, now: float = NOW) -> QueuedMail:
    queued = queue.take(connection, now)
    assert queued is not None
    return queued


def test_providers_take_turns() -> None:
    queue, batch = queue_of(RateLimits(), "a@one.example", "b@one.example", "c@two.example")
    assert [taken(queue).mail.address for _ in range(3)] == ["a@one.example", "c@two.example", "b@one.example"]
    assert queue.take(0, NOW) is None
    assert (queue.waiting, queue.in_flight, batch.waiting, batch.in_flight) == (0, 3, 0, 3)


def test_a_provider_at_its_connection_limit_goes_on_with_the_connection_it_has() -> None:
    queue, batch = queue_of(RateLimits(connections=1), *(f"{n}@one.example" for n in range(3)))
    first = taken(queue, connection=1)
    assert queue.take(2, NOW) is None
    assert queue.wait(NOW) == BLOCKED
    assert queue.startable() == 0
    second = taken(queue, connection=1)
    queue.finished(first)
    queue.finished(second)
    assert queue.wait(NOW) == 0
    assert taken(queue, connection=2).connection == 2
    assert not batch.is_done


def test_a_provider_at_its_rate_limit_waits_and_others_do_not() -> None:
    queue, _batch = queue_of(RateLimits(per_minute=60), "a@one.example", "b@one.example", "c@two.example")
    taken(queue), taken(queue)
    assert queue.take(0, NOW) is None
    assert queue.startable() == 0
    wait = queue.wait(NOW)
    assert 0.5 < wait < 1.5
    assert queue.take(0, NOW + wait / 2) is None
    assert taken(queue, now=NOW + wait).mail.address == "b@one.example"


def test_changed_limits_hold_at_once() -> None:
    queue, _batch = queue_of(RateLimits(per_minute=1), "a@one.example", "b@one.example")
    taken(queue)
    assert queue.take(0, NOW) is None
    queue.limiter.update(
        RateLimitTable(default=RateLimits(), providers={}, lanes={}, domains={}), lane=RateLimits(), left=None
    )
    assert queue.take(0, NOW) is None  # it is still set aside
    queue.limits_changed()
    assert taken(queue).mail.address == "b@one.example"


def test_a_mail_that_is_put_back_is_the_next_of_its_provider() -> None:
    queue, batch = queue_of(RateLimits(), "a@one.example", "b@one.example")
    queue.put_back(taken(queue))
    assert (queue.waiting, queue.in_flight, batch.waiting, batch.in_flight) == (2, 0, 2, 0)
    assert [taken(queue).mail.address for _ in range(2)] == ["a@one.example", "b@one.example"]


def test_a_dropped_batch_is_forgotten_and_no_other() -> None:
    queue, batch = queue_of(RateLimits(), "a@one.example", "b@one.example", "c@two.example")
    kept = LeasedBatch(Lease(2, 1, 1, 1))
    queue.add(kept, [claimed(9, "d@one.example")])
    in_flight = taken(queue)
    queue.drop(batch)
    queue.put_back(in_flight)
    queue.drop(batch)  # again, with nothing of it left
    assert batch.is_done
    assert [taken(queue).mail.address, queue.take(0, NOW)] == ["d@one.example", None]
    assert not kept.is_done


def test_many_full_providers_hide_no_free_one_for_long() -> None:
    providers = 40
    twice = [f"{n}@p{provider}.example" for n in range(2) for provider in range(providers)]
    queue, _batch = queue_of(RateLimits(connections=1), *twice)
    for connection in range(providers):
        taken(queue, connection=connection)
    queue.add(LeasedBatch(Lease(2, 1, 1, 1)), [claimed(999, "free@last.example")])
    found = [queue.take(providers, NOW) for _ in range(3)]  # a take looks at some providers, the next at the others
    assert [queued.mail.address for queued in found if queued] == ["free@last.example"]
