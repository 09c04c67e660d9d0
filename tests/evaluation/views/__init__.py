"""What can be seen of the world on a day: the ledger, the papers, and what each institution answers."""
