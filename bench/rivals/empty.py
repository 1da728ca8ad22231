"""A Typer program that does nothing: what any program with a command line pays to start."""

from __future__ import annotations

import typer

app = typer.Typer()


@app.command()
def nothing(name: str = "") -> None:
    """Do nothing."""


if __name__ == "__main__":
    app()
