"""The pages behind a letter's links: preferences, unsubscription, the letter online, a poll or a call-back."""

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, PlainTextResponse, Response

from newsletter import pipeline, urls, wordings
from newsletter.audience import landing, privacy
from newsletter.audience.landing import Button
from newsletter.i18n import _
from newsletter.instance import Instance
from newsletter.tokens import Purpose
from newsletter.web.nonce import FIELD, Shown, age_of, nonce
from newsletter.web.pages import TheForm, TheInstance, render, text_of, texts_of
from newsletter.web.token_pages import PRIVATE, no_such_link
from newsletter.words import Axis, Channel, Horizon, LinkKind

router = APIRouter()


@router.get(urls.UNSUBSCRIBE_PATH + "/{token}")
@router.get(urls.UNSUBSCRIBE_PATH + "/{token}/")
def show_unsubscribe(request: Request, instance: TheInstance, token: str) -> Response:
    """A page with a button; looking at it changes nothing (LST-07)."""
    numbers = instance.keys.read(Purpose.unsubscribe, token)
    with instance.store.reading() as session:
        reader = privacy.preferences_of(session, numbers[0]) if numbers else None
    if numbers is None or reader is None:
        return no_such_link(request)
    return render(
        request,
        "public/desinscription.html",
        headers=PRIVATE,
        reader=reader,
        nonce=nonce(instance, Shown.unsubscribe, numbers[0]),
        preferences_url=_preferences_url(instance, numbers[0]),
    )


@router.post(urls.UNSUBSCRIBE_PATH + "/{token}")
@router.post(urls.UNSUBSCRIBE_PATH + "/{token}/")
def unsubscribe(request: Request, instance: TheInstance, token: str, form: TheForm) -> Response:
    """Suppressed before the answer leaves, for a mailbox's one click and for our own page; any other POST is 400.

    With a slash or without: a redirect from one to the other would lose a mailbox's click (LST-06).
    """
    numbers = instance.keys.read(Purpose.unsubscribe, token)
    with instance.store.reading() as session:
        known = numbers is not None and privacy.preferences_of(session, numbers[0]) is not None
    if numbers is None or not known:
        return no_such_link(request)
    one_click = form.get("List-Unsubscribe") == "One-Click"
    if not one_click and age_of(instance, text_of(form, FIELD), Shown.unsubscribe, numbers[0]) is None:
        return _form_expired(request, urls.unsubscribe_url("", token))
    channel = Channel.one_click if one_click else Channel.preferences
    with instance.store.transaction() as session:
        privacy.unsubscribe(session, numbers[0], now=instance.clock.now(), channel=channel, edition_id=numbers[1])
    if one_click:
        return PlainTextResponse(_("Vous êtes désinscrit."), headers=PRIVATE)
    preferences = _preferences_url(instance, numbers[0])
    return render(request, "public/desinscrit.html", headers=PRIVATE, preferences_url=preferences)


@router.get(urls.PREFERENCES_PATH + "/{token}")
def show_preferences(request: Request, instance: TheInstance, token: str) -> Response:
    numbers = instance.keys.read(Purpose.preferences, token)
    return _preference_page(request, instance, numbers[0] if numbers else None)


@router.post(urls.PREFERENCES_PATH + "/{token}")
def save_preferences(request: Request, instance: TheInstance, token: str, form: TheForm) -> Response:
    numbers = instance.keys.read(Purpose.preferences, token)
    if numbers is None:
        return no_such_link(request)
    if age_of(instance, text_of(form, FIELD), Shown.preferences, numbers[0]) is None:
        return _form_expired(request, urls.preferences_url("", token))
    horizon = text_of(form, "horizon")
    with instance.store.transaction() as session:
        if privacy.preferences_of(session, numbers[0]) is None:
            return no_such_link(request)
        axes = {axis: bool(text_of(form, axis.value)) for axis in Axis}
        privacy.set_preferences(session, numbers[0], axes, now=instance.clock.now())
        privacy.set_wishes(
            session,
            numbers[0],
            horizon=Horizon(horizon) if horizon in Horizon.__members__ else Horizon.unknown,
            sectors=texts_of(form, "sectors"),
            phone=text_of(form, "phone"),
        )
    return _preference_page(request, instance, numbers[0], saved=True)


@router.get(urls.VIEW_PATH + "/{token}")
def show_letter(request: Request, instance: TheInstance, token: str) -> Response:
    """The letter in the browser: shut in, without scripts, forms or anything from elsewhere."""
    letter = pipeline.view_online(instance, token)
    if letter is None:
        return no_such_link(request)
    policy = (
        f"default-src 'none'; img-src 'self' {instance.settings.base_url} data:; style-src 'unsafe-inline'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
        "sandbox allow-popups allow-popups-to-escape-sandbox"
    )
    return HTMLResponse(letter, headers=PRIVATE | {"Content-Security-Policy": policy})


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
    page = "public/rappel.html" if button.kind == LinkKind.callback else "public/sondage.html"
    return render(request, page, headers=PRIVATE, button=button, given=given, call_me_back=wordings.CALL_ME_BACK.text)


def _preference_page(request: Request, instance: Instance, reader_id: int | None, *, saved: bool = False) -> Response:
    if reader_id is None:
        return no_such_link(request)
    with instance.store.reading() as session:
        reader = privacy.preferences_of(session, reader_id)
        sectors = landing.sector_choices(session)
    if reader is None:
        return no_such_link(request)
    return render(
        request,
        "public/preferences.html",
        headers=PRIVATE,
        reader=reader,
        saved=saved,
        axes=Axis,
        wordings={axis: wordings.wording(axis).text for axis in Axis},
        horizons=list(Horizon),
        sectors=sectors,
        nonce=nonce(instance, Shown.preferences, reader_id),
        settings=instance.settings,
    )


def _preferences_url(instance: Instance, reader_id: int) -> str:
    return urls.preferences_url("", instance.keys.sign(Purpose.preferences, reader_id))


def _form_expired(request: Request, url: str) -> Response:
    """Nothing was changed: the form was not ours, or was shown more than a day ago."""
    return render(request, "public/formulaire-perime.html", status=400, headers=PRIVATE, url=url)
