"""Learning a vocabulary and encoding with it, beside Hugging Face `tokenizers`, on the standard library of this Python.

Both learn from the same texts with the same pre-tokenisation and size; both then encode the same texts with the same
`tokenizer.json`, and the ids are compared. Rounds alternate between the two, so that a busy machine disturbs both.
"""

from __future__ import annotations

import sysconfig
import tempfile
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any

import tokenizers
from clock import Spent, rates, ratios, timed
from record import write_result
from tokenizers import Regex, models, pre_tokenizers, trainers

from understudy.formats.special_tokens import SPECIAL_TOKENS
from understudy.formats.tokenizer import Tokenizer
from understudy.formats.tokenizer_file import PATTERN, TOKENIZER_FILE, write_tokenizer
from understudy.tokenizer.bpe import learn
from understudy.tokenizer.sample import chunks

VOCABULARY = 8192
N_ROUNDS = 3
HELD_OUT_EVERY = 50


def library() -> list[str]:
    """The texts of the standard library's Python files."""
    root = Path(sysconfig.get_paths()["stdlib"])
    files = [file for file in sorted(root.rglob("*.py")) if "site-packages" not in file.parts]
    texts = [file.read_bytes().decode("utf-8", errors="ignore") for file in files]
    return [text for text in texts if text]


def learn_theirs(texts: list[str]) -> tokenizers.Tokenizer:
    """Hugging Face's trainer with our pre-tokenisation."""
    tokenizer = tokenizers.Tokenizer(models.BPE())
    byte_level = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Split(Regex(PATTERN), behavior="isolated"), byte_level]
    )
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        special_tokens=list(SPECIAL_TOKENS),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return tokenizer


def all_chunks(texts: list[str]) -> Iterator[str]:
    """The texts as the tokenizer stage hands them to the trainer."""
    return chain.from_iterable(chunks(text) for text in texts)


def compare(ours: list[Spent], theirs: list[Spent], n_bytes: int) -> dict[str, Any]:
    """Both sides' rates, and how many times as long theirs takes."""
    return {"understudy": rates(ours, n_bytes), "tokenizers": rates(theirs, n_bytes)} | ratios(ours, theirs)


def measure_training(texts: list[str]) -> tuple[dict[str, Any], tokenizers.Tokenizer]:
    """Time of learning, and their tokenizer for comparison of the results."""
    ours, theirs = [], []
    for _ in range(N_ROUNDS):
        ours.append(timed(lambda: learn(all_chunks(texts), VOCABULARY))[0])
        spent, tokenizer = timed(lambda: learn_theirs(texts))
        theirs.append(spent)
    return compare(ours, theirs, sum(len(text.encode()) for text in texts)), tokenizer


def measure_encoding(texts: list[str], folder: Path) -> dict[str, Any]:
    """Time of encoding all texts as one batch, with the ids compared."""
    ours_tokenizer = Tokenizer.load(folder)
    theirs_tokenizer = tokenizers.Tokenizer.from_file(str(folder / TOKENIZER_FILE))
    theirs_tokenizer.encode_special_tokens = True
    ours, theirs, equal = [], [], True
    for _ in range(N_ROUNDS):
        spent, our_ids = timed(lambda: ours_tokenizer.encode_batch(texts))
        ours.append(spent)
        spent, encodings = timed(lambda: theirs_tokenizer.encode_batch_fast(texts, add_special_tokens=False))
        theirs.append(spent)
        equal &= all(a.tolist() == b.ids for a, b in zip(our_ids, encodings, strict=True))
    found = compare(ours, theirs, sum(len(text.encode()) for text in texts))
    return found | {"ids_equal": equal, "n_tokens": sum(map(len, our_ids))}


def bytes_per_token(texts: list[str], folder: Path, theirs: tokenizers.Tokenizer) -> dict[str, float]:
    """How well each vocabulary fits text that neither was learned from."""
    ours = Tokenizer.load(folder)
    n_bytes = sum(len(text.encode()) for text in texts)
    return {
        "understudy": round(n_bytes / sum(len(ours.encode(text)) for text in texts), 4),
        "tokenizers": round(n_bytes / sum(len(theirs.encode(text).ids) for text in texts), 4),
    }


def main() -> None:
    texts = library()
    held_out = texts[::HELD_OUT_EVERY]
    learned_from = [text for number, text in enumerate(texts) if number % HELD_OUT_EVERY]
    training, theirs = measure_training(learned_from)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        learned = learn(all_chunks(learned_from), VOCABULARY)
        write_tokenizer(folder, learned.tokens, learned.merges)
        measured = {
            "text_mb": round(sum(len(text.encode()) for text in texts) / 1e6, 2),
            "n_files": len(texts),
            "vocabulary": VOCABULARY,
            "n_rounds": N_ROUNDS,
            "training": training,
            "encoding": measure_encoding(texts, folder),
            "held_out_bytes_per_token": bytes_per_token(held_out, folder, theirs),
        }
    write_result("tokenizer", measured, packages=("tokenizers", "tiktoken", "rustbpe"))


if __name__ == "__main__":
    main()
