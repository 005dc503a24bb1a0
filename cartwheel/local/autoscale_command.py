"""`cartwheel autoscale`: the autoscaler of the running shop, shown and changed."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from cartwheel.autoscaling.editing import EditError, paused, resumed
from cartwheel.autoscaling.manifests import ManifestError, read_manifest_file
from cartwheel.autoscaling.pausing import is_paused
from cartwheel.autoscaling.scaled_object import ScaledObject
from cartwheel.errors import CommandError, UsageError
from cartwheel.invocation import display_path
from cartwheel.local.autoscaling.announcements import describe_edit
from cartwheel.local.autoscaling.chosen import FILES, MAX_MANIFEST_SIZE, OFF, autoscaler_of_text
from cartwheel.local.autoscaling.snapshot import Snapshot, snapshot_of
from cartwheel.local.command_lines import command_line
from cartwheel.local.control_socket import Message
from cartwheel.local.run_client import send_to_run
from cartwheel.local.settings import load_local_settings
from cartwheel.local.state_folder import StateFolder
from cartwheel.printing import print_wrapped

commands = typer.Typer()

RESPONSE_TIMEOUT = 10.0  # seconds


@commands.command()
def autoscale(
    manifest: Annotated[
        str | None,
        typer.Argument(help="cpu, requests, or an autoscaler's file; - is standard input."),
    ] = None,
    pause: Annotated[bool, typer.Option("--pause", help="Let it change nothing.")] = False,
    resume: Annotated[bool, typer.Option("--resume", help="Let it go on after a pause.")] = False,
    show: Annotated[
        bool, typer.Option("--show", help="Print the YAML that is in force (the default).")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")] = False,
    state_dir: Annotated[
        Path | None, typer.Option(help="Folder of the run (CARTWHEEL_STATE_DIR; .cartwheel).")
    ] = None,
) -> None:
    """Show or change the autoscaler of the running shop."""
    if [manifest is not None, pause, resume, show].count(True) > 1:
        raise UsageError("Give one of a manifest, --pause, --resume and --show.")
    state = StateFolder.at(load_local_settings(state_dir=state_dir).state_dir)
    if manifest is not None:
        _replace(state, *_read(manifest), as_json=as_json)
    elif pause or resume:
        edit = paused if pause else resumed
        _change(state, edit, as_json=as_json)
    else:
        snapshot = _send(state)
        typer.echo(_as_json(snapshot) if as_json else snapshot.manifest, nl=as_json)


def _read(manifest: str) -> tuple[str, str]:
    """The text and its name in messages."""
    if manifest == OFF:
        raise UsageError(
            "An autoscaler that runs cannot be turned off, but held: cartwheel autoscale --pause. "
            "To start without one: cartwheel up --autoscale off"
        )
    file = FILES.get(manifest, Path(manifest))
    try:
        return read_manifest_file(file), display_path(file)
    except ManifestError as error:
        raise UsageError(str(error)) from None


def _replace(state: StateFolder, text: str, source: str, *, as_json: bool) -> None:
    before = _send(state)
    if len(text) > MAX_MANIFEST_SIZE:
        # Too much for the supervisor, but other documents of the file stay here.
        text = autoscaler_of_text(text, [before.service], source=source).manifest
    _report(state, before, _send(state, {"manifest": text, "source": source}), as_json=as_json)


def _change(state: StateFolder, edit: Callable[[str], str], *, as_json: bool) -> None:
    before = _send(state)
    try:
        text = edit(before.manifest)
    except (EditError, ManifestError) as error:
        raise UsageError(f"The manifest in force cannot be edited: {error}.") from None
    request = {"manifest": text, "made_from": before.manifest, "source": "the manifest in force"}
    _report(state, before, _send(state, request), as_json=as_json)


def _report(state: StateFolder, before: Snapshot, after: Snapshot, *, as_json: bool) -> None:
    if not after.manifest:
        raise CommandError("The supervisor does not know this command: is it an older one?")
    changes = _changes(before, after)
    if as_json:
        typer.echo(_as_json(after, changes=changes))
        return
    if after.manifest == before.manifest:
        print_wrapped(f"{after.service}: this is in force already; nothing changes.")
        return
    print_wrapped(f"{after.service}: {changes}, in force from the next decision on.")
    if after.manifest != after.original:
        keep = f"{command_line(state.root, 'autoscale --show')} > autoscaler.yaml"
        print_wrapped(f"A restart begins with the first manifest again. To keep this one: {keep}")


def _changes(before: Snapshot, after: Snapshot) -> str:
    old, new = (
        autoscaler_of_text(text, [after.service], source="the manifest").autoscaler
        for text in (before.manifest, after.manifest)
    )
    return describe_edit(old, new)


def _as_json(snapshot: Snapshot, **more: str) -> str:
    chosen = autoscaler_of_text(snapshot.manifest, [snapshot.service], source="the manifest")
    found = {
        "service": snapshot.service,
        "kind": "scaledobject" if isinstance(chosen.autoscaler, ScaledObject) else "hpa",
        "is_paused": is_paused(chosen.autoscaler),
        "manifest": snapshot.manifest,
        "original": snapshot.original,
        **more,
    }
    return json.dumps(found, indent=2)


def _send(state: StateFolder, request: Message | None = None) -> Snapshot:
    message = {"command": "autoscaler", **(request or {})}
    return snapshot_of(send_to_run(state, message, timeout=RESPONSE_TIMEOUT))
