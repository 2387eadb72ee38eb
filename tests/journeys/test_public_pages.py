"""The public pages over HTTP: signing up from a QR code, leaving in one click, and what machines must never change."""

import re
from collections.abc import Iterator
from datetime import timedelta

import httpx
import pytest
from sqlmodel import col, func, select

from newsletter.audience import signup
from newsletter.catalogue import territory
from newsletter.instance import Instance
from newsletter.store.catalogue import Scan, Support
from newsletter.store.people import Consent, SignUp, Subscriber, Suppression, mailable
from newsletter.tokens import Keyring, Purpose
from newsletter.words import Axis, SupportKind, SuppressionReason
from tests.conftest import A_MONDAY
from tests.kit.clock import StoppedClock
from tests.kit.makers import a_partner, a_subscriber
from tests.kit.serving import a_browser, serve

ONE_CLICK = {"List-Unsubscribe": "One-Click"}
FORM = {"address": "Ana@Exemple.FR", "first_name": "Ana <b>", "newsletter": "1", "sectors": ["btp", "sante"]}


@pytest.fixture
def visitor(instance: Instance) -> Iterator[httpx.Client]:
    """A browser without cookies, in front of an instance with its territory and one printed support."""
    with instance.store.transaction() as session:
        territory.load(session)
        partner = a_partner(session, "Bois des elfes")
        assert partner.id is not None
        session.add(Support(partner_id=partner.id, code="elfes26", kind=SupportKind.placemat, season=2026))
    with serve(instance) as served, a_browser(served.settings.base_url) as client:
        yield client


def _nonce(page: str) -> str:
    found = re.search(r'name="jeton" value="([^"]+)"', page)
    assert found
    return found[1]


def _sign_up(visitor: httpx.Client, clock: StoppedClock, url: str = "/inscription", **fields: str) -> tuple[int, str]:
    nonce = _nonce(visitor.get(url).text)
    clock.advance(timedelta(seconds=20))
    answer = visitor.post(url, data=FORM | {"jeton": nonce} | fields)
    return answer.status_code, answer.text


def _pending(instance: Instance) -> list[SignUp]:
    with instance.store.reading() as session:
        return list(session.exec(select(SignUp)).all())


def _a_reader(instance: Instance) -> int:
    with instance.store.transaction() as session:
        reader = a_subscriber(session, Axis.newsletter, Axis.clicks)
    assert reader.id is not None
    return reader.id


def _state(instance: Instance) -> tuple[int, int, int]:
    with instance.store.reading() as session:
        return (
            session.exec(select(func.count()).select_from(Consent)).one(),
            session.exec(select(func.count()).select_from(Suppression)).one(),
            session.exec(select(func.count()).select_from(Subscriber).where(mailable())).one(),
        )


def test_from_the_qr_code_to_the_welcome(visitor: httpx.Client, instance: Instance, clock: StoppedClock) -> None:
    page = visitor.get("/i/elfes26")
    assert "Bois des elfes" in page.text
    assert "checked" not in page.text.replace('value="unknown" checked', "")
    assert "set-cookie" not in page.headers
    assert _sign_up(visitor, clock, "/i/elfes26")[0] == 303
    (asked,) = _pending(instance)
    assert (asked.address, asked.sectors, asked.axes) == ("Ana@exemple.fr", ["btp", "sante"], ["newsletter"])
    path = signup.confirmation(asked, instance.keys, "")["confirm_url"]
    for _fetch in range(3):
        assert visitor.get(path).status_code == visitor.head(path).status_code == 200
    assert _state(instance) == (0, 0, 0)
    welcome = visitor.post(path)
    assert re.search(r"Bienvenue,\sAna &lt;b&gt;", welcome.text)
    assert visitor.post(path).status_code == 200
    assert _state(instance) == (1, 0, 1)
    with instance.store.reading() as session:
        assert session.exec(select(Scan.count)).one() == 2
        assert session.exec(select(Subscriber.source)).one() == "formulaire, QR elfes26"


def test_the_form_answers_the_same_to_known_unknown_and_suppressed_addresses(
    visitor: httpx.Client, instance: Instance, clock: StoppedClock
) -> None:
    with instance.store.transaction() as session:
        a_subscriber(session, address="known@exemple.fr", address_hash=instance.keys.address_hash("known@exemple.fr"))
        session.add(
            Suppression(
                address_hash=instance.keys.address_hash("closed@exemple.fr"),
                reason=SuppressionReason.complained,
                at=A_MONDAY,
            )
        )
    answers = {_sign_up(visitor, clock, address=f"{who}@exemple.fr") for who in ("known", "new", "closed")}
    assert answers == {(303, "")}
    assert len(_pending(instance)) == 3
    with instance.store.reading() as session:
        due = {row.address for row in signup.letters_due(session, now=clock.now())}
    assert due == {"known@exemple.fr", "new@exemple.fr"}


def test_a_form_with_mistakes_comes_back_with_everything_kept(
    visitor: httpx.Client, instance: Instance, clock: StoppedClock
) -> None:
    status, page = _sign_up(visitor, clock, address="ana.exemple.fr", newsletter="", clicks="1", country="BE")
    assert status == 400
    assert "Il manque le signe @" in page
    assert 'value="ana.exemple.fr"' in page
    assert "Ana &lt;b&gt;" in page
    assert '<option value="BE" selected>' in page
    assert re.search(r'name="clicks"[^>]*checked', page)
    assert _pending(instance) == []


def test_programs_that_fill_in_the_form_leave_nothing(
    visitor: httpx.Client, instance: Instance, clock: StoppedClock
) -> None:
    assert _sign_up(visitor, clock, site_internet="http://spam.example")[0] == 303
    at_once = visitor.post("/inscription", data=FORM | {"jeton": _nonce(visitor.get("/inscription").text)})
    unseen = visitor.post("/inscription", data=FORM)
    assert at_once.status_code == unseen.status_code == 400
    assert _pending(instance) == []


def test_looking_at_the_unsubscribe_page_changes_nothing(visitor: httpx.Client, instance: Instance) -> None:
    reader = _a_reader(instance)
    path = f"/d/{instance.keys.sign(Purpose.unsubscribe, reader, 7)}"
    before = _state(instance)
    for url in (path, path + "/"):
        page = visitor.get(url)
        assert page.status_code == visitor.head(url).status_code == 200
    assert page.headers["cache-control"] == "no-store"
    assert page.headers["referrer-policy"] == "no-referrer"
    assert page.headers["x-robots-tag"] == "noindex"
    assert _state(instance) == before


@pytest.mark.parametrize("slash", ["", "/"])
@pytest.mark.parametrize("multipart", [False, True])
def test_one_click_unsubscribes_at_once_and_twice_is_once(
    visitor: httpx.Client, instance: Instance, slash: str, multipart: bool
) -> None:
    reader = _a_reader(instance)
    url = f"/d/{instance.keys.sign(Purpose.unsubscribe, reader, 0)}{slash}"
    for _click in range(2):
        answer = (
            visitor.post(url, files={n: (None, v) for n, v in ONE_CLICK.items()})
            if multipart
            else visitor.post(url, data=ONE_CLICK)
        )
        assert answer.status_code == 200
    assert _state(instance) == (3, 1, 0)


def test_any_other_post_is_refused_and_our_own_page_works(
    visitor: httpx.Client, instance: Instance, clock: StoppedClock
) -> None:
    reader, other = _a_reader(instance), _a_reader(instance)
    url = f"/d/{instance.keys.sign(Purpose.unsubscribe, reader, 0)}"
    nonce = _nonce(visitor.get(url).text)
    foreign = _nonce(visitor.get(f"/d/{instance.keys.sign(Purpose.unsubscribe, other, 0)}").text)
    before = _state(instance)
    for body in ({}, {"List-Unsubscribe": "Two-Clicks"}, {"jeton": "x"}, {"jeton": foreign}):
        assert visitor.post(url, data=body).status_code == 400
    assert visitor.post(url, content=b"List-Unsubscribe=One-Click").status_code == 400  # without its media type
    clock.advance(timedelta(hours=25))
    assert visitor.post(url, data={"jeton": nonce}).status_code == 400
    assert _state(instance) == before
    page = visitor.post(url, data={"jeton": _nonce(visitor.get(url).text)})
    assert "désinscrit" in page.text
    assert _state(instance)[1:] == (1, 1)


def test_every_token_that_is_not_ours_gets_the_same_page(
    visitor: httpx.Client, instance: Instance, keys: Keyring
) -> None:
    reader = _a_reader(instance)
    good = keys.sign(Purpose.unsubscribe, reader, 0)
    flipped = good[:-2] + ("A" if good[-2] != "A" else "B") + good[-1]
    nobody = keys.sign(Purpose.unsubscribe, reader + 1000, 0)
    urls = [f"/{page}/{token}" for page in "dpkv" for token in ("x", flipped, keys.sign(Purpose.click, 1, 1))]
    urls += [f"/d/{nobody}", f"/p/{keys.sign(Purpose.preferences, reader + 1000)}", "/r/x/1", f"/r/{good}/1"]
    answers = [visitor.get(url) for url in urls]
    answers += [visitor.post(f"/d/{token}", data=ONE_CLICK) for token in ("x", flipped, nobody)]
    assert {(answer.status_code, answer.text) for answer in answers} == {(404, answers[0].text)}
    headers = {frozenset(pair for pair in answer.headers.items() if pair[0] != "date") for answer in answers}
    assert len(headers) == 1


def test_preferences_are_saved_axis_by_axis(visitor: httpx.Client, instance: Instance) -> None:
    reader = _a_reader(instance)
    url = f"/p/{instance.keys.sign(Purpose.preferences, reader)}"
    wishes = {"newsletter": "1", "opens": "1", "horizon": "this_year", "sectors": ["btp", "magie"], "phone": "06 12"}
    assert visitor.post(url, data=wishes).status_code == 400
    page = visitor.post(url, data=wishes | {"jeton": _nonce(visitor.get(url).text)})
    assert "C’est enregistré" in page.text
    ticked = set(re.findall(r'name="(\w+)"[^>]*value="([^"]*)" checked', visitor.get(url).text))
    assert ticked == {("newsletter", "1"), ("opens", "1"), ("horizon", "this_year"), ("sectors", "btp")}
    visitor.post(url, data={"jeton": _nonce(page.text)})
    assert _state(instance)[1:] == (1, 0)
    visitor.post(url, data={"newsletter": "1", "jeton": _nonce(page.text)})
    assert _state(instance)[1:] == (0, 1)


def test_the_privacy_notice_and_the_thanks_stand_alone(visitor: httpx.Client) -> None:
    assert "CNIL" in visitor.get("/confidentialite").text
    assert "Vérifiez votre boîte" in visitor.get("/inscription/merci").text
    assert visitor.get("/i/half-torn").status_code == 200


def test_a_scan_is_counted_by_day_and_looking_ahead_is_not(visitor: httpx.Client, instance: Instance) -> None:
    for _scan in range(2):
        visitor.get("/i/elfes26")
    visitor.head("/i/elfes26")
    with instance.store.reading() as session:
        assert session.exec(select(Scan.count).where(col(Scan.day) == A_MONDAY.date())).all() == [2]
