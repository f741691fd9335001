"""The subcommand `preload`: download the model now and make sure that it can be used.

For sites without a network: run it where there is one, copy the folder, and name it as the model.
"""

from pathlib import Path
from typing import Annotated

import typer

from tonewatch.inference.engines.factory import create_engine
from tonewatch.inference.settings import InferenceSettings


def add_commands(app: typer.Typer) -> None:
    """Add the subcommand."""

    @app.command()
    def preload(
        to: Annotated[
            Path | None, typer.Option(help="Download to this folder, not to the usual one")
        ] = None,
    ) -> None:
        """Download the configured model, check it whole, and say where it lies; exit 2 if not."""
        settings = InferenceSettings.load()
        options = settings.inference
        models_dir = to or options.cache_dir or settings.data_dir / "models"
        engine = create_engine(
            options.model_copy(update={"cache_dir": models_dir}), models_dir, typer.echo
        )
        engine.load()
        where = getattr(engine, "directory", None)
        typer.echo(f"{engine.name} {engine.model}, weights {engine.revision}: usable")
        if where is not None:
            typer.echo(str(where))
        engine.close()
