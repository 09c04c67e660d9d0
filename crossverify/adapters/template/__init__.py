"""Template of an adapter to a real institution: copy this folder, write a backend, keep the rest.

It stands beside a credit bureau (征信), as that is the shortest of the services; docs/adapters.md says what to change
for another. It runs and passes the conformance suite as it is, with a backend that keeps records in its own database.
"""
