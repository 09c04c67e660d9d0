"""What the verification engine asks institutions: typed questions in batches, one file per institution."""
