"""What there is to extract: items found in folders or a manifest, and their split."""
