"""The document: its schema and what follows from it. A leaf: the sync core knows nothing of it."""
