"""Content, turned into the plain values that a template sees, with a numbered link for all that can be followed."""

from collections.abc import Callable, Iterator

from newsletter.compose.content import Content, Values
from newsletter.compose.headers import SenderIdentity
from newsletter.compose.links import LinkNumbering, LinkTarget
from newsletter.urls import PRIVACY_PATH


def lay_out(
    content: Content, *, sender: SenderIdentity, placeholder_for: Callable[[str], str]
) -> tuple[Values, tuple[LinkTarget, ...]]:
    """The values of a template, and the links in the order they first appear.

    `placeholder_for` gives what stands for a slot's tag while the compilers work.
    """
    links = LinkNumbering(placeholder_for)
    blocks = [block.values(links) for block in content.blocks]
    values = identity_values(sender) | {"subject": content.subject, "preheader": content.preheader, "blocks": blocks}
    return values, tuple(links.targets)


def identity_values(sender: SenderIdentity) -> Values:
    """Who writes, for the head and the foot of every mail (LAW-20)."""
    return {
        "programme": sender.sender_name,
        "organisation": sender.organisation,
        "postal_address": sender.postal_address,
        "privacy_contact": sender.privacy_contact,
        "privacy_url": sender.base_url + PRIVACY_PATH,
        "site_url": sender.base_url,
    }


def texts_in(value: object) -> Iterator[str]:
    """Every text among the values of a template."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for part in value.values():
            yield from texts_in(part)
    elif isinstance(value, list):
        for part in value:
            yield from texts_in(part)
