"""An address has one form in the store, and nothing that is not plainly one address gets in."""

import pytest

from newsletter.addresses import AddressError, normalise


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("camille@exemple.fr", "camille@exemple.fr"),
        ("  Camille.Roux@EXEMPLE.FR \n", "Camille.Roux@exemple.fr"),
        ("RENEE@BÜCHER.EXAMPLE", "RENEE@xn--bcher-kva.example"),
        ("jose\u0301@exemple.fr", "josé@exemple.fr"),
        ("o'connor+lot@exemple.fr", "o'connor+lot@exemple.fr"),
    ],
)
def test_an_address_is_kept_in_one_form(typed: str, kept: str) -> None:
    assert normalise(typed) == kept
    assert normalise(kept) == kept


@pytest.mark.parametrize(
    "typed",
    [
        "", "   ", "camille.exemple.fr", "camille @ exemple.fr", "camille@exemple.fr.", "a@exemple.fr;b@exemple.fr",
        "Camille <camille@exemple.fr>", "alice@example.org)bob@evil.com", "a@b@exemple.fr", "a..b@exemple.fr",
        "-oX@exemple.fr", '"a b"@exemple.fr', "a@[127.0.0.1]", "a@localhost", "a@exemple.fr\r\nRCPT TO:<b@evil.com>",
        "é" * 40 + "@exemple.fr", "a" * 65 + "@exemple.fr", "a@" + "b" * 250 + ".fr", "a\0@exemple.fr",
    ],
)  # fmt: skip
def test_what_is_not_one_plain_address_is_refused_without_being_repeated(typed: str) -> None:
    with pytest.raises(AddressError) as refused:
        normalise(typed)
    assert "evil" not in str(refused.value)
    assert "camille@" not in str(refused.value)
    assert str(refused.value).endswith(".")
