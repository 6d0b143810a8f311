"""The formats that training and serving must agree on: pure functions, one truth for both sides."""
