"""HEAD: what GET would answer, without its body (RFC 9110 §9.3.2)."""

import re
from collections.abc import Iterator

import httpx
import pytest

from newsletter import urls
from newsletter.instance import Instance
from newsletter.tokens import Purpose
from newsletter.tracking.journal import Journal
from newsletter.tracking.link_table import LinkTable
from newsletter.tracking.tracker import Tracker
from newsletter.web.app import every_route
from tests.kit.makers import a_mail, a_partner, a_subscriber, an_adviser, an_edition, an_employer
from tests.kit.serving import a_browser, one_account_of_each_role, serve

CHANGING = {"date", "content-length"}
"""Headers that may differ from one answer to the next: the length, where a copy names its moment."""


@pytest.fixture
def site(instance: Instance) -> Iterator[Instance]:
    """A served instance with a row of most kinds, and its tracker."""
    one_account_of_each_role(instance)
    with instance.store.transaction() as session:
        an_employer(session)
        a_partner(session)
        an_adviser(session)
        a_mail(session, a_subscriber(session), an_edition(session))
    instance.settings.journal.mkdir(parents=True)
    tracker = Tracker(
        keys=instance.keys,
        journal=Journal(instance.settings.journal, clock=instance.clock),
        links=LinkTable(instance.settings.links),
        clock=instance.clock,
    )
    with serve(instance, tracker=tracker) as served:
        yield served


def headers_of(answer: httpx.Response) -> dict[str, str]:
    return {name: value for name, value in answer.headers.items() if name not in CHANGING}


def assert_alike(browser: httpx.Client, path: str) -> None:
    shown, asked = browser.get(path), browser.head(path)
    assert (asked.status_code, headers_of(asked), asked.content) == (shown.status_code, headers_of(shown), b""), path
    assert "content-length" in shown.headers, path
    assert abs(int(asked.headers["content-length"]) - int(shown.headers["content-length"])) < 100, path


@pytest.mark.parametrize("login", ["", "admin"])
def test_head_is_answered_like_get_on_every_page(site: Instance, login: str) -> None:
    words = {"kind_name": "employeurs", "shelf_name": "employeurs", "name": "x.jpg", "code": "nocode", "token": "none"}
    with a_browser(site.settings.base_url, login) as browser:
        for route in every_route():
            if "GET" in (route.methods or ()):
                assert_alike(browser, re.sub(r"\{(\w+)\}", lambda found: words.get(found[1], "1"), route.path))


def test_head_is_answered_like_get_by_the_tracker_and_for_files(site: Instance) -> None:
    click, opened = site.keys.sign(Purpose.click, 1, 1), site.keys.sign(Purpose.open, 1, 1)
    with a_browser(site.settings.base_url) as browser:
        for path in (
            urls.click_url("", click, 1),
            urls.click_url("", "nobody", 1),
            urls.open_url("", opened),
            "/static/site.css",
            "/nowhere",
        ):
            assert_alike(browser, path)
