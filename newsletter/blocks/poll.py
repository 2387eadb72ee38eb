"""A question whose answers say when a person might move."""

from collections.abc import Sequence
from typing import Any, ClassVar

from newsletter.blocks.block import Block
from newsletter.compose.content import Values
from newsletter.compose.links import LinkNumbering
from newsletter.i18n import lazy
from newsletter.words import Horizon, LinkKind, label

POLL_ANSWERS = (Horizon.this_year, Horizon.one_to_three_years, Horizon.later, Horizon.dreaming)
"""What the poll offers, in this order."""


class PollBlock(Block):
    """The question; the answers are always the same."""

    kind: ClassVar[str] = "poll"
    label: ClassVar[str] = lazy("sondage « quand pourriez-vous venir ? »")
    position: ClassVar[int] = 50

    question: str = lazy("Quand pourriez-vous venir vivre dans le Lot ?")

    def values(self, rows: Sequence[Any], links: LinkNumbering) -> Values:
        answers = [(word, _capital(label(word))) for word in POLL_ANSWERS]
        return {
            "question": str(self.question),
            "answers": [
                {"label": text, "href": links.register(LinkKind.poll, "", text, answer=word)} for word, text in answers
            ],
        }


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
