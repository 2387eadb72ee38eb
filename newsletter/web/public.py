"""The pages that need no account: sign-up, the rights of readers, the answers to a letter, the privacy notice."""

from fastapi import APIRouter, Request
from fastapi.responses import Response

from newsletter.urls import PRIVACY_PATH
from newsletter.web import reader_pages, signing_up
from newsletter.web.pages import TheInstance, render

router = APIRouter()
router.include_router(signing_up.router)
router.include_router(reader_pages.router)


@router.get(PRIVACY_PATH)
def privacy_notice(request: Request, instance: TheInstance) -> Response:
    return render(request, "public/confidentialite.html", settings=instance.settings)
