"""Financing requests (融资申请): what an SME asks a bank for, and what has come of it as far as the ledger
shows.
"""
