"""The recipe: one YAML file says everything a run does. These classes are its schema, defaults and limits.

A default is the recommended setting. `recipe_file.py` reads the YAML and remembers where each value came from.
"""

from __future__ import annotations

import difflib
import re
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PrivateAttr,
    ValidationError,
    field_validator,
    model_validator,
)

from understudy.core.paths import expanded
from understudy.core.units import parse_count

Count = Annotated[int, BeforeValidator(lambda value: parse_count(value) if isinstance(value, (str, float)) else value)]
Fraction = Annotated[float, Field(ge=0.0, le=1.0)]
Auto = Literal["auto"]
Handling = Literal["redact", "drop", "keep", "fail"]


WHERE = {"compute", "spark"}  # where the data stage runs: its result is the same everywhere, and has the same id


class Section(BaseModel):
    """A strict, unchangeable part of the recipe."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def _no_truth_for_a_number(cls, values: Any) -> Any:
        """`minutes: yes` is true in YAML, and true would count as 1."""
        for name, value in values.items() if isinstance(values, dict) else ():
            if isinstance(value, bool) and name in cls.model_fields and "bool" not in str(cls.model_fields[name]):
                raise ValueError(f"{name} is {'true' if value else 'false'}, which is no value for it")
        return values


class Budget(Section):
    """What the training may cost: minutes or hours on this machine or on `gpus` GPUs, or money. One of the three."""

    minutes: float | None = Field(None, gt=0, le=1e6, description="minutes of training")
    hours: float | None = Field(None, gt=0, le=1e6, description="hours of training")
    usd: float | None = Field(None, gt=0, le=1e9, description="money for training; needs `gpu`")
    gpu: str | None = Field(None, description="GPU type to plan for (a100-40gb, a100-80gb, h100, h200, l4, rtx4090…)")
    gpus: int = Field(1, ge=1, le=100_000, description="number of GPUs")
    usd_per_gpu_hour: float | None = Field(None, gt=0, le=1e4, description="your price, instead of the table's")
    device: Literal["auto", "cpu", "cuda"] = Field("auto", description="where to train")
    tokens_per_parameter: float = Field(
        20.0, gt=0, le=1e5, description="20 is compute-optimal (Chinchilla); more trains a smaller model for longer"
    )

    @model_validator(mode="after")
    def _one_kind(self) -> Budget:
        given = [name for name in ("minutes", "hours", "usd") if getattr(self, name) is not None]
        if len(given) > 1:
            raise ValueError(f"give one of minutes, hours and usd, not {' and '.join(given)}")
        if self.usd is not None and self.gpu is None:
            raise ValueError("a budget in usd needs `gpu`, for instance gpu: h100")
        return self

    @property
    def seconds(self) -> float | None:
        """The budget as seconds of training, where it is given as time."""
        if self.minutes is not None:
            return self.minutes * 60
        return self.hours * 3600 if self.hours is not None else None


SourceKind = Literal["dir", "git", "archive", "parquet", "jsonl", "huggingface", "stdlib"]
SOURCE_KINDS: tuple[SourceKind, ...] = ("dir", "git", "archive", "parquet", "jsonl", "huggingface", "stdlib")
# Keys that only some kinds of source have.
ONLY_FOR: dict[str, tuple[SourceKind, ...]] = {
    "revision": ("git", "huggingface"),
    "history": ("git",),
    "split": ("huggingface",),
    "subset": ("huggingface",),
}


class Source(Section):
    """Where code comes from: exactly one of `dir`, `git`, `archive`, `parquet`, `jsonl`, `huggingface`, `stdlib`."""

    dir: str | None = Field(None, description="a folder, or a URL like s3://bucket/prefix; repositories are recognised")
    git: str | None = Field(None, description="a repository: a path or any URL the git command takes")
    archive: str | None = Field(None, description="tar, zip or sdist files; a path, a URL or a pattern")
    parquet: str | None = Field(None, description="Parquet files with The Stack's columns; a path, a URL or a pattern")
    jsonl: str | None = Field(None, description="JSON lines with the same columns, also .gz and .zst")
    huggingface: str | None = Field(None, description="a data set's name on the hub, or a folder saved by `datasets`")
    stdlib: bool | None = Field(None, description="true: the running Python's own library")
    name: str | None = Field(None, description="the repository's name in the corpus, where it is not evident")
    revision: str | None = Field(None, description="for git and huggingface: a branch, tag or commit")
    history: bool = Field(True, description="for git: read when each file was last changed; false fetches less")
    split: str | None = Field(None, description="for huggingface: which split (default: all)")
    subset: str | None = Field(None, description="for huggingface: which configuration of the data set")
    exclude: tuple[str, ...] = Field((), description="patterns of paths to leave out, as in `tests/*`")
    weight: float = Field(1.0, gt=0, le=1000, description="how often its documents are trained on, against the others")
    license: str | None = Field(
        None, pattern=r"^[A-Za-z0-9][A-Za-z0-9.+() :-]{0,199}$", description="SPDX id of all it holds, if you know it"
    )

    @model_validator(mode="after")
    def _one_kind(self) -> Source:
        given = [kind for kind in SOURCE_KINDS if getattr(self, kind)]
        if len(given) != 1:
            told = " and ".join(given) or "none"
            raise ValueError(f"a source is one of {', '.join(SOURCE_KINDS)}; this one has {told}")
        for key, kinds in ONLY_FOR.items():
            if getattr(self, key) != type(self).model_fields[key].default and given[0] not in kinds:
                raise ValueError(f"{key} belongs to a {' or '.join(kinds)} source")
        return self

    @property
    def kind(self) -> SourceKind:
        """Which of them it is."""
        return next(kind for kind in SOURCE_KINDS if getattr(self, kind))

    def __str__(self) -> str:
        return f"{self.kind}: {without_secrets(getattr(self, self.kind)) if self.kind != 'stdlib' else 'true'}"


def without_secrets(address: str) -> str:
    """A URL less passwords, tokens and signatures: what stands in a corpus or a log is read by others."""
    address = re.sub(r"^(https?://)[^/@\s]*@", r"\1", address)
    address = re.sub(r"^([a-z0-9+]+://[^/@:\s]*):[^/@\s]*@", r"\1@", address)
    return re.sub(r"^(https?://[^?\s]*)\?.*$", r"\1", address, flags=re.DOTALL)


PROSE = ("asciidoc", "markdown", "mediawiki", "org", "pod", "rdoc", "restructuredtext", "tex", "textile", "typst")
BY_LANGUAGE: dict[str, dict[str, float | None]] = {
    "json": {"min_file_bytes": 50, "max_characters": 5000},
    "yaml": {"min_file_bytes": 50, "max_characters": 20_000},
    # A paragraph on one line is how people write these: StarCoder2 exempts them from the rules on lines.
    **{language: {"max_line_length": 100_000, "mean_line_length": None} for language in PROSE},
}


class Filters(Section):
    """Limits a file must keep; null switches one off. docs/concepts/quality.md says where each number comes from."""

    max_line_length: int | None = Field(1000, ge=1, le=10_000_000, description="characters in the longest line")
    mean_line_length: float | None = Field(100, gt=0, le=1e7, description="mean characters a line")
    max_characters: int | None = Field(None, ge=1, description="characters in all; 5,000 for JSON, 20,000 for YAML")
    alphanumeric_fraction: Fraction | None = Field(0.25, description="least share of letters and digits")
    alphabetic_fraction: Fraction | None = Field(None, description="least share of letters (OpenCoder: 0.5)")
    digit_fraction: Fraction | None = Field(0.3, description="largest share of digits (OpenCoder: 0.2)")
    min_comment_fraction: Fraction | None = Field(None, description="least share of comment lines (StarCoder: 0.01)")
    max_comment_fraction: Fraction | None = Field(0.95, description="largest share of comment lines")
    repeated_lines: Fraction | None = Field(0.7, description="largest share of text in lines that stood before")
    repeated_phrases: Fraction | None = Field(0.7, description="largest share of ten words in a row that stood before")
    encoded_fraction: Fraction | None = Field(0.5, description="largest share of base64, hex and escapes")
    encoded_run: int | None = Field(4096, ge=64, description="bytes in the longest blob of base64, hex or escapes")
    data_fraction: Fraction | None = Field(0.9, description="largest share of a long file in lines of literals")
    visible_text_fraction: Fraction | None = Field(None, description="least visible share of a page (StarCoder: 0.2)")
    parse_error_fraction: Fraction | None = Field(
        0.2, description="largest share of text that its language's parser cannot place (extra `languages`)"
    )
    min_file_bytes: int = Field(32, ge=0, le=10_000_000, description="smaller files teach nothing")
    max_file_bytes: int = Field(1_000_000, ge=1, le=1_000_000_000, description="larger files are data, not code")
    max_archive_bytes: Count = Field(
        2_000_000_000, ge=1, le=10**13, description="bytes read from one archive, unpacked, before it is set aside"
    )
    by_language: dict[str, dict[str, float | None]] = Field(
        BY_LANGUAGE, description="other limits for one language, as in {json: {max_characters: null}}"
    )

    @field_validator("by_language")
    @classmethod
    def _known_limits(cls, given: dict[str, dict[str, float | None]]) -> dict[str, dict[str, float | None]]:
        """What the recipe says, over the defaults; each limit held to the rules of the key that it replaces."""
        general = ("max_file_bytes", "max_archive_bytes", "by_language")
        known = [name for name in cls.model_fields if name not in general]
        for language, limits in given.items():
            for name, limit in limits.items():
                if name not in known:
                    near = difflib.get_close_matches(name, known, 1, 0.5)
                    told = f"did you mean {near[0]}?" if near else f"known: {', '.join(known)}"
                    raise ValueError(f"{language}: there is no limit {name!r}; {told}")
                try:
                    cls.model_validate({name: limit})
                except ValidationError as error:
                    raise ValueError(f"{language}.{name}: {error.errors()[0]['msg']}, not {limit}") from None
        languages = {**BY_LANGUAGE, **given}
        return {name: {**BY_LANGUAGE.get(name, {}), **given.get(name, {})} for name in languages}


class Redact(Section):
    """What happens to personal and secret text: `redact` puts a placeholder in its place, `drop` leaves the file out,
    `keep` lets it be, `fail` stops the stage with a list of the places."""

    secrets: Handling = Field("redact", description="keys, tokens and passwords, by rules")
    emails: Handling = Field("redact", description="e-mail addresses")
    ip_addresses: Handling = Field("redact", description="public IP addresses")
    names: Handling = Field("keep", description="people's names, and all else that `model` finds")
    rules: str | None = Field(None, description="a file with your own rules for secrets, beside the package's")
    model: str | None = Field(None, description="folder of a token-classification model for `names` (extra `hf`)")

    @model_validator(mode="after")
    def _model_for_names(self) -> Redact:
        if self.names != "keep" and self.model is None:
            raise ValueError(f"names: {self.names} needs `model`, the folder of a token-classification model")
        return self


class NearDuplicates(Section):
    """Files that share most of their runs of words. One of them stays; every pair is compared exactly."""

    threshold: float = Field(0.7, ge=0.1, le=1, description="least Jaccard similarity of two near-duplicates")
    permutations: int = Field(256, ge=16, le=4096, description="length of the signature that finds pairs to compare")
    ngram: int = Field(5, ge=1, le=64, description="words in a run")


class ExamFile(Section):
    """A file of tasks that no file of the corpus may hold: JSON lines, JSON, CSV or Parquet, .gz as well."""

    file: str = Field(description="where it is; relative to the recipe")
    name: str | None = Field(
        None, pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$", description="what it is called (default: the file's name)"
    )
    statement: tuple[str, ...] = Field((), description="fields with the question; a dot reaches into a field")
    solution: tuple[str, ...] = Field((), description="fields with the answer")
    test: tuple[str, ...] = Field((), description="fields with the tests")
    id: str | None = Field("task_id", description="field that names the task (default: its number)")


class Licenses(Section):
    """Which licences the corpus may hold. A file's own header counts first, then the nearest LICENSE, then metadata."""

    allow: Literal["any", "permissive"] | tuple[str, ...] = Field(
        "any", description="any, permissive (The Stack's list), or SPDX ids; of alternatives one is enough"
    )
    unknown: Literal["keep", "drop"] = Field("keep", description="files of which nothing says a licence")
    deny: tuple[str, ...] = Field((), description="SPDX ids that are never taken, as in [AGPL-3.0-only]")


class Split(Section):
    """Which documents are held out. A cluster of near-duplicates is on one side as a whole.

    `file` and `repository` go by a hash of the name, so that adding files moves no other file.
    """

    by: Literal["repository", "file", "commit-time"] = Field(
        "file", description="hold out single files, whole repositories, or what was committed last"
    )
    valid: float = Field(0.02, gt=0, lt=0.9, description="share held out: of files or repositories, or newest bytes")


Drop = Literal[
    "generated", "minified", "vendored", "markup", "encoded", "hidden", "repeated", "unparsable", "duplicate"
]


class Data(Section):
    """From sources to a clean corpus."""

    compute: Literal["local", "spark"] = Field(
        "local", description="local: a process pool and DuckDB; spark: the open session, or one made for it"
    )
    spark: dict[str, str] = Field({}, description="settings of that session, such as spark.master")
    sources: tuple[Source, ...] = Field((Source(stdlib=True),), min_length=1)
    languages: tuple[str, ...] | None = Field(
        None, description="languages to keep; default: all but data written by programs"
    )
    detect: Literal["names", "content"] = Field(
        "names", description="content: magika looks into files whose names leave it open (extra `languages`)"
    )
    python2: Literal["drop", "keep", "separate"] = Field(
        "drop", description="valid Python 2; separate: as a language of its own, python2"
    )
    licenses: Licenses = Licenses()
    opt_out: str | None = Field(None, description="a file of repositories, paths and content hashes to leave out")
    filters: Filters = Filters()
    drop: tuple[Drop, ...] = Field(get_args(Drop), description="kinds to leave out")
    redact: Redact = Redact()
    near_duplicates: NearDuplicates | None = Field(NearDuplicates(), description="null: near-duplicates stay")
    decontaminate: tuple[str | ExamFile, ...] = Field(
        (), description="exams, by name (humaneval, mbpp, …) or as a file of tasks; files with their tasks are left out"
    )
    split: Split = Split()


class TokenizerTrain(Section):
    """A tokenizer learned from the corpus."""

    vocabulary: Count = Field(16_384, ge=264, le=1_000_000, description="tokens, the special ones included")
    sample_bytes: Count = Field(100_000_000, ge=1_000, le=10**12, description="text it is learned from, at most")


class TokenizerRecipe(Section):
    """Where the tokenizer comes from."""

    train: TokenizerTrain = TokenizerTrain()


class Scratch(Section):
    """A new model. `layers` is the dial: width, heads, learning rate follow. Neither given: the plan turns it."""

    layers: int | None = Field(None, ge=1, le=512)
    hidden: int | None = Field(None, ge=16, le=65_536, description="width, where it should not follow from layers")
    parameters: Count | None = Field(None, ge=1_000, le=10**13, description="as in 125M; the plan finds the layers")

    @model_validator(mode="after")
    def _one_size(self) -> Scratch:
        given = [name for name in ("layers", "hidden") if getattr(self, name) is not None]
        if self.parameters is not None and given:
            raise ValueError(f"give parameters, or {' and '.join(given)}, but not both; null takes one back")
        return self


class Model(Section):
    """Which model is trained."""

    scratch: Scratch = Scratch()


class Fim(Section):
    """Fill-in-the-middle: `rate` of documents are rearranged, `spm` of those suffix first (Bavarian et al. 2022)."""

    rate: Fraction = 0.5
    spm: Fraction = 0.5


class Schedule(Section):
    """The learning rate over the run: warm-up, then the rate, then decay to zero over the last `decay` of the steps."""

    kind: Literal["wsd", "cosine", "linear"] = "wsd"
    warmup: Fraction = Field(0.02, description="share of the steps")
    decay: Fraction = Field(0.4, description="share of the steps (wsd)")


class Phase(Section):
    """One phase of training."""

    phase: Literal["pretrain"] = "pretrain"
    documents: Literal["file", "repository"] = Field(
        "file", description="file: each by itself; repository: its files joined, needed ones first, for long contexts"
    )
    fim: Fim = Fim()
    context: int = Field(512, ge=32, le=1_048_576, description="tokens the model sees at once")
    tokens: Count | Auto = Field("auto", description="auto: from the budget and the scaling law")
    learning_rate: float | Auto = Field("auto", description="auto: from the dial")
    batch_tokens: Count | Auto = Field("auto", description="tokens a step")
    micro_batch: int | Auto = Field(
        "auto", description="rows computed at once; changes memory, not the result's meaning"
    )
    optimizer: Literal["muon", "adamw"] = "muon"
    schedule: Schedule = Schedule()
    weight_decay: float = Field(0.1, ge=0, le=10)
    clip: float | None = Field(1.0, gt=0, description="largest gradient norm; null: off")
    precision: Literal["auto", "bf16", "fp32"] = "auto"
    compile: bool | Auto = Field("auto", description="auto: where a C++ compiler is found and the run is long enough")
    checkpoint_every_seconds: float = Field(60.0, gt=0, le=1e6)
    validate_every: int | Auto = Field("auto", description="steps between looks at the held-out loss")

    @model_validator(mode="after")
    def _sane(self) -> Phase:
        for name, low, high in (
            ("tokens", 1, 10**16),
            ("learning_rate", 1e-9, 10.0),
            ("batch_tokens", 1, 10**10),
            ("micro_batch", 1, 10**6),
            ("validate_every", 1, 10**9),
        ):
            value = getattr(self, name)
            if value != "auto" and not low <= value <= high:
                raise ValueError(f"{name} is {value}, and should be between {low:g} and {high:g}")
        if self.batch_tokens != "auto" and self.batch_tokens < self.context:
            raise ValueError(f"batch_tokens ({self.batch_tokens}) is less than one row of context ({self.context})")
        if self.tokens != "auto" and self.tokens < self.context:
            raise ValueError(f"tokens ({self.tokens}) is less than one row of context ({self.context})")
        return self


class Eval(Section):
    """How the model is examined on held-out code."""

    suites: tuple[Literal["bits-per-byte", "own-code"], ...] = ("bits-per-byte", "own-code")
    samples: int = Field(200, ge=1, le=1_000_000, description="completions asked for, for each mode of own-code")
    baselines: tuple[Literal["random-weights", "nearest-line"], ...] = ("random-weights", "nearest-line")
    max_tokens: int = Field(48, ge=1, le=100_000, description="longest completion")


class Serve(Section):
    """The server for editors and OpenAI clients."""

    host: str = "127.0.0.1"
    port: int = Field(8008, ge=0, le=65_535, description="0: any free one")
    max_tokens: int = Field(64, ge=1, le=100_000, description="where the request does not say")
    queue: int = Field(64, ge=1, le=100_000, description="requests that may wait; more are answered 429 at once")


class Recipe(Section):
    """A whole run."""

    name: str = Field(
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$", description="letters, digits, dot, dash, underscore"
    )
    seed: int = Field(17, ge=0, le=2**31 - 1)
    offline: bool = Field(True, description="refuse every network call except that of data.sources")
    budget: Budget = Budget()
    data: Data = Data()
    tokenizer: TokenizerRecipe = TokenizerRecipe()
    model: Model = Model()
    train: tuple[Phase, ...] = Field((Phase(),), min_length=1, max_length=1, description="one phase for now")
    eval: Eval = Eval()
    serve: Serve = Serve()
    _folder: Path = PrivateAttr(default_factory=Path.cwd)

    def resolve(self, path: str) -> Path:
        """An absolute path for one written in the recipe: `~` is home, relative ones start at the recipe's folder."""
        return self._folder / expanded(path)

    def section(self, reads: tuple[str, ...]) -> dict[str, Any]:
        """The values at these dotted paths, as JSON values: what an artifact's id is made from."""
        values = self.model_dump(mode="json", exclude={"data": WHERE})
        return {path: _at(values, path) for path in reads}


def _at(values: Any, path: str) -> Any:
    for part in path.split("."):
        values = values[int(part)] if isinstance(values, list) else values[part]
    return values
