"""SVG as text: one function that makes an element. Colours are classes, so that light, dark and print share a chart."""

from __future__ import annotations

from markupsafe import Markup, escape

from understudy.report.visible import visible_text


def element(name: str, *children: object, **attributes: object) -> Markup:
    """An SVG element. Attribute names: `class_` is class, `stroke_width` is stroke-width; None leaves one out."""
    written = "".join(
        f' {_name(key)}="{escape(_value(value))}"' for key, value in attributes.items() if value is not None
    )
    inside = "".join(str(escape(visible_text(c) if type(c) is str else c)) for c in children)
    return Markup(f"<{name}{written}>{inside}</{name}>") if inside else Markup(f"<{name}{written}/>")


def drawing(width: float, height: float, label: str, *children: object, class_: str = "chart") -> Markup:
    """A drawing that scales with the page, with a sentence for those who cannot see it."""
    return element("svg", *children, class_=class_, viewBox=f"0 0 {width:g} {height:g}", role="img", aria_label=label)


def cell(label: str | None, *children: object, height: int = 24) -> Markup:
    """A drawing as wide as its table cell, coordinates across in percent. No label: the numbers stand beside it."""
    hidden = None if label else "true"
    return element(
        "svg",
        *children,
        class_="cell",
        width="100%",
        height=height,
        role="img" if label else None,
        aria_label=label,
        aria_hidden=hidden,
    )


def percent(share: float) -> str:
    """A horizontal place inside a `cell`, kept inside it."""
    return f"{100 * min(1.0, max(0.0, share)):.2f}%"


def path(points: list[tuple[float, float]], class_: str) -> Markup:
    """A line through the points."""
    steps = " ".join(f"{'M' if i == 0 else 'L'}{x:.1f} {y:.1f}" for i, (x, y) in enumerate(points))
    return element("path", d=steps, class_=class_)


def _name(key: str) -> str:
    return key.rstrip("_") if key == "viewBox" or key.endswith("_") else key.replace("_", "-")


def _value(value: object) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".") if isinstance(value, float) else visible_text(str(value))
