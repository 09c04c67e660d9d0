"""Reconciliation machinery: scheduled slots with leases, typed rows, segments, breaks. The jobs are the products'."""
