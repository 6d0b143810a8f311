"""A run whose artifacts hold what the stages write, made through the store in a moment."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

from understudy.core.artifact import Artifact, Store
from understudy.core.paths import Project
from understudy.core.recipe_file import ResolvedRecipe, parse_recipe

RECIPE = """name: demo
budget: {minutes: 4}
data:
  sources: [{stdlib: true}]
  split: {by: file, valid: 0.02}
tokenizer: {train: {vocabulary: 8192}}
"""
N_STEPS, STEP_TOKENS, SECONDS = 170, 16_384, 236.0
Files = dict[str, Any]


class Sample(NamedTuple):
    project: Project
    resolved: ResolvedRecipe
    artifacts: dict[str, Artifact]


@pytest.fixture
def make_sample(tmp_path: Path) -> Callable[..., Sample]:
    """Makes a sample run; `change` may alter the files before they are published."""

    def make(change: Callable[[dict[str, Files]], None] | None = None) -> Sample:
        return sample_run(tmp_path, change)

    return make


@pytest.fixture
def sample(make_sample: Callable[..., Sample]) -> Sample:
    return make_sample()


def sample_run(root: Path, change: Callable[[dict[str, Files]], None] | None = None) -> Sample:
    """A whole run of the demo recipe in `root`."""
    project, files = Project(root), sample_files()
    if change:
        change(files)
    resolved = parse_recipe(RECIPE, path=root / "demo.yaml")
    artifacts: dict[str, Artifact] = {}
    for kind, (stage, needs, seconds) in STAGES.items():
        work = project.work / f"{kind}-work"
        work.mkdir(parents=True)
        for name, value in files[kind].items():
            _write(work / name, value)
        inputs = [artifacts[need] for need in needs]
        made_by = {
            "created": f"2026-07-14T10:{len(artifacts):02d}:00.000000+00:00",
            "recipe": "demo",
            "stage": stage,
            "understudy": "0.1.0",
            "section": resolved.recipe.section(("seed", "data")),
            "sources": "5e1f0c3a9b7d4421" if kind in ("plan", "corpus") else None,
            "seconds": seconds,
            "peak_memory_bytes": 900_000_000,
        }
        number = f"{list(STAGES).index(kind) + 1:x}"
        metrics = {"summary": SUMMARIES[kind]}
        artifacts[kind] = Store(project).publish(kind, f"{kind}-{number * 12}", work, inputs, metrics, made_by)
    return Sample(project, resolved, artifacts)


STAGES: dict[str, tuple[str, tuple[str, ...], float]] = {
    "plan": ("plan", (), 8.1),
    "corpus": ("data", (), 9.4),
    "tokenizer": ("tokenizer", ("corpus",), 6.2),
    "tokens": ("tokens", ("corpus", "tokenizer"), 3.9),
    "model": ("train", ("plan", "corpus", "tokenizer", "tokens"), 241.5),
    "scores": ("eval", ("corpus", "model"), 24.8),
}
SUMMARIES = {
    "plan": "4 layers x 256, 5.35M parameters, 2.79M tokens (0.36 passes), about 4 min 00 s",
    "corpus": "1,702 of 1,893 files kept, 28.9 MB of Python",
    "tokenizer": "8,192 tokens, 3.71 bytes a token",
    "tokens": "7.7M tokens in 14,992 rows, 1.2 % padding",
    "model": "held-out 1.99 bits per byte after 2.79M tokens in 3 min 56 s",
    "scores": "14.5 % of held-out lines exactly, 1.97 bits per byte",
}


def sample_files() -> dict[str, Files]:
    """The files of every artifact, by kind."""
    return {
        "plan": {"plan.json": _plan()},
        "corpus": {"funnel.json": _funnel(), "statistics.json": _statistics()},
        "tokenizer": {"report.json": _tokenizer()},
        "tokens": {"manifest.json": _manifest()},
        "model": {"training.jsonl": _training_lines(), "training.json": _training()},
        "scores": {"scores.json": _scores(), "samples.jsonl": _samples(), "showcase.json": _showcase()},
    }


def _write(path: Path, value: Any) -> None:
    if isinstance(value, str):
        path.write_text(value)
    elif path.suffix == ".jsonl":
        path.write_text("".join(json.dumps(item) + "\n" for item in value))
    else:
        path.write_text(json.dumps(value))  # ASCII: halves of surrogate pairs can be written


def _plan() -> dict[str, Any]:
    return {
        "choice": {
            "layers": 4, "hidden": 256, "heads": 4, "kv_heads": 2, "head_dim": 64, "intermediate": 768,
            "vocabulary": 8192, "context": 512, "parameters": 5_350_000, "parameters_embedding": 2_097_152,
            "tokens": N_STEPS * STEP_TOKENS, "steps": N_STEPS, "batch_tokens": STEP_TOKENS, "micro_batch": 8,
            "learning_rate": 0.02, "precision": "bf16", "passes": 0.36,
        },
        "machine": {
            "name": "this machine", "device": "cpu", "devices": 1, "cpu": "Example CPU", "cores": 2,
            "memory_bytes": 24_000_000_000,
            "ceiling_flops_per_second": {"bfloat16": 4.3e11, "float32": 2.0e11},
            "share_of_ceiling": 0.55, "share_is_measured": True, "tokens_per_second": 12_100.0,
        },
        "predicted": {
            "seconds": 240.0, "startup_seconds": 12.0, "flops": 6.1e13, "peak_memory_bytes": 1_180_000_000,
            "memory_bytes": {
                "weights": 21_000_000, "gradients": 21_000_000, "optimizer": 30_000_000,
                "activations": 410_000_000, "logits": 67_000_000, "runtime": 631_000_000,
            },
            "loss": 4.31, "loss_trust": "far below the sizes the law was fitted on", "disk_bytes": 190_000_000,
            "disk_bytes_by_part": {}, "usd": None, "device_hours": 0.07,
        },
        "data": {"n_files": 1893, "size_bytes": 31_500_000, "training_bytes": 28_300_000},
        "budget": "4 min 00 s of training",
        "warnings": ["only 170 steps of 16.4k tokens; expect little"],
        "reasons": {
            "model": "4 layers of width 256, 5.35M parameters: nearest to the 20 tokens a parameter that are optimal",
            "tokens": "2.79M tokens in 170 steps: what the budget allows at the expected speed",
        },
    }  # fmt: skip


def _funnel() -> list[dict[str, Any]]:
    steps = [
        ("decode", 1893, {"not-utf-8": 4, "nul-bytes": 1}),
        ("length", 1888, {"too-small": 61, "longest-line": 14}),
        ("generated", 1813, {"generated": 22}),
        ("unparsable", 1791, {"does-not-parse": 37}),
        ("duplicates", 1754, {"duplicate": 52}),
    ]
    return [
        {
            "step": step, "n_in": n_in, "n_dropped": sum(reasons.values()), "n_out": n_in - sum(reasons.values()),
            "size_bytes_in": n_in * 17_000, "size_bytes_dropped": sum(reasons.values()) * 17_000, "reasons": reasons,
        }
        for step, n_in, reasons in steps
    ]  # fmt: skip


BAD_EXAMPLE = {
    "repo": "cpython",
    "path": "lib2to3/tests/data/py2_test_grammar.py",
    "evidence": "line 31: invalid syntax",
}


def _statistics() -> dict[str, Any]:
    heights = [round(400 * math.exp(-((i - 6) ** 2) / 9)) for i in range(14)]
    return {
        "by_language": {
            "python": {"n_files": 1640, "size_bytes": 27_900_000},
            "text": {"n_files": 40, "size_bytes": 800_000},
            "c": {"n_files": 22, "size_bytes": 200_000},
        },
        "by_repository": {"cpython": {"n_files": 1702, "size_bytes": 28_900_000}},
        "totals": {
            "train": {"n_files": 1668, "size_bytes": 28_300_000},
            "valid": {"n_files": 34, "size_bytes": 600_000},
        },
        "rejected": {"does-not-parse": {"n_files": 37, "examples": [dict(BAD_EXAMPLE)]}},
        "redactions": {"emails": 412, "ip-addresses": 96, "secrets": 3},
        "histograms": {
            "size_bytes": [
                {"at_least": 2 ** (i + 5), "below": 2 ** (i + 6), "n_files": n} for i, n in enumerate(heights)
            ]
        },
        "passed_over": {"hidden folder": 3},
    }


def _tokenizer() -> dict[str, Any]:
    sizes = [512, 1024, 2048, 4096, 8192]
    return {
        "vocabulary": 8192,
        "overall": {str(size): round(1.1 + 0.29 * (i + 5), 3) for i, size in enumerate(sizes)},
        "bytes_per_token": {
            language: {str(size): round(best - 0.28 * (4 - i), 3) for i, size in enumerate(sizes)}
            for language, best in (("python", 3.74), ("c", 2.9), ("text", 3.2))
        },
        "measured_on": "valid",
        "measured_bytes": 570_000,
    }


def _manifest() -> dict[str, Any]:
    train = {"n_rows": 14_700, "n_tokens": 7_550_000, "n_bytes": 28_300_000, "padding_fraction": 0.0121}
    valid = {"n_rows": 292, "n_tokens": 150_000, "n_bytes": 566_000, "padding_fraction": 0.013}
    return {"context": 512, "vocabulary": 8192, "splits": {"train": train, "valid": valid}}


def _training_lines() -> list[dict[str, Any]]:
    random = np.random.default_rng(0)
    lines: list[dict[str, Any]] = []
    for step in range(1, N_STEPS + 1):
        loss = 2.9 + 6.1 * math.exp(-step / 14) + 1.2 * math.exp(-step / 70) + 0.09 * random.standard_normal()
        lines.append(
            {
                "step": step, "tokens": step * STEP_TOKENS, "seconds": round(14 + (SECONDS - 14) * step / N_STEPS, 2),
                "loss": round(loss, 4), "learning_rate": 0.02 * min(1, step / 5, (N_STEPS - step) / 68),
                "gradient_norm": round(0.3 + 4 * math.exp(-step / 6) + 0.05 * random.random(), 4),
                "tokens_per_second": round(12_400 + 300 * random.standard_normal()),
                "share_of_ceiling": round(0.56 + 0.01 * random.standard_normal(), 4),
            }
        )  # fmt: skip
        if step % 17 == 0:
            bits = 1.97 + 1.6 * math.exp(-step / 40)
            lines.append({"step": step, "tokens": step * STEP_TOKENS, "valid_bits_per_byte": round(bits, 4)})
    return lines


def _training() -> dict[str, Any]:
    return {"parameters": 5_350_000, "actual": {
        "seconds": 236.4, "tokens": N_STEPS * STEP_TOKENS, "tokens_per_second": 12_380.0, "share_of_ceiling": 0.563,
        "peak_memory_bytes": 1_310_000_000, "loss": 3.02, "valid_bits_per_byte": 1.99, "n_resumed": 1,
    }}  # fmt: skip


def _interval(value: float, half: float, n_items: int = 200, n_files: int = 34) -> dict[str, Any]:
    return {
        "value": value, "low": max(0.0, value - half), "high": value + half, "n_items": n_items, "n_files": n_files,
        "smallest_difference": 2 * half, "method": "bootstrap by file",
    }  # fmt: skip


def _scores() -> dict[str, Any]:
    def system(exact: float, similarity: float, n_items: int = 200) -> dict[str, Any]:
        return {
            "exact_match": _interval(exact, 0.045, n_items),
            "edit_similarity": _interval(similarity, 0.03, n_items),
        }

    def difference(exact: float, similarity: float) -> dict[str, Any]:
        return {
            "difference": {
                "exact_match": {"value": exact, "low": exact - 0.04, "high": exact + 0.04},
                "edit_similarity": {"value": similarity, "low": similarity - 0.03, "high": similarity + 0.03},
            }
        }

    return {
        "suites": {
            "bits-per-byte": {
                "overall": _interval(1.97, 0.06), "by_language": {"python": _interval(1.97, 0.06)},
                "reference": {"lzma": _interval(2.21, 0.1), "random-weights": _interval(3.52, 0.04, 16, 12)},
            },
            "own-code": {
                "left-to-right": {
                    "model": system(0.145, 0.52),
                    "random-weights": {**system(0.0, 0.08, 48), **difference(0.145, 0.44)},
                    "nearest-line": {**system(0.09, 0.43), **difference(0.055, 0.09)},
                },
                "fill-in-the-middle": {
                    "model": system(0.11, 0.47),
                    "random-weights": {**system(0.0, 0.07, 48), **difference(0.11, 0.4)},
                    "nearest-line": {**system(0.1, 0.41), **difference(0.01, 0.06)},
                },
            },
        },
        "rules": {"own-code": "Places in held-out files chosen by seed.", "bits-per-byte": "Windows of the context."},
    }  # fmt: skip


PREFIX = '''def read_lines(path, encoding="utf-8"):
    """Return the lines of a file without their ends."""
    lines = []
    with open(path, encoding=encoding) as file:
        for line in file:
            '''


def _showcase() -> dict[str, Any]:
    return {
        "rule": "the answers at the upper quartile, the median and the lower quartile",
        "items": [
            {
                "task_id": "a/1", "mode": "left-to-right", "task": "next-line", "repo": "cpython",
                "path": "fileinput.py", "lang": "python", "quantile": 0.75, "prefix": PREFIX, "suffix": None,
                "truth": 'lines.append(line.rstrip("\\n"))', "completion": 'lines.append(line.rstrip("\\n"))',
                "exact_match": True, "edit_similarity": 1.0,
            },
            {
                "task_id": "a/2", "mode": "fill-in-the-middle", "task": "span", "repo": "cpython",
                "path": "argparse.py", "lang": "python", "quantile": 0.5,
                "prefix": "    def _get_values(self, action, arg_strings):\n        # an optional one\n"
                          "        if not arg_strings and ",
                "suffix": " == OPTIONAL:\n            value = action.const\n",
                "truth": "action.nargs", "completion": "action.dest is not None", "exact_match": False,
                "edit_similarity": 0.41,
            },
            {
                "task_id": "a/3", "mode": "left-to-right", "task": "rest-of-line", "repo": "cpython",
                "path": "asyncio/events.py", "lang": "python", "quantile": 0.5,
                "prefix": "    def run_forever(self):\n        self._check_closed()\n        ",
                "suffix": None, "truth": "self._set_coroutine_origin_tracking(self._debug)",
                "completion": "self._set_running_loop(self._loop)", "exact_match": False, "edit_similarity": 0.55,
            },
        ],
    }  # fmt: skip


def _samples() -> list[dict[str, Any]]:
    return [
        {
            "suite": "own-code", "task_id": f"s/{n}", "mode": mode, "task": "next-line", "repo": "cpython",
            "path": f"module_{n}.py", "lang": "python", "prefix": PREFIX,
            "suffix": "\n    return lines\n" if mode == "fill-in-the-middle" else None, "truth": "lines.append(line)",
            "systems": {"model": {"completion": "yield line", "exact_match": False, "edit_similarity": 0.4}},
        }
        for n, mode in enumerate(["left-to-right", "fill-in-the-middle"] * 4)
    ]  # fmt: skip
