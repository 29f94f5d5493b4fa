"""Catalogues, sentences and errors in every language."""
