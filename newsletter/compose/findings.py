"""What preflight finds: one French sentence each, and whether it keeps the issue from being approved."""

from dataclasses import dataclass
from typing import Literal

from newsletter.i18n import _


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Something to look at; the level `block` keeps the issue from being approved."""

    level: Literal["block", "warn"]
    sentence: str


def blocking(sentence: str) -> Finding:
    """What must be put right before the issue is approved."""
    return Finding(level="block", sentence=sentence)


def warning(sentence: str) -> Finding:
    """What is to be thought over."""
    return Finding(level="warn", sentence=sentence)


def wrong_link(url: str, label: str) -> Finding:
    """A link that may not stand in a mail (`markdown.allowed`)."""
    return blocking(
        _("Le lien « {label} » mène à « {url} » : il doit commencer par https://, mailto: ou tel:.").format(
            label=label, url=url[:60]
        )
    )
