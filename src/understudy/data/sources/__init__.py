"""Where files come from: how each kind of source becomes collections of files.

collecting        one function and one row of its table for each kind of source
looking           one source while it is listed: the languages wanted, the limits, what is passed over
license_files     the licence files met on the way, and which licence rules each file

folder · git, git_command, git_history · archive · parquet, jsonl, columns · huggingface, hub_child · remote
reading, hash_cache, child: one file safely; hashes of files that did not change; a process that may die
"""
