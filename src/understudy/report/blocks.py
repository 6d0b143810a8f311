"""What a section is made of. Sections are data; the template alone knows what they look like."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

from markupsafe import Markup

Look = Literal["text", "number", "chart", "short-chart", "code", "quiet"]
Cell = str | Markup | None


@dataclass(frozen=True, slots=True)
class Column:
    """A table's column: its heading and how its cells look."""

    name: str | Markup
    look: Look = "text"


@dataclass(frozen=True, slots=True)
class Table:
    """A titled table.

    `strong` rows (by index) are set apart: a total, the model among its baselines. `stacks`: too wide for a narrow
    screen, where each row becomes a small block with its numbers labelled.
    """

    kind: ClassVar[str] = "table"
    title: str
    columns: Sequence[Column]
    rows: Sequence[Sequence[Cell]]
    note: str = ""
    strong: frozenset[int] = frozenset()
    stacks: bool = False

    @property
    def has_chart(self) -> bool:
        """Whether a column holds drawings; the table is then as wide as the page."""
        return any(column.look == "chart" for column in self.columns)


@dataclass(frozen=True, slots=True)
class Figure:
    """A titled chart with a sentence below."""

    title: str
    chart: Markup
    note: str = ""


@dataclass(frozen=True, slots=True)
class Figures:
    """Charts side by side where there is room."""

    kind: ClassVar[str] = "figures"
    figures: Sequence[Figure]
    are_small: bool = False


@dataclass(frozen=True, slots=True)
class Completion:
    """One place of a held-out file: what stood before and behind the cursor, the truth, what the model wrote."""

    mode: str
    path: str
    remark: str
    prefix: Markup
    suffix: Markup | None
    truth: Markup
    completion: Markup
    verdict: str
    is_exact: bool


@dataclass(frozen=True, slots=True)
class Completions:
    """Completions one below the other; folded away when `is_folded`."""

    kind: ClassVar[str] = "completions"
    title: str
    items: Sequence[Completion]
    note: str = ""
    is_folded: bool = False


@dataclass(frozen=True, slots=True)
class Station:
    """One stop of the lineage drawing."""

    name: str
    identifier: str
    summary: str


@dataclass(frozen=True, slots=True)
class Lineage:
    """The drawing of what was made from what."""

    kind: ClassVar[str] = "lineage"
    rail: Markup
    stations: Sequence[Station]


@dataclass(frozen=True, slots=True)
class Note:
    """A quiet paragraph: how something was measured."""

    kind: ClassVar[str] = "note"
    text: str


@dataclass(frozen=True, slots=True)
class Missing:
    """Said in place of a block when there is nothing to show."""

    kind: ClassVar[str] = "missing"
    reason: str


@dataclass(frozen=True, slots=True)
class CodeLine:
    """One line of a file, with its number; `is_marked` is the line that shows what is said."""

    number: int
    text: Markup
    is_marked: bool = False


@dataclass(frozen=True, slots=True)
class Sample:
    """A file: its name, what there is to say, and the lines that show it. `remark` is quiet, `evidence` is not."""

    path: str
    remark: str
    evidence: str = ""
    lines: Sequence[CodeLine] = ()
    note: str = ""


@dataclass(frozen=True, slots=True)
class Samples:
    """Files under one heading, folded away until somebody looks. `bar` stands beside the heading."""

    kind: ClassVar[str] = "samples"
    title: str
    remark: str
    items: Sequence[Sample]
    bar: Markup | None = None
    is_open: bool = False


@dataclass(frozen=True, slots=True)
class BesideRow:
    """A line of each of two texts; None where one lacks it. `how` is equal, changed or gap."""

    how: str
    left: CodeLine | None
    right: CodeLine | None


@dataclass(frozen=True, slots=True)
class Beside:
    """Two texts beside each other, folded away until somebody looks."""

    kind: ClassVar[str] = "beside"
    title: str
    remark: str
    left: str
    right: str
    rows: Sequence[BesideRow]
    note: str = ""
    is_open: bool = False


@dataclass(frozen=True, slots=True)
class Folded:
    """Blocks that are folded away under a title."""

    kind: ClassVar[str] = "folded"
    title: str
    blocks: Sequence[Table]


Block = Table | Figures | Completions | Lineage | Samples | Beside | Folded | Note | Missing


@dataclass(frozen=True, slots=True)
class Section:
    """One stretch of the river. `aside` stands in the margin: the artifact's id, how long it took."""

    key: str
    title: str
    lead: str
    blocks: Sequence[Block]
    aside: Sequence[str] = ()
