"""The way from the store to the ledger: pack, endorse, persist, submit, learn the verdict from the block
stream.
"""
