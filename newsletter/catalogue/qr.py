"""QR codes to print: a sheet of A6 with the code, the short address in words, and what it is about."""

import io
from html import escape

import segno

from newsletter.i18n import _
from newsletter.store.catalogue import Partner, Support
from newsletter.urls import support_url

QUIET_ZONE = 4
"""Modules of white around the code: ISO/IEC 18004 asks for four."""


def address(support: Support, base_url: str) -> str:
    """The address that the QR code carries."""
    return support_url(base_url, support.code)


def short_address(support: Support, base_url: str) -> str:
    """The same address as a person types it."""
    return address(support, base_url).split("://", 1)[1]


def qr_code(support: Support, base_url: str) -> segno.QRCode:
    """The code itself, with the highest error correction: a stain of wine leaves it readable."""
    return segno.make(address(support, base_url), error="h", micro=False, boost_error=False)


def qr_svg(support: Support, base_url: str, *, partner: Partner) -> str:
    """The sheet as SVG, 105 × 148 mm; nothing of it comes from elsewhere."""
    short = short_address(support, base_url)
    return f"""<svg xmlns="http://www.w3.org/2000/svg" width="105mm" height="148mm" viewBox="0 0 1050 1480" role="img">
<title>{escape(_("Code QR {code}, {partner}").format(code=support.code, partner=partner.name))}</title>
<rect width="1050" height="1480" fill="#fbf6ea"/>
<path d="M0 0H1050V250C860 205 690 300 470 262 290 232 130 262 0 300Z" fill="#2f6f6a"/>
<path d="M0 1345C180 1290 330 1335 520 1318 730 1298 880 1262 1050 1295V1480H0Z" fill="#c9822b"/>
<g font-family="Georgia, 'Times New Roman', serif" text-anchor="middle">
<text x="525" y="130" font-size="84" font-weight="bold" fill="#fff">Oh my Lot !</text>
<text x="525" y="375" font-size="66" font-weight="bold" fill="#4a3423">{escape(_("Vous aimez le Lot ?"))}</text>
<text x="525" y="455" font-size="66" fill="#4a3423">{escape(_("Et si vous y viviez ?"))}</text>
</g>
<rect x="225" y="505" width="600" height="600" rx="28" fill="#fff"/>
{_nested_code(support, base_url)}
<g font-family="Helvetica, Arial, sans-serif" text-anchor="middle" fill="#4a3423">
<text x="525" y="1158" font-size="36">{escape(_("Scannez ce code, ou écrivez dans votre navigateur :"))}</text>
<text x="525" y="1220" font-size="{_fitting(short, at_most=46)}" font-weight="bold">{escape(short)}</text>
<text x="525" y="1420" font-size="{_fitting(partner.name, at_most=44)}" fill="#3b2513">{escape(partner.name)}</text>
</g>
</svg>
"""


def _nested_code(support: Support, base_url: str) -> str:
    drawn = io.BytesIO()
    qr_code(support, base_url).save(
        drawn, kind="svg", border=QUIET_ZONE, omitsize=True, xmldecl=False, svgns=False, nl=False, dark="#000"
    )
    return drawn.getvalue().decode().replace("<svg ", '<svg x="245" y="525" width="560" height="560" ', 1)


def _fitting(text: str, *, at_most: int) -> int:
    """A letter size, in tenths of a millimetre, at which the line stays on the sheet."""
    return max(16, min(at_most, round(1700 / max(len(text), 1))))


def qr_pdf(support: Support, base_url: str) -> bytes:
    """The code alone as PDF, about 60 mm wide with its quiet zone, to be placed in a layout or printed as it is."""
    code = qr_code(support, base_url)
    modules = code.symbol_size(border=QUIET_ZONE)[0]
    drawn = io.BytesIO()
    code.save(drawn, kind="pdf", border=QUIET_ZONE, scale=60 / 25.4 * 72 / modules, compresslevel=9)
    return drawn.getvalue()
