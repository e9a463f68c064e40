"""The datasets of the field: annotation files as published -> a manifest."""
