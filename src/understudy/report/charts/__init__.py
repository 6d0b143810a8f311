"""Charts as inline SVG, written by hand: see docs/decisions/0001-charts.md for why not matplotlib."""
