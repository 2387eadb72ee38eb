"""How warm a person is, as one number, and why, as one sentence. Pure: acts and a moment in, a value out.

The stored number is the sum of `weight · 2^((t − epoch)/half-life)`. Every act decays at the same rate, so the number
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
from newsletter.leads.rules import (
    EPOCH,
    HALF_LIFE,
    HORIZON_WEIGHTS,
    LEAD_THRESHOLD,
    WEIGHTS,
    WITHOUT_OPENS_AT_LEAST,
    ActKind,
)
from newsletter.words import Horizon


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """One event that a person meant and that counts for warmth."""

    kind: ActKind
    at: datetime
    horizon: Horizon = Horizon.unknown  # of a poll answer
    sector: str = ""  # the trade it speaks of, in French; empty where it speaks of none

    @property
    def weight(self) -> float:
        return HORIZON_WEIGHTS[self.horizon] if self.kind == ActKind.answered else WEIGHTS[self.kind]


@dataclass(frozen=True, slots=True, kw_only=True)
class _WarmthAt:
    """How warm someone is at a moment: the decayed sum of weights."""

    whole: float = 0.0
    without_opens: float = 0.0
    asked: bool = False
    at: datetime = EPOCH

    def decayed(self, now: datetime) -> "_WarmthAt":
        decay = _times(now - self.at, back=True)
        return replace(self, whole=self.whole * decay, without_opens=self.without_opens * decay, at=now)

    def after(self, act: Act) -> "_WarmthAt":
        before = self.decayed(act.at)
        return replace(
            before,
            whole=before.whole + act.weight,
            without_opens=before.without_opens + (0.0 if act.kind == ActKind.opened else act.weight),
            asked=before.asked or act.kind == ActKind.asked,
        )

    @property
    def is_warm(self) -> bool:
        """Warm enough to be called. Opens may tip the balance; alone they never make it."""
        return self.asked or (self.whole >= LEAD_THRESHOLD and self.without_opens >= WITHOUT_OPENS_AT_LEAST)


def score(acts: Iterable[Act]) -> float:
    """The number to store: the same for the same acts, whenever it is computed."""
    return sum(act.weight * _times(act.at - EPOCH) for act in acts)


def now_value(score: float, now: datetime) -> float:
    """What a stored score is worth at this moment, in the units of the weights."""
    return score * _times(now - EPOCH, back=True)


def _times(time: timedelta, *, back: bool = False) -> float:
    """The factor by which a weight grows, or with `back` decays, over this time."""
    return math.exp2((-time if back else time) / HALF_LIFE)


def warm_since(acts: Iterable[Act], *, now: datetime) -> datetime | None:
    """The act by which they became warm, of the warm spell that lasts until now; None when they are not warm."""
    warmth, since = _WarmthAt(), None
    for act in sorted(acts, key=lambda act: act.at):
        was_warm, warmth = warmth.decayed(act.at).is_warm, warmth.after(act)
        since = act.at if warmth.is_warm and not was_warm else since
    return since if warmth.decayed(now).is_warm else None


def because(acts: Sequence[Act], now: datetime) -> str:
    """One French sentence that says since when and why."""
    since = warm_since(acts, now=now)
    reasons = ", ".join(_reasons(acts)) or _("rien encore")
    if since is None:
        return _("Tiède : {reasons}.").format(reasons=reasons)
    return _("Chaude depuis le {day} : {reasons}.").format(day=_day(paris_day(since), paris_day(now)), reasons=reasons)


def _reasons(acts: Sequence[Act]) -> list[str]:
    """What they did, the strongest first."""
    found = []
    if any(act.kind == ActKind.asked for act in acts):
        found.append(_("demande à être rappelée"))
    answers = [act for act in acts if act.kind == ActKind.answered]
    if answers:
        found.append(_project(max(answers, key=lambda act: act.at).horizon))
    openings = [act for act in acts if act.kind == ActKind.opening]
    if openings:
        found.append(_clicks_on_openings(openings))
    pages = [act for act in acts if act.kind == ActKind.read]
    if pages:
        found.append(_clicks_on_pages(pages))
    opens = sum(act.kind == ActKind.opened for act in acts)
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


def _clicks_on_openings(acts: Sequence[Act]) -> str:
    words = ngettext("{number} clic sur une offre d’emploi", "{number} clics sur des offres d’emploi", len(acts))
    return words.format(number=_spelt(len(acts))) + _trades(acts)


def _clicks_on_pages(acts: Sequence[Act]) -> str:
    words = ngettext(
        "{number} clic vers un employeur, un portrait ou une page",
        "{number} clics vers des employeurs, des portraits ou des pages",
        len(acts),
    )
    return words.format(number=_spelt(len(acts))) + _trades(acts)


def _trades(acts: Sequence[Act]) -> str:
    """The two trades they looked at most, in brackets."""
    most = [sector for sector, _count in Counter(act.sector for act in acts if act.sector).most_common(2)]
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
