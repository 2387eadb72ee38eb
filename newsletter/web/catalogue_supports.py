"""The supports of a partner: what they brought, new print runs, and their QR codes to download."""

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response

from newsletter.catalogue import partners, qr, supports
from newsletter.catalogue.forms import FormError, validated_form
from newsletter.catalogue.supports import SupportForm
from newsletter.clock import paris_day
from newsletter.i18n import _
from newsletter.instance import Instance
from newsletter.store.catalogue import Partner
from newsletter.urls import support_url
from newsletter.web.pages import Marketing, TheForm, TheInstance, render, say_and_go, text_of
from newsletter.words import SupportKind, label

router = APIRouter()
_PARTNER_PAGE = "/bureau/catalogue/partenaires/{partner_id}"


def short_address_of(instance: Instance) -> str:
    """The beginning of the address that a printed code leads to, as a person types it."""
    return support_url(instance.settings.base_url, "").split("://", 1)[1]


@router.get(_PARTNER_PAGE + "/support")
def blank_support(request: Request, instance: TheInstance, visitor: Marketing, partner_id: int) -> Response:
    season = paris_day(instance.clock.now()).year
    with instance.store.reading() as session:
        partner = partners.find(session, partner_id)
    return _support_page(
        request, partner, typed={"kind": SupportKind.placemat, "season": season, "note": "", "code": ""}
    )


@router.post(_PARTNER_PAGE + "/support")
def add_support(
    request: Request, instance: TheInstance, visitor: Marketing, form: TheForm, partner_id: int
) -> Response:
    typed = {field: text_of(form, field) for field in ("kind", "season", "note", "code")}
    with instance.store.reading() as session:
        partner = partners.find(session, partner_id)
    try:
        filled = validated_form(SupportForm, typed | {"partner": partner.name})
        with instance.store.transaction() as session:
            support = supports.add(session, filled)
    except FormError as error:
        return _support_page(request, partner, typed=typed, errors=error.fields)
    said = _("Le support est créé. Imprimez son code QR : il porte le code {code}.").format(code=support.code)
    return say_and_go(request, _PARTNER_PAGE.format(partner_id=partner_id), said)


@router.get("/bureau/catalogue/supports/{code}.svg")
def sheet(instance: TheInstance, visitor: Marketing, code: str) -> Response:
    with instance.store.reading() as session:
        found = supports.find(session, code)
    drawn = qr.qr_svg(found.support, instance.settings.base_url, partner=found.partner)
    return _download(drawn.encode(), kind="image/svg+xml", name=f"{found.support.code}.svg")


@router.get("/bureau/catalogue/supports/{code}.pdf")
def code_alone(instance: TheInstance, visitor: Marketing, code: str) -> Response:
    with instance.store.reading() as session:
        found = supports.find(session, code)
    return _download(
        qr.qr_pdf(found.support, instance.settings.base_url), kind="application/pdf", name=f"{found.support.code}.pdf"
    )


def _download(content: bytes, *, kind: str, name: str) -> Response:
    return Response(content, media_type=kind, headers={"Content-Disposition": f'attachment; filename="qr-{name}"'})


def _support_page(
    request: Request, partner: Partner, *, typed: dict[str, Any], errors: dict[str, str] | None = None
) -> Response:
    return render(
        request,
        "catalogue/support_form.html",
        status=400 if errors else 200,
        partner=partner,
        typed=typed,
        errors=errors or {},
        kinds=[(kind.value, label(kind)) for kind in SupportKind],
    )
