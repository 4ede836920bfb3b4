"""Currencies as amounts and headers name them."""

# ruff: noqa: RUF001 letters of other scripts

from __future__ import annotations

import re
from collections.abc import Collection

# Three-letter codes that appear beside amounts. Other letters beside a number make it the number of
# an invoice or a ticket: `INV 1001`, `ABC-123`.
CODES = (
    "AED", "ARS", "AUD", "AZN", "BDT", "BGN", "BHD", "BRL", "BYN", "CAD", "CHF", "CLP",
    "CNY", "COP", "CZK", "DKK", "DOP", "EGP", "EUR", "GBP", "GEL", "GHS", "HKD", "HRK",
    "HUF", "IDR", "ILS", "INR", "ISK", "JOD", "JPY", "KES", "KRW", "KWD", "KYD", "KZT",
    "LBP", "LKR", "MAD", "MDL", "MKD", "MXN", "MYR", "NGN", "NOK", "NZD", "OMR", "PEN",
    "PHP", "PKR", "PLN", "QAR", "RON", "RSD", "RUB", "SAR", "SEK", "SGD", "THB", "TND",
    "TRY", "TWD", "UAH", "USD", "UYU", "VES", "VND", "XAF", "XOF", "ZAR",
)  # fmt: skip
SIGNS = "€$£¥₹₺₽₩₴₪฿₫₱₦%"
_DOLLARS = {
    "R$": "BRL", "US$": "USD", "A$": "AUD", "AU$": "AUD", "C$": "CAD", "CA$": "CAD", "NZ$": "NZD",
    "HK$": "HKD", "S$": "SGD", "NT$": "TWD", "MX$": "MXN",
}  # fmt: skip
LOCAL_SIGNS = "|".join(
    (
        *map(re.escape, _DOLLARS),
        r"Fr\.",
        r"kr\.",
        "kr",
        r"Rs\.",
        "Rs",
        "zł",
        "Kč",
        "Ft",
        "円",
        "TL",
        "lei",
        r"руб\.",
        "руб",
        r"грн\.",
        "грн",
        r"лв\.",
        "лв",
    )
)
SIGN_WORDS = "|".join((LOCAL_SIGNS, *CODES))
# Signs of a single currency; $, kr, Rs and ¥ belong to several.
CODE_OF = {
    "€": "EUR", "£": "GBP", "Fr.": "CHF", "zł": "PLN", "Kč": "CZK", "Ft": "HUF", "₹": "INR",
    "₺": "TRY", "₽": "RUB", "₩": "KRW", "₴": "UAH", "₪": "ILS", "฿": "THB", "₫": "VND", "₱": "PHP",
    "₦": "NGN", "円": "JPY", "TL": "TRY", "руб.": "RUB", "руб": "RUB", "грн.": "UAH", "грн": "UAH",
    "лв.": "BGN", "лв": "BGN", **_DOLLARS,
}  # fmt: skip
_SAME = {"kr.": "kr", "Rs.": "Rs"}
# Amounts in these never have three digits after a decimal mark.
WITHOUT_CENTS = frozenset(
    {"¥", "円", "JPY", "₩", "KRW", "₫", "VND", "CLP", "ISK", "Ft", "HUF", "IDR"}
)


def one_unit(sign: str) -> str:
    """The code of a currency whose sign is unique; else the sign, without a point."""
    return CODE_OF.get(sign, _SAME.get(sign, sign))


def differ(units: Collection[str]) -> bool:
    """Whether numbers that a sheet shows with these units can't share a column.

    A number without a unit may be in any currency, since its cell may just not be formatted, but
    it isn't a percentage.
    """
    shown = {*units} - {""}
    return len(shown) + ("%" in shown and "" in units) > 1
