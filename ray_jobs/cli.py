"""The command ``epitoma``: runs a job by its name; each job can also be run with ``python -m ray_jobs.NAME``."""

import sys
from dataclasses import dataclass
from importlib import import_module

from epitoma.core.errors import BAD_INPUT
from epitoma.reporting.console import complain, say
from ray_jobs.parts.first_line import HELP, say_first_line


@dataclass(frozen=True)
class Command:
    """A command of ``epitoma``.

    Attributes:
        job: Name of the job's module in ``ray_jobs``.
        about: Short description, for ``epitoma --help``.
        subcommand: Subcommand of the job that this command runs; None runs the job itself.
    """

    job: str
    about: str
    subcommand: str | None = None


COMMANDS = {
    "demo": Command("demo", "the whole path on synthetic videos, in minutes"),
    "prepare": Command(
        "prepare", "make a dataset of your videos, of Breakfast, of Charades, or of videos made here"
    ),
    "extract": Command("extract", "features of frozen networks, so that training on them takes seconds"),
    "finetune": Command("finetune", "one network as a plain video classifier, from pixels"),
    "train": Command("train", "selector and classifier, from stored features or end to end from pixels"),
    "evaluate": Command("evaluate", "score at every budget, and what each costs"),
    "sweep": Command("sweep", "many trainings with Ray Tune: what accuracy costs"),
    "predict": Command("predict", "recognise videos with a trained model"),
    "explain": Command("report", "what a model saw in a video, as a page", "explain"),
    "report": Command(
        "report", "costs, the paper's studies, what a sweep found, and what MLflow has not heard"
    ),
}


def usage() -> str:
    """Text of ``epitoma --help``."""
    lines = [f"  {name:<10}{command.about}" for name, command in COMMANDS.items()]
    return "\n".join(
        [
            "usage: epitoma COMMAND [OPTIONS]",
            "",
            "Recognise minutes-long actions by looking closely at a few timesteps.",
            "",
            *lines,
            "",
            "`epitoma COMMAND --help` lists a command's options. With RAY_ADDRESS set commands run on that cluster,",
            "otherwise on a private Ray on this machine.",
        ]
    )


def main() -> None:
    """Run the command that the first argument names."""
    name, *arguments = sys.argv[1:] or ["--help"]
    if name in HELP:
        say(usage())
        return
    if name not in COMMANDS:
        complain(f"error: no command {name}: it is one of {', '.join(COMMANDS)}")
        sys.exit(BAD_INPUT)
    command = COMMANDS[name]
    say_first_line(name, arguments)
    # The job's parser takes the program name in help and errors from argv[0].
    sys.argv = (
        [f"epitoma {name}", *arguments]
        if command.subcommand is None
        else ["epitoma", command.subcommand, *arguments]
    )
    import_module(f"ray_jobs.{command.job}").main()


if __name__ == "__main__":
    main()
