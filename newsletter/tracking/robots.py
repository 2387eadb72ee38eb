"""Person or robot: pure rules over the fetches of one mail (TRK-03 to TRK-06, TRK-09, TRK-10).

A fetch is a recorded event of kind `clicked` or `opened`. A verdict waits until those that could change it have come
in. A scan never spoils a person's later click, even on a link that was scanned; and what is judged here can be judged
again by a later rule set.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import pairwise

from newsletter.clock import paris_day
from newsletter.tracking.agents import Agent, Hint
from newsletter.words import EventKind, Verdict

RULES_VERSION = 1
"""Grows with every change of the rules; each event says which version judged it."""

PROVISIONAL = timedelta(seconds=60)
_TOO_SOON = timedelta(seconds=2)
_BURSTS = ((4, timedelta(seconds=1)), (5, timedelta(seconds=10)))
_ALL_LINKS_WITHIN = timedelta(seconds=10)
_FEWEST_LINKS = 3  # in a mail with one or two links, taking them all says nothing
_SAME_INSTANT = timedelta(milliseconds=100)
_MACHINE_TIMING = timedelta(seconds=60)

_NEVER_CLICKS = {
    Agent.gmail_prefetch: Verdict.prefetch,
    Agent.gmail_proxy: Verdict.prefetch,
    Agent.yahoo_proxy: Verdict.prefetch,
    Agent.office: Verdict.prefetch,  # Outlook's look at a link just before the browser opens it
    Agent.bare: Verdict.scanner,
    Agent.headless: Verdict.scanner,
    Agent.scanner: Verdict.scanner,
    Agent.preview: Verdict.scanner,
    Agent.program: Verdict.scanner,
    Agent.crawler: Verdict.scanner,
    Agent.none: Verdict.scanner,
}
_NEVER_OPENS = {
    Agent.gmail_prefetch: Verdict.prefetch,
    Agent.bare: Verdict.prefetch,  # Apple fetches whether anyone reads or not: proves nothing, disproves nothing
    Agent.headless: Verdict.scanner,
    Agent.scanner: Verdict.scanner,
    Agent.preview: Verdict.scanner,
    Agent.program: Verdict.scanner,
    Agent.crawler: Verdict.scanner,
    Agent.none: Verdict.scanner,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetch:
    """One fetch of a link or of the pixel of one mail."""

    kind: EventKind
    at: datetime
    link: int | None = None
    method: str = "GET"
    agent: Agent = Agent.browser
    hints: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """Who caused a fetch, and the words of the rules that say so."""

    verdict: Verdict
    reasons: tuple[str, ...] = ()


_WAITING = Judgement(verdict=Verdict.unknown, reasons=("waiting",))


def judge(fetches: Sequence[Fetch], *, accepted_at: datetime | None, now: datetime, links: int = 0) -> list[Judgement]:
    """A judgement per fetch of one mail, in the order given.

    `accepted_at` is when the receiver took the mail, `links` how many links it carries (0: not known). A fetch younger
    than a minute stays unknown.
    """
    order = sorted(range(len(fetches)), key=lambda place: fetches[place].at)
    timed = [fetches[place] for place in order]
    clicks = [place for place, fetch in enumerate(timed) if fetch.kind == EventKind.clicked and _may_be_a_person(fetch)]
    bursts = _bursts([timed[place] for place in clicks], links=links)
    together = {clicks[place]: words for place, words in bursts.items()}
    judged = [
        _WAITING
        if now - fetch.at < PROVISIONAL
        else _judge_one(fetch, together.get(place, ()), accepted_at=accepted_at)
        for place, fetch in enumerate(timed)
    ]
    judged = _one_open_a_day(timed, judged)
    return [judgement for _place, judgement in sorted(zip(order, judged, strict=True), key=lambda pair: pair[0])]


def _may_be_a_person(fetch: Fetch) -> bool:
    """It could be a person: a plain GET that does not call itself a prefetch."""
    return fetch.method == "GET" and Hint.prefetch not in fetch.hints


def _judge_one(fetch: Fetch, together: Sequence[str], *, accepted_at: datetime | None) -> Judgement:
    """What the rules say of a fetch whose time has come; `together` is what its neighbours say."""
    if not _may_be_a_person(fetch):
        return Judgement(verdict=Verdict.prefetch, reasons=("not-a-get" if fetch.method != "GET" else "says-prefetch",))
    agents = _NEVER_CLICKS if fetch.kind == EventKind.clicked else _NEVER_OPENS
    reasons = [*together, *_timing(fetch, accepted_at=accepted_at)]
    if fetch.agent in agents:
        return Judgement(verdict=agents[fetch.agent], reasons=(f"agent:{fetch.agent}", *reasons))
    if reasons == ["double"]:
        return Judgement(verdict=Verdict.prefetch, reasons=("double",))
    if reasons:
        return Judgement(verdict=Verdict.scanner, reasons=tuple(reasons))
    return Judgement(verdict=Verdict.human)


def _timing(fetch: Fetch, *, accepted_at: datetime | None) -> list[str]:
    """What the time since the mail arrived says."""
    if accepted_at is None:
        return []
    waited = fetch.at - accepted_at
    found = ["too-soon"] if waited < _TOO_SOON else []
    # Behind a mail filter or a company's one address there are people too: only haste tells them from machines.
    if waited < _MACHINE_TIMING and fetch.kind == EventKind.clicked:
        found += [hint for hint in (Hint.rewritten, Hint.crowd) if hint in fetch.hints]
    return found


def _bursts(clicks: Sequence[Fetch], *, links: int) -> dict[int, list[str]]:
    """What the clicks of a mail, in time order, say of each other: place → reasons."""
    found: dict[int, list[str]] = {}
    for count, span in _BURSTS:
        _mark(found, _crowded(clicks, count=count, span=span), "burst")
    if links >= _FEWEST_LINKS:
        _mark(found, _every_link(clicks, links=links), "all-links")
    for place, (click, following) in enumerate(pairwise(clicks)):
        if following.at - click.at < _SAME_INSTANT:
            # One link twice is a look ahead of a person's own click; a person cannot click two links at once.
            _mark(found, {place} if click.link == following.link else {place, place + 1}, _at_once(click, following))
    return found


def _at_once(click: Fetch, following: Fetch) -> str:
    return "double" if click.link == following.link else "at-once"


def _mark(found: dict[int, list[str]], places: set[int], reason: str) -> None:
    for place in places:
        reasons = found.setdefault(place, [])
        if reason not in reasons:
            reasons.append(reason)


def _crowded(clicks: Sequence[Fetch], *, count: int, span: timedelta) -> set[int]:
    """The places of clicks that stand in a group of `count` or more within `span`."""
    places: set[int] = set()
    for first in range(len(clicks) - count + 1):
        if clicks[first + count - 1].at - clicks[first].at <= span:
            places.update(range(first, first + count))
    return places


def _every_link(clicks: Sequence[Fetch], *, links: int) -> set[int]:
    """The places of clicks that together took every link of the mail within ten seconds."""
    places: set[int] = set()
    window: Counter[int | None] = Counter()
    first = marked = 0
    for last, click in enumerate(clicks):
        window[click.link] += 1
        while click.at - clicks[first].at > _ALL_LINKS_WITHIN:
            window[clicks[first].link] -= 1
            window += Counter()  # forget the links that left the window
            first += 1
        if len(window) >= links:
            places.update(range(max(first, marked), last + 1))
            marked = last + 1
    return places


def _one_open_a_day(fetches: Sequence[Fetch], judged: Sequence[Judgement]) -> list[Judgement]:
    """Keep the first human open of each day in Paris; the others prove nothing new (TRK-10)."""
    seen = set()
    kept = []
    for fetch, judgement in zip(fetches, judged, strict=True):
        if fetch.kind == EventKind.opened and judgement.verdict == Verdict.human:
            if paris_day(fetch.at) in seen:
                judgement = replace(judgement, verdict=Verdict.unknown, reasons=("seen-today",))  # noqa: PLW2901
            seen.add(paris_day(fetch.at))
        kept.append(judgement)
    return kept
