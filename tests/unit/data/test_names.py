"""Names by a model in a folder: a tiny one is trained here to spot what follows a marker, and really runs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from understudy.core.errors import RecipeError
from understudy.core.recipe import Recipe
from understudy.data.steps import make_step, steps_of
from understudy.data.steps.contract import with_stand_ins
from understudy.data.steps.name_model import label_kinds, model_id
from understudy.data.steps.names import Names, runs

transformers = pytest.importorskip("transformers", reason="the extra hf is not installed")
torch = pytest.importorskip("torch")

PEOPLE = [f"zq{first}{second}" for first in "abcdef" for second in "klmnop"]
WORDS = "def return import value list for in if else print data item author by write read open close ü".split()
LABELS = ["O", "B-NAME", "I-NAME"]
WINDOW = 32


@pytest.fixture(scope="module")
def model_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A BERT of two layers that learned in seconds which words are people."""
    folder = tmp_path_factory.mktemp("model")
    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "#", ":", ",", *WORDS, *PEOPLE]
    tokenizer = whole_words(vocabulary)
    tokenizer.save_pretrained(folder)
    torch.manual_seed(1)
    model = transformers.BertForTokenClassification(
        transformers.BertConfig(
            vocab_size=len(vocabulary), hidden_size=32, num_hidden_layers=2, num_attention_heads=2,
            intermediate_size=64, max_position_embeddings=WINDOW, id2label=dict(enumerate(LABELS)),
            label2id={label: number for number, label in enumerate(LABELS)},
        )
    )  # fmt: skip
    train(model, vocabulary)
    model.save_pretrained(folder, safe_serialization=True)
    return folder


def whole_words(vocabulary: list[str]) -> Any:
    from tokenizers import Tokenizer, models, pre_tokenizers, processors

    tokenizer = Tokenizer(models.WordLevel({word: at for at, word in enumerate(vocabulary)}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    return transformers.PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token="[PAD]", unk_token="[UNK]", cls_token="[CLS]", sep_token="[SEP]",
        model_max_length=WINDOW,
    )  # fmt: skip


def train(model: Any, vocabulary: list[str]) -> None:
    optimizer = torch.optim.AdamW(model.parameters(), lr=5e-3)
    first = len(vocabulary) - len(PEOPLE)
    for _ in range(120):
        tokens = torch.randint(5, len(vocabulary), (16, WINDOW))
        is_person = tokens >= first
        loss = model(input_ids=tokens, labels=2 * is_person.long()).loss
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert loss.item() < 0.1


@pytest.fixture(scope="module")
def names(model_folder: Path) -> Names:
    step = Names("redact", str(model_folder))
    step.setup()
    return step


def found(step: Names, text: str) -> list[str]:
    data = text.encode()
    return [data[span.start : span.end].decode() for span in step.find(data)]


def test_names_are_found_where_they_stand(names: Names) -> None:
    assert found(names, "# author : zqak\nreturn data\n# ü by zqbl") == ["zqak", "zqbl"]


def test_first_and_last_name_are_one_piece(names: Names) -> None:
    assert found(names, "# author : zqak zqbl , data") == ["zqak zqbl"]


def test_a_label_that_begins_opens_a_new_piece_but_not_inside_a_word() -> None:
    kinds = label_kinds(dict(enumerate(LABELS)))
    assert runs([(0, 2, 1), (2, 4, 1), (5, 7, 2), (8, 9, 1), (10, 11, 0), (12, 13, 2)], kinds) == [
        (0, 7, "NAME"),
        (8, 9, "NAME"),
        (12, 13, "NAME"),
    ]


def test_the_same_name_has_the_same_stand_in(names: Names) -> None:
    data = b"# by zqak , zqcl , zqak"
    assert with_stand_ins(data, list(names.find(data))) == b"# by <NAME> , <NAME_2> , <NAME>"


def test_a_text_longer_than_the_window_is_seen_to_its_end(names: Names) -> None:
    filler = "value list for in " * 40
    assert found(names, f"{filler} zqak {filler} zqbl") == ["zqak", "zqbl"]


def test_a_name_on_a_windows_border_is_found_once(names: Names) -> None:
    for n in range(20, 45):
        assert found(names, "data " * n + "zqak " + "data " * 30) == ["zqak"]


def test_results_do_not_depend_on_what_was_seen_before(names: Names) -> None:
    text = "# author : zqak " + "value " * 100 + "zqdm"
    alone = found(names, text)
    found(names, "zqck " * 60)
    assert found(names, text) == alone


def test_a_recipe_runs_it_with_the_models_own_id(model_folder: Path) -> None:
    redact = {"names": "redact", "model": str(model_folder)}
    recipe = Recipe.model_validate({"name": "t", "data": {"redact": redact}})
    (setting,) = [setting for setting in steps_of(recipe) if setting.name == "names"]
    assert setting.settings["model_id"] == model_id(model_folder)
    step = make_step(setting)
    assert isinstance(step, Names) and found(step, "# by zqak") == ["zqak"]


def test_names_are_left_alone_by_default() -> None:
    assert "names" not in [setting.name for setting in steps_of(Recipe(name="t"))]


def test_names_without_a_model_is_a_mistake_in_the_recipe() -> None:
    with pytest.raises(ValueError, match="names: redact needs `model`"):
        Recipe.model_validate({"name": "t", "data": {"redact": {"names": "redact"}}})


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="there is no folder"):
        model_id(tmp_path / "none")


def test_pickled_weights_are_no_weights(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / "tokenizer.json").write_text("{}")
    (tmp_path / "pytorch_model.bin").write_bytes(b"x")
    with pytest.raises(RecipeError, match=r"has no \*\.safetensors"):
        model_id(tmp_path)


def test_labels_that_stand_for_nothing_known_are_named(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps({"id2label": {"0": "LABEL_0", "1": "LABEL_1"}}))
    (tmp_path / "tokenizer.json").write_text("{}")
    (tmp_path / "model.safetensors").write_bytes(b"x")
    with pytest.raises(RecipeError, match="no placeholder for the labels LABEL_0, LABEL_1"):
        model_id(tmp_path)


def test_the_labels_of_starpii_are_all_known() -> None:
    labels = "AMBIGUOUS EMAIL IP_ADDRESS KEY NAME PASSWORD USERNAME".split()
    tags = ["O", *(f"{head}-{label}" for head in "BI" for label in labels)]
    kinds = label_kinds(dict(enumerate(tags)))
    assert {name for name, _ in kinds.values()} == {"", *labels} - {"AMBIGUOUS"}
