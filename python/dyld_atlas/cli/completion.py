"""``dyld-atlas completion``: scripts for shells, written from the parser, so that they never lag behind it."""

import argparse
import sys
from collections.abc import Callable, Iterator
from typing import NamedTuple

from . import exits
from .parser import build_parser


class Option(NamedTuple):
    """An option of a command."""

    flags: tuple[str, ...]
    takes_value: bool
    choices: tuple[str, ...]
    value: str
    """What the value is: "folder", "file", or "" for anything else."""
    help: str


class Command(NamedTuple):
    """A command, its options, and the words that its arguments may be; None means files, or folders alone."""

    name: str
    help: str
    options: tuple[Option, ...]
    words: tuple[str, ...] | None
    wants_folders: bool


_VALUES = {"DIR": "folder", "OUT": "file", "CORE": "file"}


def run(options: argparse.Namespace) -> int:
    """Runs the command."""
    writers: dict[str, Callable[[], Iterator[str]]] = {"bash": _bash, "zsh": _zsh, "fish": _fish}
    sys.stdout.write("\n".join(writers[options.shell]()) + "\n")
    return exits.OK


def commands() -> tuple[Command, ...]:
    """Every command of the parser."""
    parser = build_parser()
    subparsers = next(a for a in parser._actions if isinstance(a, argparse._SubParsersAction))
    helps = {action.dest: action.help or "" for action in subparsers._choices_actions}
    return tuple(_command(name, helps[name], sub) for name, sub in subparsers.choices.items())


def _command(name: str, summary: str, parser: argparse.ArgumentParser) -> Command:
    options, words, wants_folders = [], None, False
    for action in parser._actions:
        choices = tuple(str(choice) for choice in action.choices or ())
        if action.option_strings:
            takes_value = action.nargs != 0
            value = _VALUES.get(str(action.metavar), "")
            options.append(Option(tuple(action.option_strings), takes_value, choices, value, action.help or ""))
        elif choices:
            words = choices
        else:
            wants_folders |= action.metavar == "DIR"
    return Command(name, summary, tuple(options), words, wants_folders)


def _bash() -> Iterator[str]:
    everything = commands()
    yield '# bash completion of dyld-atlas; load it with: eval "$(dyld-atlas completion bash)"'
    yield "_dyld_atlas() {"
    yield "  local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]} command= i"
    yield "  for ((i = 1; i < COMP_CWORD; i++)); do"
    yield "    case ${COMP_WORDS[i]} in -*) ;; *) command=${COMP_WORDS[i]}; break ;; esac"
    yield "  done"
    yield "  COMPREPLY=()"
    yield "  case $command:$before in"
    values = {(command.name, option) for command in everything for option in command.options if option.takes_value}
    for name, option in sorted(values):
        pattern = "|".join(f"{name}:{flag}" for flag in option.flags)
        if option.choices:
            yield f'    {pattern}) COMPREPLY=($(compgen -W "{" ".join(option.choices)}" -- "$word")); return ;;'
        elif option.value:
            kind = "-d" if option.value == "folder" else "-f"
            yield f'    {pattern}) compopt -o filenames; mapfile -t COMPREPLY < <(compgen {kind} -- "$word"); return ;;'
        else:
            yield f"    {pattern}) return ;;"
    yield "  esac"
    yield "  case $command in"
    top = " ".join(command.name for command in everything)
    yield f'    "") COMPREPLY=($(compgen -W "{top} --help --version" -- "$word")); return ;;'
    for command in everything:
        flags = " ".join(flag for option in command.options for flag in option.flags)
        yield f"    {command.name})"
        yield f'      [[ $word == -* ]] && {{ COMPREPLY=($(compgen -W "{flags}" -- "$word")); return; }}'
        if command.words is not None:
            yield f'      COMPREPLY=($(compgen -W "{" ".join(command.words)}" -- "$word")); return ;;'
        else:
            kind = "-d" if command.wants_folders else "-f"
            yield f'      compopt -o filenames; mapfile -t COMPREPLY < <(compgen {kind} -- "$word"); return ;;'
    yield "  esac"
    yield "}"
    yield "complete -F _dyld_atlas dyld-atlas"


def _zsh() -> Iterator[str]:
    def quote(text: str) -> str:
        return text.replace("'", "'\\''").replace("[", "\\[").replace("]", "\\]").replace(":", "\\:")

    everything = commands()
    yield "#compdef dyld-atlas"
    yield "# zsh completion of dyld-atlas; put it into a folder of $fpath as _dyld-atlas"
    yield "_dyld_atlas() {"
    yield "  local context state line"
    yield "  _arguments -C '(- *)'{-h,--help}'[show help]' '(- *)--version[show the version]' \\"
    yield "    '1: :->command' '*:: :->arguments'"
    yield "  case $state in"
    yield "  command)"
    yield "    local -a commands=("
    for command in everything:
        yield f"      '{command.name}:{quote(command.help)}'"
    yield "    )"
    yield "    _describe command commands ;;"
    yield "  arguments)"
    yield "    case $line[1] in"
    for command in everything:
        yield f"    {command.name})"
        yield "      _arguments \\"
        for option in command.options:
            for flag in option.flags:
                value, joined = "", ""
                if option.takes_value:
                    words = f"({' '.join(option.choices)})" if option.choices else ""
                    value = f":value:{words or {'folder': '_files -/', 'file': '_files'}.get(option.value, '')}"
                    joined = "=" if flag.startswith("--") else ""
                yield f"        '{flag}{joined}[{quote(option.help)}]{value}' \\"
        files = "_files -/" if command.wants_folders else "_files"
        words = f"({' '.join(command.words)})" if command.words is not None else files
        yield f"        '*:argument:{words}' ;;"
    yield "    esac ;;"
    yield "  esac"
    yield "}"
    yield 'if [ "$funcstack[1]" = "_dyld_atlas" ] || [ "$funcstack[1]" = "_dyld-atlas" ]; then'
    yield '  _dyld_atlas "$@"'
    yield "else"
    yield "  compdef _dyld_atlas dyld-atlas"
    yield "fi"


def _fish() -> Iterator[str]:
    def quote(text: str) -> str:
        return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"

    everything = commands()
    yield "# fish completion of dyld-atlas; load it with: dyld-atlas completion fish | source"
    names = " ".join(command.name for command in everything)
    yield f"complete -c dyld-atlas -n 'not __fish_seen_subcommand_from {names}' -f"
    yield "complete -c dyld-atlas -n __fish_use_subcommand -s h -l help -d 'show help'"
    yield "complete -c dyld-atlas -n __fish_use_subcommand -l version -d 'show the version'"
    for command in everything:
        yield f"complete -c dyld-atlas -n __fish_use_subcommand -a {command.name} -d {quote(command.help)}"
    for command in everything:
        condition = f"complete -c dyld-atlas -n '__fish_seen_subcommand_from {command.name}'"
        for option in command.options:
            flags = " ".join(f"-l {f[2:]}" if f.startswith("--") else f"-s {f[1:]}" for f in option.flags)
            line = f"{condition} {flags} -d {quote(option.help)}"
            if option.choices:
                line += f" -x -a '{' '.join(option.choices)}'"
            elif option.value == "folder":
                line += " -x -a '(__fish_complete_directories)'"
            elif option.value == "file":
                line += " -r"
            elif option.takes_value:
                line += " -x"
            yield line
        if command.words is not None:
            yield f"{condition} -f -a '{' '.join(command.words)}'"
        elif command.wants_folders:
            yield f"{condition} -f -a '(__fish_complete_directories)'"
