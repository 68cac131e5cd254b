"""What the page takes from other packages: the charts' library as text, and JSON that can stand in a script."""

from __future__ import annotations

import json
from importlib.util import find_spec
from typing import Any

from vaecli.core.errors import UsageError

PACKAGES = {"jinja2": "jinja2", "vl_convert": "vl-convert-python"}
"""Modules and the packages that bring them."""


def check_page_packages() -> None:
    """Refuses the page where a package is missing, before any work.

    Raises:
        UsageError: Names the packages and the command that installs them.
    """
    missing = [package for module, package in PACKAGES.items() if find_spec(module) is None]
    if missing:
        raise UsageError(f"--format html needs {' and '.join(missing)}: pip install 'vaecli[html]'")


def chart_library() -> str:
    """Vega, Vega-Lite and Vega-Embed as one script that loads nothing and can stand in an HTML element."""
    import vl_convert

    script: str = vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;")
    return script.replace("</script", r"<\/script").replace("<!--", r"<\!--")


def script_json(value: Any) -> str:
    """JSON that ends no script element, whatever texts are in it; figures keep five digits.

    Raises:
        ValueError: A figure isn't finite.
    """
    text = json.dumps(_rounded(value), ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    for char in "<>&\u2028\u2029":
        text = text.replace(char, f"\\u{ord(char):04x}")
    return text


def _rounded(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _rounded(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_rounded(item) for item in value]
    if isinstance(value, float):
        short = float(f"{value:.5g}")
        return int(short) if short.is_integer() and abs(short) < 1e15 else short
    return value
