"""Time comes in from here: aware, in UTC inside, in Paris for people."""

from datetime import UTC, date, datetime
from typing import Protocol
from zoneinfo import ZoneInfo

from newsletter.errors import NewsletterError
from newsletter.i18n import _

PARIS = ZoneInfo("Europe/Paris")


class Clock(Protocol):
    """Whoever needs the present moment asks a clock for it."""

    def now(self) -> datetime:
        """The present moment, aware, in UTC."""
        ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)


class LocalTimeError(NewsletterError):
    """A Paris time that does not exist, or exists twice, on the day the clocks change."""


def from_paris(local: datetime) -> datetime:
    """The UTC moment of a wall-clock time in Paris, given without a zone.

    Raises LocalTimeError for an hour that the change to summer time skips, and for one that the change to winter time
    repeats: both would leave people guessing when an issue leaves.
    """
    earlier = local.replace(tzinfo=PARIS, fold=0).astimezone(UTC)
    later = local.replace(tzinfo=PARIS, fold=1).astimezone(UTC)
    if earlier == later:
        return earlier
    if earlier.astimezone(PARIS).replace(tzinfo=None) != local:
        raise LocalTimeError(
            _("L’heure {time} n’existe pas ce jour-là : on passe à l’heure d’été. Choisissez une autre heure.").format(
                time=local.strftime("%H:%M")
            )
        )
    raise LocalTimeError(
        _(
            "L’heure {time} existe deux fois ce jour-là : on passe à l’heure d’hiver. Choisissez une autre heure."
        ).format(time=local.strftime("%H:%M"))
    )


def in_paris(moment: datetime) -> datetime:
    """The same moment on a Paris clock."""
    return moment.astimezone(PARIS)


def paris_day(moment: datetime) -> date:
    """The day it is in Paris at this moment."""
    return in_paris(moment).date()
