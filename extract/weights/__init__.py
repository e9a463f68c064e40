"""Published weights: which there are, how to know them, where they lie, and reading them."""
