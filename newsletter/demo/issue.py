"""The issue that the demo sends."""

from datetime import datetime

from newsletter.blocks.callback import CallbackBlock
from newsletter.blocks.employers import EmployersBlock
from newsletter.blocks.openings import OpeningsBlock
from newsletter.blocks.poll import PollBlock
from newsletter.blocks.portrait import PortraitBlock
from newsletter.blocks.text import TextBlock
from newsletter.catalogue import employers, openings, portraits
from newsletter.clock import paris_day
from newsletter.issues import draft
from newsletter.store import Session
from newsletter.store.columns import key

_OPENING_WORDS = """\
Cet été, vous avez posé vos valises dans le Lot, et vous nous avez dit que vous y resteriez bien un peu plus longtemps.
**La rentrée est le bon moment pour en reparler** : des maisons recrutent, des logements se libèrent, et des gens qui
étaient à votre place l’an dernier racontent ici comment ils ont fait.
"""
_CLOSING_WORDS = """\
## Au printemps, venez voir

En avril, nous organisons des séjours d’immersion : trois jours, un logement, des rencontres avec des employeurs et des
habitants. Les dates arrivent dans une prochaine lettre. D’ici là, répondez simplement à ce message : quelqu’un le lit.
"""
_SEGMENT = "accord newsletter = oui"


def write_issue(session: Session, *, now: datetime) -> int:
    """Write an issue from what was loaded first into the demo's catalogue; its number."""
    today = paris_day(now)
    employer_ids = sorted(key(row.employer.id) for row in employers.listed(session, today=today))
    opening_ids = sorted(key(row.opening.id) for row in openings.listed(session, today=today))
    portrait_ids = sorted(key(row.portrait.id) for row in portraits.listed(session, today=today))
    issue = draft.create(
        session,
        title="Lettre d’automne",
        now=now,
        subject="Et si vous restiez ? Trois maisons du Lot qui recrutent",
        preheader="Un portrait, cinq offres, et une question pour vous.",
        segment=_SEGMENT,
        blocks=[
            TextBlock(markdown=_OPENING_WORDS),
            EmployersBlock(employers=tuple(employer_ids[:3])),
            PortraitBlock(portrait=portrait_ids[0]),
            OpeningsBlock(openings=tuple(opening_ids[:5])),
            PollBlock(),
            CallbackBlock(),
            TextBlock(markdown=_CLOSING_WORDS),
        ],
    )
    return key(issue.id)
