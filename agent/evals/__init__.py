"""Prompts with answers that can be measured: `python -m agent.evals`.

Each case is a board, a request, people who meddle meanwhile, and oracles that look at the geometry of what came.
"""
