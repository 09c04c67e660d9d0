"""The world of the evaluation: companies, trades and what institutions would know of them."""
