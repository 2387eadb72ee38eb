"""A real web server over a real store, and readers of its pages, for tests that speak HTTP or drive a browser."""

import dataclasses
import re
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache

import httpx
import uvicorn
from starlette.types import ASGIApp

from newsletter.accounts.passwords import hash_password
from newsletter.instance import Instance
from newsletter.store.staff import Account
from newsletter.web.app import create_app
from newsletter.words import Role
from tests.kit.sockets import listener
from tests.kit.timeouts import SECONDS, wait_until

PHRASE = "une petite phrase"


@contextmanager
def serve(instance: Instance, *, tracker: ASGIApp | None = None, port: int = 0) -> Iterator[Instance]:
    """Serve this instance on a free loopback port while the block runs.

    Yields the instance with `settings.base_url` set to that port, so that its mails link there. `tracker` answers
    /l/ and /f/, as under `newsletter serve`.
    """
    with listener(port) as listening:
        url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        served = dataclasses.replace(instance, settings=instance.settings.model_copy(update={"base_url": url}))
        settings = uvicorn.Config(
            create_app(served, tracker), log_config=None, access_log=False, lifespan="off", ws="none",
            timeout_graceful_shutdown=2,
        )  # fmt: skip
        server = uvicorn.Server(settings)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
        thread.start()
        try:
            _wait_for(server, thread)
            yield served
        finally:
            server.should_exit = True
            thread.join(timeout=SECONDS)


def _wait_for(server: uvicorn.Server, thread: threading.Thread) -> None:
    wait_until(lambda: server.started or not thread.is_alive(), "the web server")
    if not server.started:
        raise RuntimeError("the web server did not start")


def one_account_of_each_role(instance: Instance) -> None:
    """Accounts called "marketing", "adviser" and "admin"; the password of each is PHRASE."""
    with instance.store.transaction() as session:
        session.add_all(
            Account(login=role, name="Camille", role=role, password_hash=_hash_of_the_phrase()) for role in Role
        )


@cache
def _hash_of_the_phrase() -> str:
    """Made once: it is meant to take long, and every served instance would make it anew for each of its accounts."""
    return hash_password(PHRASE)


def web_client(site: str = "", *, headers: Mapping[str, str] | None = None) -> httpx.Client:
    """A client that keeps cookies, and waits for an answer as long as every test does."""
    return httpx.Client(base_url=site, headers=headers, timeout=SECONDS)


@contextmanager
def a_browser(site: str, login: str = "") -> Iterator[httpx.Client]:
    """A client that keeps cookies, of the site at this address; logged in when a login is given."""
    with web_client(site) as browser:
        if login:
            answer = browser.post("/bureau/connexion", data={"login": login, "password": PHRASE})
            assert answer.status_code == 303
        yield browser


def csrf_of(page: httpx.Response) -> str:
    """The token that the forms of this page carry."""
    found = re.search(r'name="csrf" value="([^"]+)"', page.text)
    assert found
    return found[1]
