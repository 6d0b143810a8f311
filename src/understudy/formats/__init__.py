"""The formats that training and serving must agree on: one truth for both sides.

languages, corpus                          a file's language; the documents of a corpus
special_tokens, tokenizer_file, tokenizer  text to ids and back
fim, prompt, usage                         how a text is laid out, in training rows as in requests
shards, shard_writer                       rows of tokens on disk
"""
