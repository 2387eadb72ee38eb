"""The sign-up form, from a QR code or not, and its confirmation (LAW-10, LAW-11, SEC-04)."""

from datetime import timedelta
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response
from starlette.datastructures import FormData

from newsletter import urls, wordings
from newsletter.audience import confirming, landing, signup
from newsletter.audience.landing import Origin
from newsletter.audience.signup import SignUpForm
from newsletter.countries import country_choices
from newsletter.i18n import _
from newsletter.instance import Instance
from newsletter.tokens import Purpose
from newsletter.web.pages import TheForm, TheInstance, render, text_of, texts_of
from newsletter.web.public import NONCE_FIELD, PRIVATE_HEADERS, PublicForm, new_nonce, no_such_link, nonce_age
from newsletter.words import Axis, Horizon

router = APIRouter()
_LEAST_TIME = timedelta(seconds=2)  # nobody reads and fills the form in less
_TRAP = "site_internet"  # shown to nobody: who fills it in is a program
_TEMPLATE = "public/sign_up.html"


@router.get(urls.SIGN_UP_PATH)
def show_plain_form(request: Request, instance: TheInstance) -> Response:
    return _form_page(request, instance, None, SignUpForm(address=""))


@router.get(urls.SUPPORT_PATH + "/{code}")
def show_form_of_support(request: Request, instance: TheInstance, code: str) -> Response:
    """The form behind a printed code. A code we do not know, half torn off perhaps, still shows a form."""
    origin = landing.visit(instance.store, code, counts=request.method == "GET", now=instance.clock.now())
    return _form_page(request, instance, origin, SignUpForm(address=""))


@router.post(urls.SIGN_UP_PATH)
def take_plain_form(request: Request, instance: TheInstance, form: TheForm) -> Response:
    return _take(request, instance, None, form)


@router.post(urls.SUPPORT_PATH + "/{code}")
def take_form_of_support(request: Request, instance: TheInstance, code: str, form: TheForm) -> Response:
    with instance.store.reading() as session:
        origin = landing.origin(session, code)
    return _take(request, instance, origin, form)


@router.get(urls.THANKS_PATH)
def look_in_your_box(request: Request) -> Response:
    return render(request, "public/thanks.html", headers=PRIVATE_HEADERS)


@router.get(urls.CONFIRM_PATH + "/{token}")
def show_confirmation(request: Request, instance: TheInstance, token: str) -> Response:
    """A page with a button: programs that follow every link confirm nothing (TRK-14)."""
    numbers = instance.keys.read(Purpose.confirm, token)
    with instance.store.reading() as session:
        first_name = confirming.asked_by(session, numbers[0]) if numbers else None
    if first_name is None:
        return no_such_link(request)
    return render(request, "public/confirm.html", headers=PRIVATE_HEADERS, first_name=first_name)


@router.post(urls.CONFIRM_PATH + "/{token}")
def confirm(request: Request, instance: TheInstance, token: str) -> Response:
    numbers = instance.keys.read(Purpose.confirm, token)
    with instance.store.transaction() as session:
        confirmed = confirming.confirm_sign_up(session, numbers[0], now=instance.clock.now()) if numbers else None
    if confirmed is None:
        return no_such_link(request)
    preferences = instance.keys.sign(Purpose.preferences, confirmed.subscriber_id)
    return render(
        request,
        "public/welcome.html",
        headers=PRIVATE_HEADERS,
        first_name=confirmed.first_name,
        preferences_url=urls.preferences_url("", preferences),
    )


def _take(request: Request, instance: Instance, origin: Origin | None, sent: FormData) -> Response:
    """Take the form down, or show it again with everything kept. Who falls into the trap is thanked like anyone."""
    form = _read(sent, origin)
    wrong = signup.mistakes(form)
    age = nonce_age(instance, text_of(sent, NONCE_FIELD), PublicForm.sign_up)
    if age is None or age < _LEAST_TIME:
        wrong["form"] = _("Le formulaire n’était plus valable. Vérifiez-le et envoyez-le de nouveau.")
    if wrong:
        return _form_page(request, instance, origin, form, wrong=wrong)
    if not text_of(sent, _TRAP):
        with instance.store.transaction() as session:
            signup.take_sign_up(session, instance.keys, form, now=instance.clock.now())
    return RedirectResponse(urls.THANKS_PATH, status_code=303, headers=PRIVATE_HEADERS)


def _read(sent: FormData, origin: Origin | None) -> SignUpForm:
    country = text_of(sent, "country")
    horizon = text_of(sent, "horizon")
    return SignUpForm(
        address=text_of(sent, "address"),
        first_name=text_of(sent, "first_name"),
        phone=text_of(sent, "phone"),
        country=country if country in dict(country_choices()) else "",
        postcode=text_of(sent, "postcode"),
        horizon=Horizon(horizon) if horizon in Horizon.__members__ else Horizon.unknown,
        sectors=tuple(texts_of(sent, "sectors")),
        axes=frozenset(axis for axis in Axis if text_of(sent, axis.value)),
        support_id=origin.support_id if origin else None,
    )


def _form_page(
    request: Request,
    instance: Instance,
    origin: Origin | None,
    form: SignUpForm,
    *,
    wrong: dict[str, str] | None = None,
) -> Response:
    with instance.store.reading() as session:
        sectors = landing.sector_choices(session)
    values: dict[str, Any] = {
        "partner": origin.partner_name if origin else "",
        "sectors": sectors,
        "countries": country_choices(),
        "horizons": [horizon for horizon in Horizon if horizon != Horizon.unknown],
        "axes": list(Axis),
        "wordings": {axis: wordings.wording(axis).text for axis in Axis},
        "settings": instance.settings,
        "nonce": new_nonce(instance, PublicForm.sign_up),
        "trap": _TRAP,
    }
    return render(
        request,
        _TEMPLATE,
        status=400 if wrong else 200,
        headers=PRIVATE_HEADERS,
        form=form,
        wrong=wrong or {},
        **values,
    )
