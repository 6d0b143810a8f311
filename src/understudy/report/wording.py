"""Numbers and comparisons in words, where `core.units` has no phrase for them."""

from __future__ import annotations

from understudy.core.units import count_text

NOT_MEASURED = "not measured"
MINUS = "\u2212"


def plain_count(n: float) -> str:
    """`12,345`."""
    return f"{n:,.0f}"


def counted(n: float, one: str, many: str | None = None) -> str:
    """`1 file`, `12,345 files`."""
    return f"{n:,.0f} {one if n == 1 else many or one + 's'}"


def interval_text(low: float, high: float, digits: int) -> str:
    """`10 to 19`."""
    return f"{low:.{digits}f} to {high:.{digits}f}".replace("-", MINUS)


def off_text(predicted: float, actual: float) -> str:
    """`+4 %`, `as predicted`, `2.3 times`: how far an outcome is from its prediction."""
    if predicted <= 0 or actual <= 0:
        return "cannot be compared"
    ratio = actual / predicted
    if ratio > 2 or ratio < 0.1:
        return f"{ratio:.0f} times" if ratio >= 9.95 else f"{ratio:.2g} times"
    off = round(100 * (ratio - 1))
    return "as predicted" if off == 0 else f"{off:+d} %".replace("-", MINUS)


def clock_text(seconds: float) -> str:
    """`0:07`, `4:12`, `1:02:00`: elapsed time on an axis."""
    whole = max(0, round(seconds))
    hours, rest = divmod(whole, 3600)
    minutes, rest = divmod(rest, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


def axis_number(value: float) -> str:
    """A tick's number: as short as it can be read."""
    if value == 0:
        return "0"
    size = abs(value)
    if size >= 1000:
        return count_text(value).replace(".00", "").replace(".0", "")
    if size < 1e-3:
        mantissa, exponent = f"{value:.1e}".split("e")
        return f"{float(mantissa):g}e{int(exponent)}"
    return f"{value:.3g}"
