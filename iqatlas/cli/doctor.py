"""``iqatlas doctor``: what this machine can do, with a remedy for what it can't."""

from __future__ import annotations

import typer

from iqatlas.cli.console import out, say


def doctor() -> None:
    """Probe the ray tracer and print versions; exit code 1 where something is missing.

    Example: iqatlas doctor
    """
    from iqatlas.raytracing.probe import diagnose

    with out.status("tracing a probe"):
        findings = diagnose()
    for finding in findings:
        style = "green" if finding.good else "yellow" if finding.optional else "red"
        mark = "✓" if finding.good else "–" if finding.optional else "✗"
        say(out, (mark, style), f" {finding.what:<14} {finding.found}")
        if finding.remedy and not finding.good:
            say(out, (f"  {'':<14} {finding.remedy}", "bold"))
    if not all(finding.good or finding.optional for finding in findings):
        raise typer.Exit(1)
