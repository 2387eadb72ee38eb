"""Content, turned into the plain values that a template sees, with a numbered link for all that can be followed."""

from collections.abc import Callable, Iterator

from newsletter.compose.content import Content, Values
from newsletter.compose.links import LinkNumbering, LinkTarget
from newsletter.compose.mime import Letterhead
from newsletter.urls import PRIVACY_PATH


def lay_out(
    content: Content, *, letterhead: Letterhead, slot: Callable[[str], str]
) -> tuple[Values, tuple[LinkTarget, ...]]:
    """The values of a template, and the links in the order they first appear.

    `slot` gives what stands for a per-reader tag while the compilers work.
    """
    links = LinkNumbering(slot)
    blocks = [block.values(links) for block in content.blocks]
    values = identity(letterhead) | {"subject": content.subject, "preheader": content.preheader, "blocks": blocks}
    return values, tuple(links.targets)


def identity(letterhead: Letterhead) -> Values:
    """Who writes, for the head and the foot of every mail (LAW-20)."""
    return {
        "programme": letterhead.sender_name,
        "organisation": letterhead.organisation,
        "postal_address": letterhead.postal_address,
        "privacy_contact": letterhead.privacy_contact,
        "privacy_url": letterhead.base_url + PRIVACY_PATH,
        "site_url": letterhead.base_url,
    }


def texts_of(value: object) -> Iterator[str]:
    """Every text among the values of a template."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for part in value.values():
            yield from texts_of(part)
    elif isinstance(value, list):
        for part in value:
            yield from texts_of(part)
