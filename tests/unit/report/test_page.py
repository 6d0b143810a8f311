"""The page as a whole: self-contained, safe, repeatable, and never in the way of a run."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from html.parser import HTMLParser
from typing import Any

import pytest

from understudy.core.recipe_file import parse_recipe
from understudy.report import write_report
from understudy.report.reading import Run
from understudy.report.sections import corpus, plan

Sample = Any  # (project, resolved recipe, artifacts), from conftest.py
Files = dict[str, Any]
KINDS = ("plan", "corpus", "tokenizer", "tokens", "model", "scores")
VOID = {"meta", "br", "hr", "img", "link", "input"}
FETCHING = {"src", "href", "srcset", "action", "data", "poster", "background", "formaction", "ping", "xlink:href"}
HOSTILE = (
    "</script><script>alert(1)</script><img src=x onerror=alert(1)>\"'><style>@import 'https://evil.example/x'</style>"
    "\u202e\u2066\u200b\x00\ud800 {{ 7 * 7 }} {% raw %} ]]> <!-- --> &amp;"
)
SHAPES: list[Any] = [None, [], {}, "text", 7, [None], [[1]], {"suites": [1]}, {"machine": 3, "items": [1, {}]}]
ODD = [float("1e308"), -1, 0, True, "x", None, [], {}]


class Page(HTMLParser):
    """Tags, attributes and text of a page; checks that what is opened is closed."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []
        self.open: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def page_of(sample: Sample) -> str:
    return write_report(*sample).read_text(encoding="utf-8")


def run_of(sample: Sample) -> Run:
    return Run(*sample)


def leaves(value: Any) -> Iterator[tuple[Any, Any]]:
    """(container, key) of every value inside."""
    keys = value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    for key in keys:
        yield value, key
        yield from leaves(value[key])


def test_the_page_is_well_formed_and_has_every_section(sample: Sample) -> None:
    page = Page(page_of(sample))
    assert page.open == []
    ids = [attributes["id"] for tag, attributes in page.tags if tag == "section"]
    measured = ["plan", "data", "tokenizer", "training", "scores", "completions"]
    assert ids == [*measured, "lineage", "time", "machine", "recipe"]


def test_the_page_asks_for_nothing_outside_itself(sample: Sample) -> None:
    html = page_of(sample)
    page = Page(html)
    fetched = [v for _, attributes in page.tags for k, v in attributes.items() if k in FETCHING]
    assert all(value is not None and value.startswith("#") for value in fetched)
    assert {tag for tag, _ in page.tags} & {
        "script",
        "link",
        "img",
        "iframe",
        "object",
        "embed",
        "base",
        "form",
    } == set()
    assert re.search(r"https?://|url\(|@import|@font-face", html) is None


def test_the_opening_says_the_result(sample: Sample) -> None:
    result = re.search(r'<p class="result">(.*?)</p>', page_of(sample), re.S)
    assert result is not None
    assert re.sub("<[^>]+>", "", result[1]) == (
        "5.35M parameters trained 3 min 56 s on 28.3 MB of code; held-out 1.97 bits per byte; "
        "completes 14 % [10, 19] of held-out lines exactly (random weights 0 %, copying the nearest training line 9 %)."
    )


def test_the_same_artifacts_give_the_same_bytes(sample: Sample) -> None:
    path = write_report(*sample)
    first = path.read_bytes()
    path.unlink()
    assert write_report(*sample).read_bytes() == first


def test_a_page_that_is_up_to_date_is_left_alone(sample: Sample) -> None:
    path = write_report(*sample)
    path.write_text(path.read_text() + "<!-- untouched -->")
    write_report(*sample)
    assert path.read_text().endswith("<!-- untouched -->")


def test_another_recipe_or_other_artifacts_write_it_again(sample: Sample) -> None:
    path = write_report(*sample)
    first = path.read_text()
    write_report(sample.project, parse_recipe("name: demo\nserve: {port: 9000}"), sample.artifacts)
    second = path.read_text()
    without_scores = {kind: artifact for kind, artifact in sample.artifacts.items() if kind != "scores"}
    write_report(sample.project, sample.resolved, without_scores)
    assert len({first, second, path.read_text()}) == 3


def test_a_damaged_page_is_written_again(sample: Sample) -> None:
    path = write_report(*sample)
    whole = path.read_bytes()
    path.write_bytes(b"\xff\x00")
    assert write_report(*sample).read_bytes() == whole


def test_one_artifact_has_a_page_named_by_its_id(sample: Sample) -> None:
    corpus_only = {"corpus": sample.artifacts["corpus"]}
    path = write_report(sample.project, None, corpus_only)
    assert path.name == f"{sample.artifacts['corpus'].id}.html"
    html = path.read_text()
    assert "there is no model among these artifacts" in html
    assert "28.3 MB" in html


def test_artifacts_are_named_in_the_head(sample: Sample) -> None:
    ids = " ".join(sample.artifacts[kind].id for kind in KINDS)
    assert f'<meta name="understudy-artifacts" content="{ids}">' in page_of(sample)


def test_hostile_text_anywhere_in_the_data_stays_text(make_sample: Callable[..., Sample]) -> None:
    def poison(files: dict[str, Files]) -> None:
        for kind in files.values():
            for name, value in kind.items():
                for holder, key in list(leaves(value)):
                    if isinstance(holder[key], str) and key not in ("mode",):
                        holder[key] = HOSTILE
                if isinstance(value, dict) and name in ("statistics.json", "plan.json", "report.json"):
                    _poison_keys(value)

    sample = make_sample(poison)
    html = page_of(sample)
    page = Page(html)
    assert page.open == []
    assert {tag for tag, _ in page.tags} & {"script", "img", "iframe", "link"} == set()
    assert sum(tag == "style" for tag, _ in page.tags) == 1
    assert not [name for _, attributes in page.tags for name in attributes if name.startswith("on")]
    assert not set("\u202e\u2066\u200b\x00") & set(html)
    assert "{{ 7 * 7 }}" in html
    assert "alert(1)" in "".join(page.text)


def _poison_keys(value: dict[str, Any]) -> None:
    """Language, repository and reason names come from data too."""
    for groups in ("by_language", "by_repository", "redactions", "reasons", "bytes_per_token"):
        if isinstance(value.get(groups), dict):
            value[groups] = {HOSTILE + str(i): entry for i, entry in enumerate(value[groups].values())}


def test_code_that_tells_hidden_characters_shows_them(make_sample: Callable[..., Sample]) -> None:
    def hide(files: dict[str, Files]) -> None:
        files["scores"]["showcase.json"]["items"][0]["completion"] = "is_admin\u202e = False"

    assert '<span class="hidden-character" title="hidden character">U+202E</span>' in page_of(make_sample(hide))


@pytest.mark.parametrize("kind", KINDS)
def test_without_a_file_its_section_says_so(make_sample: Callable[..., Sample], kind: str) -> None:
    html = page_of(make_sample(lambda files: files[kind].clear()))
    assert Page(html).open == []


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_files_of_another_shape_do_no_harm(make_sample: Callable[..., Sample], shape: Any) -> None:
    def change(files: dict[str, Files]) -> None:
        for names in files.values():
            for name in names:
                names[name] = json.dumps(shape)

    assert Page(page_of(make_sample(change))).open == []


@pytest.mark.parametrize("odd", ODD, ids=str)
def test_values_of_another_kind_do_no_harm(make_sample: Callable[..., Sample], odd: Any) -> None:
    def change(files: dict[str, Files]) -> None:
        for names in files.values():
            for value in names.values():
                for holder, key in list(leaves(value)):
                    if not isinstance(holder[key], (dict, list)):
                        holder[key] = odd

    assert Page(page_of(make_sample(change))).open == []


def test_a_torn_log_and_broken_json_do_no_harm(make_sample: Callable[..., Sample]) -> None:
    def tear(files: dict[str, Files]) -> None:
        files["model"]["training.jsonl"] = '{"step": 1, "tokens": 10, "loss": 5.0}\n{"step": 2, "tok'
        files["scores"]["scores.json"] = '{"suites": '

    assert Page(page_of(make_sample(tear))).open == []


def test_the_funnel_of_the_page_adds_up(sample: Sample) -> None:
    steps = json.loads((sample.artifacts["corpus"].path / "funnel.json").read_text())
    section = corpus.section(run_of(sample))
    rows = section.blocks[0].rows  # type: ignore[union-attr]
    shown = [[int(str(cell).replace(",", "").replace("–", "0") or 0) for cell in row[1:4]] for row in rows[:-1]]
    assert shown == [[step["n_in"], step["n_dropped"], step["n_out"]] for step in steps]
    assert all(n_in - dropped == n_out for n_in, dropped, n_out in shown)
    assert [row[0] for row in shown[1:]] == [row[2] for row in shown[:-1]]
    assert rows[-1][3] == f"{shown[-1][2]:,}"


def test_the_bars_of_the_funnel_are_as_long_as_its_numbers(sample: Sample) -> None:
    section = corpus.section(run_of(sample))
    for row in section.blocks[0].rows[:-1]:  # type: ignore[union-attr]
        widths = [float(width) for width in re.findall(r'width="([\d.]+)%" y=', str(row[4]))]
        n_in = int(str(row[1]).replace(",", ""))
        assert sum(widths) == pytest.approx(100 * n_in / 1893, abs=0.02)


def test_reasons_add_up_to_what_was_left_out(sample: Sample) -> None:
    section = corpus.section(run_of(sample))
    reasons = next(block for block in section.blocks if getattr(block, "title", "") == "Why files were left out")
    n_left_out = sum(int(str(row[1]).replace(",", "")) for row in reasons.rows)  # type: ignore[union-attr]
    assert n_left_out == 1893 - 1702


def test_plan_and_outcome_are_set_side_by_side(sample: Sample) -> None:
    found = {item.name: item for item in plan.comparisons(run_of(sample))}
    assert found["training time"].ratio == pytest.approx(236.4 / 240)
    assert found["peak memory"].ratio == pytest.approx(1.31 / 1.18)
    assert found["money"].ratio is None


def test_every_chart_that_stands_alone_has_a_sentence_for_those_who_cannot_see_it(sample: Sample) -> None:
    page = Page(page_of(sample))
    drawings = [attributes for tag, attributes in page.tags if tag == "svg"]
    assert len(drawings) > 20
    assert all(attributes.get("aria-label") or attributes.get("aria-hidden") == "true" for attributes in drawings)
