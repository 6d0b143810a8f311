"""The tokenizer and the packed tokens.

corpus ──▶ sample ──▶ bpe ──▶ tokenizer.json · report        (stage.py)
corpus + tokenizer ──▶ pieces ──▶ rows ──▶ token shards      (pack_stage.py)
"""
