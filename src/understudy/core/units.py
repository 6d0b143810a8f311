"""Numbers as people read them. One place, so that the terminal, the report and the docs say the same."""

from __future__ import annotations

import math


def bytes_text(n_bytes: float) -> str:
    """`31.5 MB`: decimal units, three significant digits."""
    return _scaled(n_bytes, (("B", 1.0), ("kB", 1e3), ("MB", 1e6), ("GB", 1e9), ("TB", 1e12), ("PB", 1e15)))


def count_text(n: float) -> str:
    """`7.13M`: counts of parameters, tokens, files; three significant digits, whole below 10,000."""
    if abs(n) < 10_000 and float(n).is_integer():
        return f"{int(n):,}"
    return _scaled(n, (("", 1.0), ("k", 1e3), ("M", 1e6), ("B", 1e9), ("T", 1e12), ("P", 1e15)), space="")


def flops_text(flops: float) -> str:
    """`1.2e+18 FLOPs`; the field writes training compute as a power of ten."""
    return f"{flops:.2e} FLOPs"


def rate_text(flops_per_second: float) -> str:
    """`0.43 TFLOP/s`."""
    return _scaled(flops_per_second, (("FLOP/s", 1.0), ("GFLOP/s", 1e9), ("TFLOP/s", 1e12), ("PFLOP/s", 1e15)))


def duration_text(seconds: float) -> str:
    """`0.4 s`, `41 s`, `4 min 07 s`, `3 h 12 min`, `12 days 3 h`."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    if seconds < 60:
        return f"{seconds:.0f} s"
    whole = round(seconds)
    minutes, rest = divmod(whole, 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    hours, minutes = divmod(minutes, 60)
    if hours < 48:
        return f"{hours} h {minutes:02d} min"
    days, hours = divmod(hours, 24)
    return f"{days:,} days {hours} h"


def money_text(usd: float) -> str:
    """`$0.42`, `$150,000`."""
    return f"${usd:,.2f}" if usd < 100 else f"${usd:,.0f}"


def percent_text(fraction: float) -> str:
    """`14 %`, `9.4 %`, `0 %`, `< 0.1 %` of a fraction 0..1."""
    percent = 100 * fraction
    if percent == 0 or percent >= 9.95:
        return f"{percent:.0f} %"
    return f"{percent:.1f} %" if percent >= 0.05 else "< 0.1 %"


def parse_count(text: str | float) -> int:
    """The whole number behind `125M`, `1.3B`, `32k`, `1e9` or `4096`. Raises ValueError."""
    if isinstance(text, (int, float)):
        return _whole(float(text))
    cleaned = text.strip().replace("_", "").replace(",", "")
    scale = {"k": 1e3, "m": 1e6, "b": 1e9, "t": 1e12}.get(cleaned[-1:].lower())
    try:
        number = float(cleaned[:-1]) * scale if scale else float(cleaned)
    except ValueError:
        raise ValueError(f"{text!r} is not a number like 4096, 32k, 1.3B or 1e9") from None
    return _whole(number)


def _whole(value: float) -> int:
    if not math.isfinite(value) or abs(round(value) - value) > 1e-6 * max(1.0, abs(value)):
        raise ValueError(f"{value} is not a whole number")
    return round(value)


def _scaled(value: float, units: tuple[tuple[str, float], ...], space: str = " ") -> str:
    sign, size = ("-" if value < 0 else ""), abs(float(value))
    name, scale = units[0]
    for name_of_unit, unit in units:
        if size >= unit * 0.9995:
            name, scale = name_of_unit, unit
    scaled = size / scale
    digits = 0 if scaled >= 99.95 or (scale == 1.0 and scaled.is_integer()) else 1 if scaled >= 9.995 else 2
    return f"{sign}{scaled:.{digits}f}{space if name else ''}{name}"
