"""Where files come from, one module for each way of reading them: a folder, a git repository, an archive."""
