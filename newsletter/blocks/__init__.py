"""The kinds of block an issue is written from: one file per kind, found by `registry` (CONTRIBUTING has the recipe)."""
