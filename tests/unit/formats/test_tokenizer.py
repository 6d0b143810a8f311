from __future__ import annotations

import json
import sysconfig
from pathlib import Path

import pytest
import tokenizers
from hypothesis import example, given, settings
from hypothesis import strategies as st

from understudy.core.errors import InputDataError
from understudy.formats.special_tokens import SPECIAL_IDS, SPECIAL_TOKENS
from understudy.formats.tokenizer import LONGEST_RUN, Tokenizer
from understudy.formats.tokenizer_file import CONFIG_FILE, TOKENIZER_FILE, read_tokens

ODD = [
    "e\u0301",
    "\u0301",
    "\x00",
    "\r\n",
    "\r",
    "\t\t",
    "    ",
    "\x85",
    "\u200b",
    "\u3000",
    "\ufeff",
    "'s",
    "'ſ",
    "１２",
]
ODD += ["😀", "👨‍👩‍👧", "中文", "٣", "Ⅷ", "ß", "İ", "\U0010ffff", " \n \n", "def f(x):\n", "==", *SPECIAL_TOKENS]
texts = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"]), max_size=60),
    st.lists(st.sampled_from(ODD), max_size=25).map("".join),
    st.text(" \t\n\r'sS\x1f\xa0aA1_.(", max_size=60),
)


@pytest.fixture(scope="module")
def ours(library_tokenizer: Path) -> Tokenizer:
    return Tokenizer.load(library_tokenizer)


@pytest.fixture(scope="module")
def theirs(library_tokenizer: Path) -> tokenizers.Tokenizer:
    tokenizer = tokenizers.Tokenizer.from_file(str(library_tokenizer / TOKENIZER_FILE))
    tokenizer.encode_special_tokens = True
    return tokenizer


@given(text=texts)
@example("")
@example("\u0301")
@example("\x00")
@settings(max_examples=400, deadline=None)
def test_decoding_gives_back_any_text(ours: Tokenizer, text: str) -> None:
    assert ours.decode(ours.encode(text)) == text


@given(text=texts)
@settings(max_examples=400, deadline=None)
def test_ids_are_those_of_the_tokenizer_json(ours: Tokenizer, theirs: tokenizers.Tokenizer, text: str) -> None:
    assert ours.encode(text) == theirs.encode(text, add_special_tokens=False).ids


def test_ids_are_equal_for_the_beginning_of_every_library_file(ours: Tokenizer, theirs: tokenizers.Tokenizer) -> None:
    _compare(ours, theirs, most_characters=1500)


@pytest.mark.torture
def test_ids_are_equal_for_the_whole_library(ours: Tokenizer, theirs: tokenizers.Tokenizer) -> None:
    _compare(ours, theirs, most_characters=10**9)


def _compare(ours: Tokenizer, theirs: tokenizers.Tokenizer, most_characters: int) -> None:
    root = Path(sysconfig.get_paths()["stdlib"])
    for file in sorted(root.rglob("*.py")):
        if "site-packages" in file.parts:
            continue
        text = file.read_bytes().decode("utf-8", errors="replace")[:most_characters]
        assert ours.encode(text) == theirs.encode(text, add_special_tokens=False).ids, file


def test_both_engines_see_every_code_point_as_the_same_kind(ours: Tokenizer, theirs: tokenizers.Tokenizer) -> None:
    # Letters, digits and blanks decide the cuts; a newer Unicode table in one library would move some.
    code_points = [point for point in range(0x3400) if not 0xD800 <= point <= 0xDFFF]
    code_points += [*range(0xA000, 0xAC00), *range(0xF900, 0x13000), *range(0x16000, 0x17000), *range(0x1B000, 0x20000)]
    for start in range(0, len(code_points), 2048):
        text = "".join(f"a{chr(point)}1" for point in code_points[start : start + 2048])
        assert ours.encode(text) == theirs.encode(text, add_special_tokens=False).ids, hex(code_points[start])


def test_special_tokens_have_the_first_ids(ours: Tokenizer, theirs: tokenizers.Tokenizer) -> None:
    assert dict(ours.special) == SPECIAL_IDS == {text: index for index, text in enumerate(SPECIAL_TOKENS)}
    assert [theirs.token_to_id(text) for text in SPECIAL_TOKENS] == list(range(7))


@pytest.mark.parametrize("special", SPECIAL_TOKENS)
def test_source_text_that_spells_a_special_token_is_plain_text(ours: Tokenizer, special: str) -> None:
    ids = ours.encode(f"x = '{special}'")
    assert min(ids) >= len(SPECIAL_TOKENS)
    assert ours.decode(ids) == f"x = '{special}'"


def test_special_ids_decode_to_their_spelling(ours: Tokenizer) -> None:
    assert ours.decode([0, 1]) == "<|endoftext|><|fim_prefix|>"


@pytest.mark.parametrize("text", [" " * LONGEST_RUN + "x", "\n" * LONGEST_RUN, "a" * LONGEST_RUN], ids=["s", "n", "a"])
def test_runs_that_overwhelm_regular_expressions_are_encoded_all_the_same(ours: Tokenizer, text: str) -> None:
    assert ours.decode(ours.encode(text * 5)) == text * 5


def test_batches_give_the_same_ids_as_single_texts(ours: Tokenizer, library_texts: dict[str, str]) -> None:
    some = list(library_texts.values())[:20]
    assert [ids.tolist() for ids in ours.encode_batch(some)] == [ours.encode(text) for text in some]


def test_a_lone_surrogate_is_refused_by_name(ours: Tokenizer) -> None:
    with pytest.raises(InputDataError, match=r"U\+D800"):
        ours.encode("a\ud800")


@pytest.mark.parametrize("index", [-1, 1024, 10**9])
def test_an_id_outside_the_vocabulary_is_refused(ours: Tokenizer, index: int) -> None:
    with pytest.raises(InputDataError, match=f"token id {index} "):
        ours.decode([5, index])


def test_half_a_character_decodes_to_a_replacement_and_its_bytes_are_kept(ours: Tokenizer) -> None:
    raw = "é".encode()
    half = [index for index in range(7, 263) if ours.decode_bytes([index]) == raw[:1]]
    assert ours.decode(half) == "\ufffd"
    assert ours.decode_bytes(half) == raw[:1]


def test_transformers_loads_the_folder_with_the_same_ids(ours: Tokenizer, library_tokenizer: Path) -> None:
    transformers = pytest.importorskip("transformers")
    for loaded in (
        transformers.AutoTokenizer.from_pretrained(library_tokenizer),
        transformers.PreTrainedTokenizerFast.from_pretrained(library_tokenizer),
    ):
        for text in ["", " lead", "def f(x):\n    return x + 12\n", "e\u0301 Å\r\n\t\t😀", "a  b ' s ?", " ."]:
            assert loaded(text)["input_ids"] == ours.encode(text)
            assert loaded.decode(ours.encode(text)) == text
        assert (loaded.eos_token_id, loaded.pad_token_id, len(loaded)) == (0, 4, ours.vocabulary)
        assert loaded("<|fim_prefix|>")["input_ids"] == [1]


def test_the_folder_names_llama_cpps_pre_tokenizer(library_tokenizer: Path) -> None:
    config = json.loads((library_tokenizer / CONFIG_FILE).read_text())
    assert config["understudy"] == {"tokenizer.ggml.model": "gpt2", "tokenizer.ggml.pre": "qwen2"}


@pytest.mark.parametrize(
    ("damage", "why"),
    [
        (
            lambda value: value["pre_tokenizer"]["pretokenizers"][0]["pattern"].update(Regex="(a+)+$"),
            "pre-tokenisation",
        ),
        (lambda value: value["added_tokens"].pop(), "special tokens"),
        (lambda value: value["model"]["vocab"].pop("Ġ"), "gaps"),
        (lambda value: value["model"]["vocab"].update({"☃": 99}), "cannot be read"),
        (lambda value: value.pop("model"), "cannot be read"),
        (lambda value: value["model"].update(vocab=[1, 2]), "cannot be read"),
    ],
)
def test_a_foreign_or_damaged_tokenizer_is_refused(
    library_tokenizer: Path, tmp_path: Path, damage: object, why: str
) -> None:
    value = json.loads((library_tokenizer / TOKENIZER_FILE).read_text())
    damage(value)  # type: ignore[operator]
    (tmp_path / TOKENIZER_FILE).write_text(json.dumps(value))
    with pytest.raises(InputDataError, match=why):
        read_tokens(tmp_path / TOKENIZER_FILE)


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe", b"[]", b"null"])
def test_a_file_that_is_no_tokenizer_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / TOKENIZER_FILE).write_bytes(content)
    with pytest.raises(InputDataError, match=TOKENIZER_FILE):
        Tokenizer.load(tmp_path)


def test_a_missing_tokenizer_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputDataError, match=TOKENIZER_FILE):
        Tokenizer.load(tmp_path)
