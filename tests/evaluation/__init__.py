"""The evaluation: how many frauds the rules catch, and how many honest trades they stop (``make evaluate``).

A seeded world of trades (:mod:`tests.evaluation.scene`) is the truth. What institutions answer, what the ledger shows
and which papers lie on the desk are views of it. Labelled frauds (:mod:`tests.evaluation.frauds`) change the world or
the papers. The rules see the views only. Nothing here uses the rules' code or their test helpers, so that a mistake
cannot be on both sides; shared are the document models, the types of evidence and the questions that gateways ask.
"""
