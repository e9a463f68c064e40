"""Utterances: sentences spoken by many voices, in rooms and noise."""
