"""The invisible identifier in the content itself: payload and codes, pictures, sound, film. Arrays in, arrays out."""
