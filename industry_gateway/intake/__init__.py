"""Intake: what ERPs push is read, prepared and stored.

Values that exist once per document (`Source`, `Readied`, `PreparedDocument`, `Outcome`, ...) are not frozen, although
nobody changes them: making a frozen one takes three times as long, and there are ten of them to a document.
"""
