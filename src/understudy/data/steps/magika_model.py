"""Google's magika: a small network that tells a file's type from its first and last kilobyte (extra `languages`).

We run its model ourselves on one thread: the package starts as many as there are cores in every worker. One file at a
time, because the scores of a batch depend in the last digits on what else is in it, and a resumed run must not decide
otherwise; it costs nothing (224 files a CPU-second alone, 226 in batches of 8, 189 in batches of 32).
"""

from __future__ import annotations

import importlib.metadata
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from understudy.core.errors import ResourceError

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

# Magika's own thresholds run from 0.5 to 0.95. Of 1,600 real files whose names tell their language it was right about
# 95 % of those with a score of 0.9 or more (most of the others are HTML that it calls Twig or Jinja, and it is), and
# about 63 % of those below; 72 % have such a score.
LEAST_SCORE = 0.9
PACKAGES = ("magika", "onnxruntime")
HINT = "pip install 'understudy[languages]', or data.detect: names"

# Its labels that are languages of ours. What is not here (images, programs, archives) is no code.
LABELS = {
    "asm": "assembly", "asp": "asp", "autohotkey": "autohotkey", "autoit": "autoit", "awk": "awk", "batch": "batchfile",
    "bazel": "starlark", "bib": "bibtex", "c": "c", "clojure": "clojure", "cmake": "cmake", "cobol": "cobol",
    "coffeescript": "coffeescript", "cpp": "c++", "cs": "c-sharp", "csproj": "visual-studio-project", "css": "css",
    "csv": "csv", "dart": "dart", "diff": "diff", "dm": "dm", "dockerfile": "dockerfile", "elixir": "elixir",
    "erb": "html+erb", "erlang": "erlang", "fortran": "fortran", "gemfile": "ruby", "gemspec": "ruby", "go": "go",
    "gradle": "groovy", "groovy": "groovy", "handlebars": "handlebars", "haskell": "haskell", "hcl": "terraform",
    "html": "html", "ini": "ini", "java": "java", "javascript": "javascript", "jinja": "html+django", "json": "json",
    "jsonl": "json", "julia": "julia", "kotlin": "kotlin", "latex": "tex", "lisp": "common-lisp", "lua": "lua",
    "m4": "m4", "makefile": "makefile", "markdown": "markdown", "matlab": "matlab", "objectivec": "objective-c",
    "ocaml": "ocaml",
    "pascal": "pascal", "perl": "perl", "php": "php", "po": "gettext-catalog", "postscript": "postscript",
    "powershell": "powershell", "prolog": "prolog", "proto": "protocol-buffer", "python": "python", "r": "r",
    "rst": "restructuredtext", "ruby": "ruby", "rust": "rust", "scala": "scala", "scss": "scss", "shell": "shell",
    "smali": "smali", "solidity": "solidity", "sql": "sql", "srt": "subrip-text", "svg": "svg", "swift": "swift",
    "tcl": "tcl", "textproto": "protocol-buffer-text-format", "toml": "toml", "tsv": "tsv", "twig": "twig",
    "txt": "text", "typescript": "typescript", "vba": "visual-basic", "vcxproj": "visual-studio-project",
    "verilog": "verilog", "vhdl": "vhdl", "vtt": "webvtt", "vue": "vue", "xml": "xml", "yaml": "yaml", "yara": "yara",
    "zig": "zig",
}  # fmt: skip
KNOWN = frozenset(LABELS.values())


class Guess(NamedTuple):
    """Magika's label, ours for it (None where that is no language), and how sure it is (0..1)."""

    label: str
    lang: str | None
    score: float


def magika_edition() -> str:
    """What decides magika's answers: its version and that of the runtime. Raises ResourceError where it is missing."""
    try:
        return " ".join(importlib.metadata.version(name) for name in PACKAGES)
    except importlib.metadata.PackageNotFoundError as error:
        raise ResourceError(f"data.detect: content needs {error.name}, which is not installed here", HINT) from error


class Model:
    """The network, loaded and ready."""

    def __init__(self) -> None:
        try:
            import magika
            import onnxruntime
        except ImportError as error:
            raise ResourceError(f"data.detect: content needs magika, and it cannot be loaded: {error}", HINT) from error
        folder = max((Path(magika.__file__).parent / "models").iterdir())
        self._config: dict[str, Any] = json.loads((folder / "config.min.json").read_bytes())
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 3
        self._session = onnxruntime.InferenceSession(
            str(folder / "model.onnx"), options, providers=["CPUExecutionProvider"]
        )

    def guess(self, data: bytes) -> Guess | None:
        """What magika takes these bytes for; None for fewer than it can tell anything from."""
        if len(data) < int(self._config["min_file_size_for_dl"]):
            return None
        scores = self._session.run(None, {"bytes": self._features(data)[None]})[0][0]
        best = int(scores.argmax())
        label = str(self._config["target_labels_space"][best])
        label = str(self._config["overwrite_map"].get(label, label))
        return Guess(label, LABELS.get(label), round(float(scores[best]), 3))

    def _features(self, data: bytes) -> npt.NDArray[np.int32]:
        """The first bytes, then the last, without the blanks around them; what is missing is padding."""
        import numpy as np  # a tenth of a second, only where the model is used

        first, last = int(self._config["beg_size"]), int(self._config["end_size"])
        block = int(self._config["block_size"])
        features = np.full(first + last, self._config["padding_token"], np.int32)
        head, tail = data[:block].lstrip()[:first], data[-block:].rstrip()[-last:]
        features[: len(head)] = np.frombuffer(head, np.uint8)
        features[first + last - len(tail) :] = np.frombuffer(tail, np.uint8)
        return features
