"""The issue that the demo sends."""

from datetime import datetime

from sqlmodel import Session, col, select

from newsletter.issues import blocks, draft
from newsletter.store.catalogue import Employer, Opening, Portrait
from newsletter.store.columns import key

OPENING_WORDS = """\
Cet été, vous avez posé vos valises dans le Lot, et vous nous avez dit que vous y resteriez bien un peu plus longtemps.
**La rentrée est le bon moment pour en reparler** : des maisons recrutent, des logements se libèrent, et des gens qui
étaient à votre place l’an dernier racontent ici comment ils ont fait.
"""
CLOSING_WORDS = """\
## Au printemps, venez voir

En avril, nous organisons des séjours d’immersion : trois jours, un logement, des rencontres avec des employeurs et des
habitants. Les dates arrivent dans une prochaine lettre. D’ici là, répondez simplement à ce message : quelqu’un le lit.
"""
SEGMENT = "accord newsletter = oui"


def write_issue(session: Session, *, now: datetime) -> int:
    """Write an issue from the demo's catalogue; its number."""
    employers = session.exec(select(Employer).order_by(col(Employer.id)).limit(3)).all()
    openings = session.exec(select(Opening).order_by(col(Opening.id)).limit(5)).all()
    portrait = session.exec(select(Portrait).order_by(col(Portrait.id))).first()
    assert portrait is not None  # the samples were loaded
    issue = draft.create(
        session,
        title="Lettre d’automne",
        now=now,
        subject="Et si vous restiez ? Trois maisons du Lot qui recrutent",
        preheader="Un portrait, cinq offres, et une question pour vous.",
        segment=SEGMENT,
        blocks=[
            blocks.Text(markdown=OPENING_WORDS),
            blocks.Employers(employers=tuple(key(one.id) for one in employers)),
            blocks.Portrait(portrait=key(portrait.id)),
            blocks.Openings(openings=tuple(key(one.id) for one in openings)),
            blocks.Poll(),
            blocks.Callback(),
            blocks.Text(markdown=CLOSING_WORDS),
        ],
    )
    return key(issue.id)
