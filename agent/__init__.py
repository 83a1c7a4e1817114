"""The assistant: a process that joins rooms as an ordinary Yjs peer and works with tools."""
