"""One rendering of a public form: a signed moment, so that only a form we showed is believed (LST-08, SEC-05)."""

from datetime import UTC, datetime, timedelta
from enum import IntEnum

from newsletter.instance import Instance
from newsletter.tokens import Purpose

GOOD_FOR = timedelta(hours=24)
FIELD = "jeton"


class Shown(IntEnum):
    """Which form was shown; a nonce of one is nothing to another."""

    sign_up = 1
    unsubscribe = 2
    preferences = 3


def nonce(instance: Instance, form: Shown, subject: int = 0) -> str:
    """The nonce of this rendering, for one reader where the form is theirs."""
    return instance.keys.sign(Purpose.nonce, form, subject, int(instance.clock.now().timestamp()))


def age_of(instance: Instance, sent: str, form: Shown, subject: int = 0) -> timedelta | None:
    """How long ago this form was shown; None when we did not show it to them, or more than a day ago."""
    numbers = instance.keys.read(Purpose.nonce, sent)
    if numbers is None or numbers[:2] != (form, subject):
        return None
    age = instance.clock.now() - datetime.fromtimestamp(numbers[2], UTC)
    return age if timedelta(0) <= age <= GOOD_FOR else None
