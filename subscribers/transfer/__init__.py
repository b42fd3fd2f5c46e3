"""Readers from files and into files: exports of other services come in, nobody who left comes back."""
