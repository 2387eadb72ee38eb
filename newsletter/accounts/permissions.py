"""Permissions: who may open what, by role. Pure; the pages that ask are listed by `newsletter.web.app.every_route`."""

from newsletter.accounts.sessions import Visitor
from newsletter.errors import NewsletterError
from newsletter.i18n import _
from newsletter.words import Role, label

EVERY_ROLE = frozenset(Role)
MARKETING_ROLES = frozenset({Role.marketing, Role.admin})
ADMIN_ROLES = frozenset({Role.admin})


class ForbiddenError(NewsletterError):
    """This page belongs to another role."""


def require_role(visitor: Visitor, roles: frozenset[Role]) -> None:
    """Raise ForbiddenError, naming the visitor's role, unless it is one of these."""
    if visitor.role not in roles:
        raise ForbiddenError(
            _("Cette page n’est pas ouverte à votre rôle ({role}). Demandez à l’administration.").format(
                role=label(visitor.role)
            )
        )


def own_leads_only(visitor: Visitor) -> int | None:
    """The account whose leads alone this visitor may see and write to: an adviser's own. None: everybody's."""
    return visitor.account_id if visitor.role is Role.adviser else None
