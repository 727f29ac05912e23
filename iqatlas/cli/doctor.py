"""``iqatlas doctor``: what this machine can do, with a remedy for what it can't."""

from __future__ import annotations

import typer

from iqatlas.cli.console import out


def doctor() -> None:
    """Probe the ray tracer and print versions; exit code 1 where something is missing.

    Example: iqatlas doctor
    """
    from iqatlas.raytracing.probe import diagnose

    with out.status("tracing a probe"):
        findings = diagnose()
    for finding in findings:
        mark = "[green]✓[/]" if finding.good else "[yellow]–[/]" if finding.optional else "[red]✗[/]"
        out.print(f"{mark} {finding.what:<14} {finding.found}", highlight=False, soft_wrap=True)
        if finding.remedy and not finding.good:
            out.print(f"  {'':<14} {finding.remedy}", style="bold", highlight=False, soft_wrap=True)
    if not all(finding.good or finding.optional for finding in findings):
        raise typer.Exit(1)
