"""`llmpick info`: parse, call the workflow, show the answer."""

import click


@click.command()
@click.argument("model")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON document.")
def info(model: str, as_json: bool) -> None:
    """All that is known of MODEL, with source and date.

    MODEL is a name of the catalog (org/name, an Ollama tag, the name inside a file), of which every source is shown; or a GGUF file, a
    folder or a config.json, of which the headers are read.
    """
    import os

    from llmpick.workflow.info import model_info

    found = model_info(model, environ=os.environ)
    if as_json:
        import json

        from llmpick.report.info import info_document

        click.echo(json.dumps(info_document(found), allow_nan=False, ensure_ascii=False, indent=2))
    else:
        from rich.console import Console

        from llmpick.report.info import print_info

        print_info(found, Console())
