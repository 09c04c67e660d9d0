"""Telling an ERP where its documents came to stand on the ledger, so that it need not ask."""
