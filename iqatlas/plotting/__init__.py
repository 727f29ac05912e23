"""Pictures from stored corpora."""
