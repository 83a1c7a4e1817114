"""The assistant's verbs. TOOLS is the one list; the order is the order the model reads."""
