"""The seven tokens that are not text. Their order is their id, in every tokenizer this project makes.

The spellings are Qwen2.5-Coder's, so that editors' templates for that family fit. Source text that happens to contain
a spelling is encoded as the plain text it is: only the layout code (`fim`, `prompt`) may put these ids into a sequence.
"""

from __future__ import annotations

END = "<|endoftext|>"
FIM_PREFIX = "<|fim_prefix|>"
FIM_MIDDLE = "<|fim_middle|>"
FIM_SUFFIX = "<|fim_suffix|>"
FIM_PAD = "<|fim_pad|>"
REPO_NAME = "<|repo_name|>"
FILE_SEP = "<|file_sep|>"

SPECIAL_TOKENS = (END, FIM_PREFIX, FIM_MIDDLE, FIM_SUFFIX, FIM_PAD, REPO_NAME, FILE_SEP)
SPECIAL_IDS = {text: index for index, text in enumerate(SPECIAL_TOKENS)}
