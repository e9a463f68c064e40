"""Further networks that the encoders of the registry stand on."""
