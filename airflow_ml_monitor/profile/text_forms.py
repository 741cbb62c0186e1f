"""How texts are written: forms of values and of names, and signs of wrong decoding, as regular expressions.

Contracts ask for them and faults are named by them: a form says how a value is written, never which one. They use what
Python, DuckDB (RE2) and PostgreSQL understand alike: characters as such, classes, groups that capture nothing, counts;
no escape of a code point, no `.`, no flag.
"""

from __future__ import annotations

from typing import Final

NUMBER: Final = "number"
"""As most programs write one, but in a text."""
DECIMAL_COMMA: Final = "decimal comma"
THOUSANDS: Final = "thousands separator"
"""`1,234` is counted here and may be either; see metrics/fault/type_changed.py."""

_BLANKS: Final = " '\u00a0\u202f"
_ANY: Final = f"[+-]?[0-9][0-9.,{_BLANKS}]*"
_CURRENCY: Final = "(?:[$€£¥₹]|[A-Z]{3}|zł|kr)"
_DAY: Final = "[0-9]{4}-[01][0-9]-[0-3][0-9]"
_SECONDS: Final = "[0-5][0-9](?:[.,][0-9]+)?"

VALUES: Final[dict[str, str]] = {
    NUMBER: "[+-]?(?:[0-9]+(?:[.][0-9]*)?|[.][0-9]+)(?:[eE][+-]?[0-9]+)?",
    # Also without a separator: what has neither is a number first, but stands in a column beside those that do.
    THOUSANDS: f"[+-]?[0-9]{{1,3}}(?:(?:,[0-9]{{3}})*(?:[.][0-9]+)?|(?:[{_BLANKS}][0-9]{{3}})+(?:[.,][0-9]+)?)",
    DECIMAL_COMMA: "[+-]?(?:[0-9]+(?:,[0-9]+)?|[0-9]{1,3}(?:[.][0-9]{3})+,[0-9]+)",
    "percent sign": f"{_ANY}%",
    "currency sign": f"{_CURRENCY} ?{_ANY}|{_ANY}{_CURRENCY}",
    "m:ss": f"[+-]?[0-9]{{1,4}}:{_SECONDS}",
    "h:mm:ss": f"[+-]?[0-9]{{1,4}}:[0-5][0-9]:{_SECONDS}",
    "ISO date": _DAY,
    "ISO time": f"{_DAY}[T ][0-2][0-9]:[0-5][0-9](?::{_SECONDS})?(?:Z|[+-][0-9]{{2}}(?::?[0-9]{{2}})?)?",
    "day and month in a date": "[0-3]?[0-9][./-][0-3]?[0-9][./-](?:[0-9]{4}|[0-9]{2})",
    "yes or no": "[Yy]es|YES|[Nn]o|NO|[Tt]rue|TRUE|[Ff]alse|FALSE|[YyNnTtFf]",
}
"""How numbers, times and booleans are written in texts, by name.

A fault names the first one that a text is wholly made of, blanks at its ends apart.
"""

FORMS: Final[dict[str, str]] = {
    "digits": "[0-9]+",
    "UUID": "[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}",
    **VALUES,
    "capital letters": "[A-Z]+",
    "small letters": "[a-z]+",
    "hexadecimal": "[0-9a-f]+",
    "capital letters and digits": "[A-Z0-9]+",
    "e-mail address": r"[^@\s]+@[^@\s]+\.[^@\s]+",
    "web address": r"https?://\S+",
    "code": "[A-Za-z0-9]+(?:[-_./:][A-Za-z0-9]+)*",
}
"""All of them by name, the most special first: a contract asks for the first that nearly all texts of a column have."""


def wholly(form: str) -> str:
    """The expression of a text that is nothing but of a form.

    >>> wholly("[0-9]+")
    '^(?:[0-9]+)$'
    """
    return f"^(?:{form})$"


_UNSEEN_SIGNS: Final = "\u0080-\u009f"
_WINDOWS: Final = "€‚ƒ„…†‡ˆ‰Š‹ŒŽ‘’“”•–—˜™š›œžŸ"
"""What Windows-1252 shows for the bytes 80 to 9F."""

DAMAGE: Final = "|".join((
    "\ufffd",
    # UTF-8 read as Latin-1 or Windows-1252: é becomes Ã©, a quotation mark â€™, an emoji ðŸ and more, Cyrillic Ð and °.
    f"[ÃÂ][{_UNSEEN_SIGNS}\u00a0-\u00bf{_WINDOWS}]",
    f"[ÄÅÐÑ][{_UNSEEN_SIGNS}\u00a1-\u00aa\u00ac-\u00ba\u00bc-\u00bf]",
    "â€|ðŸ",
    f"[\u0001-\u0008\u000b\u000c\u000e-\u001f\u007f{_UNSEEN_SIGNS}]",
    "&(?:amp|lt|gt|quot|apos|nbsp|szlig|#[0-9]{1,7}|#[xX][0-9A-Fa-f]{1,6}"
    "|[A-Za-z]{1,8}(?:acute|grave|uml|circ|tilde|cedil|ring|slash));",
    # Escaped once more than it was read.
    r"\\u[0-9A-Fa-f]{4}|\\x[0-9A-Fa-f]{2}|%C[23]%[89ABab][0-9A-Fa-f]|%25[0-9A-Fa-f]{2}",
))  # fmt: skip
"""Found anywhere in a text: it was decoded wrongly, or escaped once too often."""

FOREIGN: Final = "[^\u0001-\u007f]"
"""A character beyond ASCII: only such text can be read in a wrong encoding."""
