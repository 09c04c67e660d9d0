"""Consent to a bank's look at a party's documents: given and withdrawn by the party, kept by the ledger."""
