"""Fixtures that several shelves share."""

from __future__ import annotations

from pathlib import Path

import pytest

# Merges in the order they apply; each part is a byte or made by an earlier merge.
MERGES = [(b"d", b"e"), (b"de", b"f"), (b"s", b"e"), (b"l", b"f"), (b"se", b"lf"), (b"r", b"e"), (b"t", b"u"),
          (b"re", b"tu"), (b"r", b"n"), (b"retu", b"rn"), (b"i", b"n"), (b" ", b" "), (b"  ", b"  "), (b":", b"\n"),
          (b")", b":\n"), ("é".encode()[:1], "é".encode()[1:])]  # fmt: skip


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A whole model folder, loaded in milliseconds: random weights that write varied, printable nonsense."""
    import torch

    from understudy.formats.special_tokens import END, SPECIAL_IDS
    from understudy.formats.tokenizer_file import write_tokenizer
    from understudy.formats.usage import ModelUsage
    from understudy.model.config import dial
    from understudy.model.decoder import Decoder
    from understudy.model.hugging_face import write_folder

    folder = tmp_path_factory.mktemp("models") / "tiny"
    folder.mkdir()
    tokens = [bytes([value]) for value in range(256)] + [left + right for left, right in MERGES]
    write_tokenizer(folder, tokens, MERGES)
    decoder = Decoder(dial(layers=2, vocabulary=len(SPECIAL_IDS) + len(tokens), context=256, hidden=32))
    generator = torch.Generator().manual_seed(17)
    with torch.no_grad():
        for name, parameter in decoder.named_parameters():
            if "norm" not in name:
                parameter.normal_(std=0.3, generator=generator)
        printable = [len(SPECIAL_IDS) + rank for rank, token in enumerate(tokens) if token.isascii() and token[0] > 31]
        unlikely = sorted({*range(len(SPECIAL_IDS) + len(tokens))} - {*printable})
        decoder.head.weight[unlikely] = 0.0  # greedy text is then printable and runs to max_tokens
    write_folder(decoder, folder, end_token=SPECIAL_IDS[END])
    ModelUsage(name="tiny", context=256).write(folder)
    return folder
