"""The pages behind a letter's links: preferences, unsubscription, the letter online, an answer; and the notice."""

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, PlainTextResponse, Response

from newsletter import pipeline, urls, wordings
from newsletter.audience import landing, privacy
from newsletter.audience.landing import Button
from newsletter.audience.privacy import Preferences
from newsletter.i18n import SOURCE, _, speaking
from newsletter.instance import Instance
from newsletter.tokens import Purpose
from newsletter.web.pages import TheForm, TheInstance, render, text_of, texts_of
from newsletter.web.public import (
    NONCE_FIELD,
    PRIVATE_HEADERS,
    PublicForm,
    form_expired,
    new_nonce,
    no_such_link,
    nonce_age,
)
from newsletter.words import Axis, Channel, Horizon, LinkKind

router = APIRouter()


@router.get(urls.UNSUBSCRIBE_PATH + "/{token}")
@router.get(urls.UNSUBSCRIBE_PATH + "/{token}/")
def show_unsubscribe(request: Request, instance: TheInstance, token: str) -> Response:
    """A page with a button; looking at it changes nothing (LST-07)."""
    numbers, reader = _leaving(instance, token)
    if numbers is None or reader is None:
        return no_such_link(request)
    return render(
        request,
        "public/unsubscribe.html",
        headers=PRIVATE_HEADERS,
        reader=reader,
        nonce=new_nonce(instance, PublicForm.unsubscribe, numbers[0]),
        preferences_url=_preferences_url(instance, numbers[0]),
    )


@router.post(urls.UNSUBSCRIBE_PATH + "/{token}")
@router.post(urls.UNSUBSCRIBE_PATH + "/{token}/")
def unsubscribe(request: Request, instance: TheInstance, token: str, form: TheForm) -> Response:
    """Suppressed before the answer leaves, for a mailbox's one click and for our own page; any other POST is 400.

    With a slash or without: a redirect from one to the other would lose a mailbox's click (LST-06).
    """
    numbers, reader = _leaving(instance, token)
    if numbers is None or reader is None:
        return no_such_link(request)
    one_click = form.get("List-Unsubscribe") == "One-Click"
    if not one_click and nonce_age(instance, text_of(form, NONCE_FIELD), PublicForm.unsubscribe, numbers[0]) is None:
        return form_expired(request, urls.unsubscribe_url("", token))
    channel = Channel.one_click if one_click else Channel.preferences
    with instance.store.transaction() as session:
        privacy.unsubscribe(session, numbers[0], now=instance.clock.now(), channel=channel, edition_id=numbers[1])
    if one_click:
        return PlainTextResponse(_("Vous êtes désinscrit."), headers=PRIVATE_HEADERS)
    preferences = _preferences_url(instance, numbers[0])
    return render(request, "public/unsubscribed.html", headers=PRIVATE_HEADERS, preferences_url=preferences)


def _leaving(instance: Instance, token: str) -> tuple[tuple[int, ...] | None, Preferences | None]:
    """The numbers in an unsubscription token, and the reader it belongs to; None for a wrong one, or for nobody."""
    numbers = instance.keys.read(Purpose.unsubscribe, token)
    if numbers is None:
        return None, None
    with instance.store.reading() as session:
        return numbers, privacy.preferences_of(session, numbers[0])


@router.get(urls.PREFERENCES_PATH + "/{token}")
def show_preferences(request: Request, instance: TheInstance, token: str) -> Response:
    numbers = instance.keys.read(Purpose.preferences, token)
    return _preference_page(request, instance, numbers[0] if numbers else None)


@router.post(urls.PREFERENCES_PATH + "/{token}")
def save_preferences(request: Request, instance: TheInstance, token: str, form: TheForm) -> Response:
    numbers = instance.keys.read(Purpose.preferences, token)
    if numbers is None:
        return no_such_link(request)
    if nonce_age(instance, text_of(form, NONCE_FIELD), PublicForm.preferences, numbers[0]) is None:
        return form_expired(request, urls.preferences_url("", token))
    horizon = text_of(form, "horizon")
    with instance.store.transaction() as session:
        known = privacy.save_preferences(
            session,
            numbers[0],
            {axis: bool(text_of(form, axis.value)) for axis in Axis},
            horizon=Horizon(horizon) if horizon in Horizon.__members__ else Horizon.unknown,
            sectors=texts_of(form, "sectors"),
            phone=text_of(form, "phone"),
            now=instance.clock.now(),
        )
    if not known:
        return no_such_link(request)
    return _preference_page(request, instance, numbers[0], saved=True)


@router.get(urls.VIEW_PATH + "/{token}")
def show_letter(request: Request, instance: TheInstance, token: str) -> Response:
    """The letter in the browser: shut in, without scripts, forms or anything from elsewhere."""
    with speaking(SOURCE):  # a letter is in French whatever the reader's browser asks for
        letter = pipeline.view_online(instance, token)
    if letter is None:
        return no_such_link(request)
    policy = (
        f"default-src 'none'; img-src 'self' {instance.settings.base_url} data:; style-src 'unsafe-inline'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
        "sandbox allow-popups allow-popups-to-escape-sandbox"
    )
    return HTMLResponse(
        letter, headers=PRIVATE_HEADERS | {"Content-Security-Policy": policy, "Content-Language": SOURCE}
    )


@router.get(urls.ANSWER_PATH + "/{token}/{number}")
def show_button(request: Request, instance: TheInstance, token: str, number: int) -> Response:
    """What the button of a letter will say; looking at it answers nothing (TRK-13)."""
    button = _button(instance, token, number)
    if button is None:
        return no_such_link(request)
    return _answer_page(request, button, given=False)


@router.post(urls.ANSWER_PATH + "/{token}/{number}")
def answer(request: Request, instance: TheInstance, token: str, number: int, form: TheForm) -> Response:
    button = _button(instance, token, number)
    if button is None or pipeline.answer(instance, token, number, phone=text_of(form, "phone")) is None:
        return no_such_link(request)
    return _answer_page(request, button, given=True)


def _button(instance: Instance, token: str, number: int) -> Button | None:
    numbers = instance.keys.read(Purpose.answer, token)
    if numbers is None:
        return None
    with instance.store.reading() as session:
        return landing.button(session, edition_id=numbers[0], mail_id=numbers[1], number=number)


def _answer_page(request: Request, button: Button, *, given: bool) -> Response:
    page = "public/call_back.html" if button.kind == LinkKind.callback else "public/poll.html"
    return render(
        request,
        page,
        headers=PRIVATE_HEADERS,
        button=button,
        given=given,
        call_me_back=wordings.call_me_back_wording().text,
    )


def _preference_page(request: Request, instance: Instance, reader_id: int | None, *, saved: bool = False) -> Response:
    if reader_id is None:
        return no_such_link(request)
    with instance.store.reading() as session:
        found = privacy.preference_form(session, reader_id)
    if found is None:
        return no_such_link(request)
    return render(
        request,
        "public/preferences.html",
        headers=PRIVATE_HEADERS,
        reader=found.reader,
        saved=saved,
        axes=Axis,
        wordings={axis: wordings.wording(axis).text for axis in Axis},
        horizons=list(Horizon),
        sectors=found.sectors,
        nonce=new_nonce(instance, PublicForm.preferences, reader_id),
        settings=instance.settings,
    )


def _preferences_url(instance: Instance, reader_id: int) -> str:
    return urls.preferences_url("", instance.keys.sign(Purpose.preferences, reader_id))


@router.get(urls.PRIVACY_PATH)
def privacy_notice(request: Request, instance: TheInstance) -> Response:
    return render(request, "public/privacy.html", settings=instance.settings)
