"""`llmpick devices`: parse, call the workflow, show the answer."""

import click


@click.command()
@click.argument("name", required=False)
@click.option("--measure", is_flag=True, help="Also measure how fast this machine reads its memory (a second).")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON document.")
def devices(name: str | None, measure: bool, as_json: bool) -> None:
    """What this machine has, and the devices of the catalog.

    NAME is one device, of which all facts are shown with their sources ("RTX 4090", "M2 Max 32GB", "this machine"), or a word that
    several have ("apple", "laptop", "datacenter", "RTX 40").
    """
    from llmpick.workflow.devices import list_devices

    found = list_devices(name, measure=measure)
    if as_json:
        import json

        from llmpick.report.devices import devices_document

        click.echo(json.dumps(devices_document(found), allow_nan=False, ensure_ascii=False, indent=2))
    else:
        from rich.console import Console

        from llmpick.report.devices import print_devices

        print_devices(found, Console())
