"""A button with which a person asks to be called back by an adviser."""

from collections.abc import Sequence
from typing import Any, ClassVar

from newsletter.blocks.block import Block
from newsletter.compose.content import Values
from newsletter.compose.links import LinkNumbering
from newsletter.i18n import _, lazy
from newsletter.words import LinkKind


class CallbackBlock(Block):
    """A title, a text and the button."""

    kind: ClassVar[str] = "callback"
    label: ClassVar[str] = lazy("bouton « rappelez-moi »")
    position: ClassVar[int] = 60

    title: str = lazy("Envie d’en parler de vive voix ?")
    text: str = lazy(
        "Un référent accueil vous rappelle et répond à vos questions sur l’emploi, le logement ou l’école. "
        "C’est gratuit, et sans engagement."
    )

    def values(self, rows: Sequence[Any], links: LinkNumbering) -> Values:
        href = links.register(LinkKind.callback, "", _("Rappelez-moi"))
        return {"title": str(self.title), "text": str(self.text), "href": href}
