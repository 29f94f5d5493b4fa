"""Documents: PDF to TIFF-F, and back."""
