"""Two stages: the tokenizer, learned from the corpus (`stage.py`), and the tokens, packed with it (`pack_stage.py`)."""
