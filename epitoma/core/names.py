"""Names of files: Linux allows any bytes in them, while tables, JSON and MLflow hold text in UTF-8."""

import re

NOT_UTF_8 = "its name is not UTF-8: rename it"

_SURROGATE = re.compile("[\ud800-\udfff]")
_FIRST_BYTE, _LAST_BYTE = 0xDC80, 0xDCFF
"""What Python stands for the bytes 0x80 and 0xff of a name that is not UTF-8."""


def is_text(name: str) -> bool:
    """Whether a name from the file system is text that UTF-8 can hold."""
    return _SURROGATE.search(name) is None


def escaped(name: str) -> str:
    r"""The name with bytes that are not UTF-8 as escapes, as in ``caf\xe9.mp4``; any other name stays as it is."""
    return _SURROGATE.sub(_escape, name)


def _escape(found: re.Match[str]) -> str:
    number = ord(found[0])
    is_byte = _FIRST_BYTE <= number <= _LAST_BYTE
    return f"\\x{number - _FIRST_BYTE + 0x80:02x}" if is_byte else f"\\u{number:04x}"
