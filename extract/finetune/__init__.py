"""Fitting the encoders on the train split."""
