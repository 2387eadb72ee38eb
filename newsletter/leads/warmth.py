"""How warm a person is, as one number, and why, as one sentence. Pure: acts and a moment in, a value out.

The stored number is the sum of `weight · 2^((t − epoch)/half-life)`. Every act fades at the same pace, so the number
orders people at any later time and needs no nightly job; only `now_value` brings it to the present.
"""

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from babel.dates import format_date

from newsletter.clock import paris_day
from newsletter.i18n import _, ngettext
from newsletter.leads.rules import ACTS_AT_LEAST, EPOCH, HALF_LIFE, HORIZON_WEIGHTS, LEAD_THRESHOLD, WEIGHTS, Act
from newsletter.words import Horizon


@dataclass(frozen=True, slots=True, kw_only=True)
class Deed:
    """One thing a person did that counts."""

    act: Act
    at: datetime
    horizon: Horizon = Horizon.unknown  # of a poll answer
    sector: str = ""  # the trade it speaks of, in French; empty where it speaks of none

    @property
    def weight(self) -> float:
        return HORIZON_WEIGHTS[self.horizon] if self.act == Act.answered else WEIGHTS[self.act]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Heat:
    """How warm someone is at a moment."""

    whole: float = 0.0
    acts: float = 0.0  # without the opens
    asked: bool = False
    at: datetime = EPOCH

    def faded(self, now: datetime) -> "_Heat":
        fading = _times(now - self.at, back=True)
        return replace(self, whole=self.whole * fading, acts=self.acts * fading, at=now)

    def after(self, deed: Deed) -> "_Heat":
        before = self.faded(deed.at)
        return replace(
            before,
            whole=before.whole + deed.weight,
            acts=before.acts + (0.0 if deed.act == Act.opened else deed.weight),
            asked=before.asked or deed.act == Act.asked,
        )

    @property
    def is_warm(self) -> bool:
        """Warm enough to be called. Opens may tip the balance; alone they never make it."""
        return self.asked or (self.whole >= LEAD_THRESHOLD and self.acts >= ACTS_AT_LEAST)


def score(deeds: Iterable[Deed]) -> float:
    """The number to store: the same for the same deeds, whenever it is computed."""
    return sum(deed.weight * _times(deed.at - EPOCH) for deed in deeds)


def now_value(score: float, now: datetime) -> float:
    """What a stored score is worth at this moment, in the units of the weights."""
    return score * _times(now - EPOCH, back=True)


def _times(time: timedelta, *, back: bool = False) -> float:
    """By how much a weight grows, or with `back` fades, over this time."""
    return math.exp2((-time if back else time) / HALF_LIFE)


def warm_since(deeds: Iterable[Deed], *, now: datetime) -> datetime | None:
    """The act by which they became warm, of the warm spell that lasts until now; None when they are not warm."""
    heat, since = _Heat(), None
    for deed in sorted(deeds, key=lambda deed: deed.at):
        was_warm, heat = heat.faded(deed.at).is_warm, heat.after(deed)
        since = deed.at if heat.is_warm and not was_warm else since
    return since if heat.faded(now).is_warm else None


def because(deeds: Sequence[Deed], now: datetime) -> str:
    """One French sentence that says since when and why."""
    since = warm_since(deeds, now=now)
    reasons = ", ".join(_reasons(deeds)) or _("rien encore")
    if since is None:
        return _("Tiède : {reasons}.").format(reasons=reasons)
    return _("Chaude depuis le {day} : {reasons}.").format(day=_day(paris_day(since), paris_day(now)), reasons=reasons)


def _reasons(deeds: Sequence[Deed]) -> list[str]:
    """What they did, the strongest first."""
    found = []
    if any(deed.act == Act.asked for deed in deeds):
        found.append(_("demande à être rappelée"))
    answers = [deed for deed in deeds if deed.act == Act.answered]
    if answers:
        found.append(_project(max(answers, key=lambda deed: deed.at).horizon))
    openings = [deed for deed in deeds if deed.act == Act.opening]
    if openings:
        found.append(_clicks_on_openings(openings))
    pages = [deed for deed in deeds if deed.act == Act.read]
    if pages:
        found.append(_clicks_on_pages(pages))
    opens = sum(deed.act == Act.opened for deed in deeds)
    if opens:
        words = ngettext("{number} lettre ouverte", "{number} lettres ouvertes", opens)
        found.append(words.format(number=_spelt(opens, feminine=True)))
    return found


def _project(horizon: Horizon) -> str:
    match horizon:
        case Horizon.this_year:
            return _("veut venir dans l’année")
        case Horizon.one_to_three_years:
            return _("veut venir d’ici un à trois ans")
        case Horizon.later:
            return _("pense venir plus tard")
        case Horizon.dreaming:
            return _("rêve encore du Lot")
        case Horizon.unknown:
            return _("a répondu au sondage")


def _clicks_on_openings(deeds: Sequence[Deed]) -> str:
    words = ngettext("{number} clic sur une offre d’emploi", "{number} clics sur des offres d’emploi", len(deeds))
    return words.format(number=_spelt(len(deeds))) + _trades(deeds)


def _clicks_on_pages(deeds: Sequence[Deed]) -> str:
    words = ngettext(
        "{number} clic vers un employeur, un portrait ou une page",
        "{number} clics vers des employeurs, des portraits ou des pages",
        len(deeds),
    )
    return words.format(number=_spelt(len(deeds))) + _trades(deeds)


def _trades(deeds: Sequence[Deed]) -> str:
    """The two trades they looked at most, in brackets."""
    most = [sector for sector, _count in Counter(deed.sector for deed in deeds if deed.sector).most_common(2)]
    return _(" ({trades})").format(trades=", ".join(_in_a_sentence(sector) for sector in most)) if most else ""


def _in_a_sentence(name: str) -> str:
    """Without its capital, unless it is an abbreviation such as BTP."""
    return name if name.isupper() else name[:1].lower() + name[1:]


def _spelt(number: int, *, feminine: bool = False) -> str:
    """A small number in letters, as French sentences have it."""
    letters = ("zéro", "une" if feminine else "un", "deux", "trois", "quatre", "cinq", "six", "sept", "huit", "neuf")
    return letters[number] if number < len(letters) else str(number)


def _day(day: date, today: date) -> str:
    """4 mars, 1er mars, 4 mars 2025."""
    pattern = "d MMMM" if day.year == today.year else "d MMMM y"
    words = format_date(day, pattern, locale="fr")
    return words.replace("1 ", "1er ", 1) if day.day == 1 else words
