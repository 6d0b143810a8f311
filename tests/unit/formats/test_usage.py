from __future__ import annotations

import json
from pathlib import Path

import pytest

from understudy.core.errors import InputDataError
from understudy.formats.special_tokens import SPECIAL_TOKENS
from understudy.formats.usage import USAGE_FILE, ModelUsage


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    usage = ModelUsage(name="acme", context=2048, fim_mode="spm", licenses={"MIT": 10}, data={"languages": ["go"]})
    usage.write(tmp_path)
    assert ModelUsage.read(tmp_path) == usage


def test_every_special_token_stops_a_completion() -> None:
    assert ModelUsage(name="m", context=8).stop == SPECIAL_TOKENS


@pytest.mark.parametrize("content", ["", "{}", "[]", "null", '{"format": 1}', '{"format": "x"}'])
def test_a_damaged_file_is_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / USAGE_FILE).write_text(content)
    with pytest.raises(InputDataError, match=USAGE_FILE):
        ModelUsage.read(tmp_path)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputDataError, match=USAGE_FILE):
        ModelUsage.read(tmp_path)


def test_a_newer_file_is_refused_with_the_way_out(tmp_path: Path) -> None:
    (tmp_path / USAGE_FILE).write_text(json.dumps({"format": 99, "name": "m", "context": 8}))
    with pytest.raises(InputDataError, match="newer version") as caught:
        ModelUsage.read(tmp_path)
    assert caught.value.hint == "pip install --upgrade understudy"


@pytest.mark.parametrize(
    "change", [{"context": 0}, {"context": "512"}, {"fim_mode": "mps"}, {"colour": 1}, {"name": 3}]
)
def test_a_value_that_makes_no_sense_is_refused(tmp_path: Path, change: dict[str, object]) -> None:
    ModelUsage(name="m", context=8).write(tmp_path)
    value = json.loads((tmp_path / USAGE_FILE).read_text())
    (tmp_path / USAGE_FILE).write_text(json.dumps(value | change))
    with pytest.raises(InputDataError, match=USAGE_FILE):
        ModelUsage.read(tmp_path)
