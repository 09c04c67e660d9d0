"""UBL 2.1 documents -> canonical documents."""

from consortium.documents.ubl.reader import DOCUMENT_TYPES, read_ubl

__all__ = ["DOCUMENT_TYPES", "read_ubl"]
