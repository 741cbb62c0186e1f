"""Forms of text that a contract may name: a form says how a value is written, never which one."""

from __future__ import annotations

from typing import Final

FORMS: Final[dict[str, str]] = {
    "digits": r"^[0-9]+$",
    "UUID": r"^[0-9a-fA-F]{8}-([0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}$",
    "date": r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$",
    "date and time": (
        r"^[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}"
        r"(:[0-9]{2}([.,][0-9]+)?)?(Z|[+-][0-9]{2}:?[0-9]{2})?$"
    ),
    "number": r"^-?[0-9]+([.,][0-9]+)?$",
    "capital letters": r"^[A-Z]+$",
    "small letters": r"^[a-z]+$",
    "hexadecimal": r"^[0-9a-f]+$",
    "capital letters and digits": r"^[A-Z0-9]+$",
    "e-mail address": r"^[^@\s]+@[^@\s]+\.[^@\s]+$",
    "web address": r"^https?://\S+$",
    "code": r"^[A-Za-z0-9]+([-_./:][A-Za-z0-9]+)*$",
}
"""Regular expressions by name, the most special first; RE2 and Python read them alike."""

_LATER: Final = "\u0080-\u00bf€‚ƒ„…†‡ˆ‰Š‹ŒŽ‘’“”•–—˜™š›œžŸ"
DAMAGED: Final = f"\ufffd|[ÂÃ][{_LATER}]|â[\u0080€]|[ÐÑ][\u0080-\u00bf]"
"""Text that lost its encoding: the replacement character, or UTF-8 that was read as Latin-1 or Windows-1252.

'Ã©' was 'é', 'â€™' an apostrophe, 'Ð¸' a Cyrillic letter. No such pair is usual in any language.
"""

FOREIGN: Final = r"[^\x00-\x7f]"
"""A character beyond ASCII: only such text can be damaged by a wrong encoding."""
