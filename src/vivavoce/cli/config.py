"""`vivavoce config`: the schema of the files, a check of them, and every key in the help."""

from pathlib import Path

import click
import msgspec

from vivavoce.config import ConfigError, ModelSpec, PipelineSpec, Settings, read_configuration
from vivavoce.config.schema import described, schema


class KeysInHelp(click.Group):
    """A group whose help ends with every key of the configuration."""

    def format_epilog(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the keys, as the schema describes them."""
        sections: dict[str, type[msgspec.Struct]] = {
            "Keys of the server": Settings,
            "Keys of a model": ModelSpec,
            "Keys of its `pipeline`": PipelineSpec,
        }
        for title, kind in sections.items():
            with formatter.section(title):
                formatter.write_dl(list(described(kind).items()))
        super().format_epilog(context, formatter)


@click.group(cls=KeysInHelp)
def config() -> None:
    """Check configuration files, or print their JSON schema for an editor.

    \b
    serve --config FILE      the server's settings, with an optional list `models:`
    serve --config FOLDER    settings in vivavoce.yaml, and a model in every other *.yaml

    An engine is NAME, NAME:ARGUMENT, URL#MODEL of an OpenAI-compatible server, or a mapping of
    `engine: NAME` and its options. LocalAI's model files are read as they are.
    """


@config.command("schema")
def print_schema() -> None:
    """Print the JSON schema.

    \b
    vivavoce config schema > vivavoce.schema.json
    and as the first line of a file, for editors with the YAML language server:
    # yaml-language-server: $schema=vivavoce.schema.json
    """
    click.echo(msgspec.json.format(msgspec.json.encode(schema()), indent=2))


@config.command("check")
@click.argument("path", type=click.Path(path_type=Path, exists=True))
def check_files(path: Path) -> None:
    """Read a file or folder, and tell what it means or what is wrong with it.

    Nothing is loaded and nothing is downloaded.
    """
    try:
        found = read_configuration(path, {})
        from vivavoce.assembly import assemble

        assemble(found.settings, found.places)
    except ConfigError as error:
        raise click.ClickException(str(error)) from error
    from vivavoce.commands import listing
    from vivavoce.commands.hosting import show_notices

    show_notices(found.notices)
    for line in listing.models(found.settings):
        click.echo(line)
    click.secho(f"✓ {path} can be used.", fg="green")
