"""Who sent a request: the member of the team whose session its cookie names."""

from fastapi import Request

from newsletter.accounts.sessions import Visitor, find_visitor
from newsletter.instance import Instance

COOKIE = "bureau"


def visitor_of(request: Request) -> Visitor | None:
    """Who sent this request; None for nobody we know. Looked up once per request."""
    if not hasattr(request.state, "visitor"):
        instance: Instance = request.app.state.instance
        with instance.store.reading() as session:
            request.state.visitor = find_visitor(session, request.cookies.get(COOKIE, ""), now=instance.clock.now())
    visitor: Visitor | None = request.state.visitor
    return visitor
