"""Schema of the gateway's database, revision by revision."""
