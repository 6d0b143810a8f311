"""Notebooks become code that parses; what is no notebook is set aside."""

from __future__ import annotations

import ast
import json
from typing import Any

import pyarrow as pa
import pytest

from understudy.data.documents import WORKING_SCHEMA
from understudy.data.steps.notebook import BadNotebookError, Notebook, code_of

IMAGE = {"output_type": "display_data", "data": {"image/png": "iVBORw0KGgo" * 1000}}


def cell(kind: str, source: str | list[str], **more: Any) -> dict[str, Any]:
    return {"cell_type": kind, "source": source, "metadata": {}, **more}


def notebook(*cells: dict[str, Any], **metadata: Any) -> str:
    return json.dumps({"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5})


def test_cells_are_joined_in_order_without_their_outputs() -> None:
    text = notebook(
        cell("markdown", ["# Title\n", "\n", "Some words"]),
        cell("code", "import os\n", outputs=[IMAGE]),
        cell("raw", "not code"),
        cell("code", ["x = 1\n", "print(x)"], outputs=[]),
    )
    assert code_of(text) == ("# # Title\n#\n# Some words\n\nimport os\n\nx = 1\nprint(x)\n", "python")


def test_what_only_ipython_understands_becomes_comments() -> None:
    text = notebook(
        cell("code", "%matplotlib inline\n!pip install x\nfiles = !ls\nprint?\n?print\nx = 1"),
        cell("code", "%%time\n%load x\nx = 2"),
        cell("code", "%%bash\necho hi\nls | wc"),
        cell("code", "if x:\n    !ls {x}\nelse:\n    %cd ..\n"),
    )
    lines = code_of(text).text.split("\n")
    ast.parse("\n".join(lines))
    assert {"# %matplotlib inline", "# files = !ls", "# print?", "x = 1", "# %%time", "x = 2", "# echo hi"} <= set(
        lines
    )
    assert {"    pass  # !ls {x}", "    pass  # %cd .."} <= set(lines)


def test_a_percent_sign_that_is_python_stays() -> None:
    source = 'a = (b\n%c)\ntext = """\n!important\n%s\n"""'
    assert code_of(notebook(cell("code", source))).text == source + "\n"


@pytest.mark.parametrize(
    ("metadata", "lang", "remark"),
    [
        ({"kernelspec": {"language": "R", "name": "ir"}}, "r", "# Words"),
        ({"language_info": {"name": "julia"}, "kernelspec": {"name": "julia-1.9"}}, "julia", "# Words"),
        ({"kernelspec": {"name": "julia-1.9"}}, "julia", "# Words"),
        ({"language_info": {"name": "C++17"}}, "c++", "// Words"),
        ({"language_info": {"name": "C#"}}, "c-sharp", "// Words"),
        ({"language_info": {"name": "python", "version": "2.7"}}, "python", "# Words"),
        ({}, "python", "# Words"),
    ],
)
def test_the_kernel_names_the_language(metadata: dict[str, Any], lang: str, remark: str) -> None:
    code = code_of(notebook(cell("markdown", "Words"), cell("code", "x"), **metadata))
    assert (code.lang, code.text) == (lang, f"{remark}\n\nx\n")


def test_format_3_is_read_too() -> None:
    cells = [
        {"cell_type": "heading", "level": 1, "source": ["Title"]},
        {"cell_type": "code", "language": "python", "input": ["x = 1\n", "y = 2"], "outputs": [IMAGE]},
    ]
    text = json.dumps({"worksheets": [{"cells": cells}], "metadata": {"name": ""}, "nbformat": 3})
    assert code_of(text) == ("# Title\n\nx = 1\ny = 2\n", "python")


BAD = {
    "no JSON": "{",
    "a list": "[]",
    "no cells": "{}",
    "deep": '{"cells":' + "[" * 100_000,
    "deep objects": '{"a":' * 100_000,
    "NaN": '{"cells": [], "x": NaN}',
    "infinity": '{"cells": [], "x": -Infinity}',
    "a key twice": '{"cells": [], "cells": []}',
    "a number of 5,000 digits": '{"cells": [], "x": ' + "9" * 5_000 + "}",
    "a cell that is none": '{"cells": [1]}',
    "a source that is none": '{"cells": [{"cell_type": "code", "source": {"a": 1}}]}',
    "no code": notebook(cell("markdown", "only words")),
    "empty code": notebook(cell("code", " \n")),
    "half a surrogate pair": notebook(cell("code", "x = '\ud800'")),
    "a NUL": notebook(cell("code", "x = '\0'")),
    "a kernel that nobody knows": notebook(cell("code", "x"), kernelspec={"language": "klingon"}),
}


@pytest.mark.parametrize("name", BAD)
def test_what_is_no_notebook_is_refused(name: str) -> None:
    with pytest.raises(BadNotebookError):
        code_of(BAD[name])


def test_a_line_of_a_million_blanks_costs_one_look() -> None:
    assert code_of(notebook(cell("code", "a " * 500_000 + "\n" + " " * 1_000_000 + "x\n%magic"))).lang == "python"


def test_the_step_changes_notebooks_and_nothing_else() -> None:
    rows = [
        {"content": notebook(cell("code", "x = 1"), kernelspec={"language": "julia"}), "lang": "jupyter-notebook"},
        {"content": BAD["deep"], "lang": "jupyter-notebook"},
        {"content": BAD["deep"], "lang": "json"},
    ]
    empty: dict[str, Any] = {field.name: None for field in WORKING_SCHEMA}
    given = [{**empty, "path": f"{n}.ipynb", "repo": "r", "size_bytes": 9_999, **row} for n, row in enumerate(rows)]
    after = Notebook()(pa.RecordBatch.from_pylist(given, WORKING_SCHEMA)).to_pylist()
    assert [(row["lang"], row["size_bytes"], row["drop_reason"]) for row in after] == [
        ("julia", 6, None),
        ("jupyter-notebook", 9_999, "bad-notebook"),
        ("json", 9_999, None),
    ]
    assert after[0]["content"] == "x = 1\n" and after[0]["path"] == "0.ipynb"
    assert after[1]["evidence"] == "its JSON is nested too deeply" and after[1]["dropped_by"] == "notebook"
