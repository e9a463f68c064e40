"""The comparison: every system on one split, with equally many candidates tried on the validation part."""
