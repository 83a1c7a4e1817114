"""`python -m agent.evals [--model demo|scripted|live] [--filter WORDS] [--json]`: runs the cases and prints a table.

`scripted` is a good model whose calls are fixed, over the real wire; `demo` the rule-based one; `live` the one that the
settings name (OPENAI_API_KEY, OPENAI_BASE_URL, COPLAYER_MODEL). The exit status is 0 when all passed.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict

import anyio

from agent.evals.cases import CASES
from agent.evals.runs import KINDS, Outcome, run_cases


def main(argv: Sequence[str] | None = None) -> int:
    """The exit status."""
    parser = argparse.ArgumentParser(prog="python -m agent.evals", description=(__doc__ or "").split("\n\n")[1])
    parser.add_argument("--model", choices=KINDS, default="scripted")
    parser.add_argument("--filter", default="", help="only cases whose name has these words in it")
    parser.add_argument("--json", action="store_true", help="the figures as JSON")
    chosen = parser.parse_args(argv)
    cases = [case for case in CASES if chosen.filter in case.name]
    if not cases:
        parser.error(f"no case has {chosen.filter!r} in its name")
    outcomes = anyio.run(run_cases, chosen.model, cases)
    print(json.dumps([asdict(outcome) for outcome in outcomes], indent=2) if chosen.json else table(outcomes))
    return 0 if all(outcome.passed for outcome in outcomes) else 1


def table(outcomes: Sequence[Outcome]) -> str:
    """For people."""
    width = max(len(outcome.name) for outcome in outcomes)
    head = f"{'case':<{width}}  pass  calls  tokens  collateral  twins  people's fields  first change  stop"
    lines = [head, "-" * len(head)]
    for outcome in outcomes:
        figures = outcome.figures
        kept = f"{figures.human_fields_kept}/{figures.human_fields}" if figures.human_fields else ""
        lines.append(
            f"{outcome.name:<{width}}  {'yes ' if outcome.passed else 'NO  '}  {figures.calls:>5}  {figures.tokens:>6}"
            f"  {figures.collateral:>10}  {figures.duplicates:>5}  {kept:>15}  {_ms(figures.first_change_s):>12}"
            f"  {_ms(figures.stop_s)}".rstrip()
        )
        lines += [f"  {why}" for why in outcome.wrong]
    total = [outcome.figures for outcome in outcomes]
    people, kept_of = sum(f.human_fields for f in total), sum(f.human_fields_kept for f in total)
    share = f"{100 * kept_of / people:.0f} %" if people else "none written"
    lines.append(
        f"\n{sum(outcome.passed for outcome in outcomes)} of {len(outcomes)} passed; collateral damage"
        f" {sum(f.collateral for f in total)} fields; twins {sum(f.duplicates for f in total)}; people's fields kept"
        f" {share}; {sum(f.calls for f in total)} calls; {sum(f.tokens for f in total)} tokens"
    )
    return "\n".join(lines)


def _ms(seconds: float | None) -> str:
    return f"{seconds * 1000:.0f} ms" if seconds is not None else ""


if __name__ == "__main__":
    sys.exit(main())
