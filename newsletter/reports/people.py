"""One person: everything we hold about them, and why they are in a segment or not."""

from dataclasses import dataclass

import segments
from newsletter.audience import record
from newsletter.audience.record import PersonRecord
from newsletter.clock import paris_day
from newsletter.instance import Instance


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonReport:
    """What the page of a person shows; `membership` is None when no segment is asked about."""

    held: PersonRecord
    membership: segments.Membership | None


def person_report(instance: Instance, subscriber_id: int, *, segment: str = "") -> PersonReport:
    """Everything about a person. Raises NotFoundError."""
    today = paris_day(instance.clock.now())
    with instance.store.reading() as session:
        held = record.record_of(session, subscriber_id)
        asked = segments.membership(session, segment, subscriber_id, today=today) if segment.strip() else None
        return PersonReport(held=held, membership=asked)
