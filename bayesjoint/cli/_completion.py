"""Scripts by which shells complete the command, made from its own parser: static text, nothing is run at the prompt."""

import argparse

SHELLS = ("bash", "zsh", "fish")
COMPLETE = """
  bash    bayesjoint completion bash > ~/.local/share/bash-completion/completions/bayesjoint
  zsh     bayesjoint completion zsh > "${fpath[1]}/_bayesjoint"
  fish    bayesjoint completion fish > ~/.config/fish/completions/bayesjoint.fish
"""


class Parser(argparse.ArgumentParser):
    """A parser that remembers what it takes, for scripts of shells.

    Attributes
    ----------
    taken : list of argparse.Action
    verbs : argparse.Action or None
        Of its subcommands.
    """

    def add_argument(self, *names, **how):
        """As of any parser."""
        action = super().add_argument(*names, **how)
        self.__dict__.setdefault("taken", []).append(action)
        return action

    def add_subparsers(self, **how):
        """As of any parser."""
        self.verbs = super().add_subparsers(**how)
        return self.verbs


def script(parser, shell):
    """The script of a shell.

    Parameters
    ----------
    parser : Parser
    shell : {"bash", "zsh", "fish"}

    Returns
    -------
    str
    """
    return {"bash": _bash, "zsh": _zsh, "fish": _fish}[shell](parser.verbs.choices)


def _options(parser):
    return [name for action in parser.taken for name in action.option_strings]


def _words(parser):
    """What may stand where no option does, if that is one of a few words."""
    return [word for action in parser.taken if not action.option_strings and action.choices for word in action.choices]


def _bash(verbs):
    cases = [f'    {verb}) options="{" ".join(_options(each))}"; words="{" ".join(_words(each))}" ;;'
             for verb, each in verbs.items()]
    return "\n".join([
        "_bayesjoint() {", '  local current="${COMP_WORDS[COMP_CWORD]}" options="" words=""',
        '  if [ "$COMP_CWORD" -eq 1 ]; then',
        f'    COMPREPLY=($(compgen -W "{" ".join(verbs)} --help --version" -- "$current")); return', "  fi",
        '  case "${COMP_WORDS[1]}" in', *cases, "  esac", '  if [ "${current:0:1}" = "-" ]; then',
        '    COMPREPLY=($(compgen -W "$options" -- "$current"))', '  elif [ -n "$words" ]; then',
        '    COMPREPLY=($(compgen -W "$words" -- "$current"))', "  else", "    compopt -o filenames 2>/dev/null",
        '    COMPREPLY=($(compgen -f -- "$current"))', "  fi", "}", "complete -F _bayesjoint bayesjoint"])


def _plain(text):
    """A help text without what shells would read."""
    return "".join(" " if c in "'\"`$\\[]:;\n" else c for c in text or "")


def _zsh(verbs):
    cases = []
    for verb, each in verbs.items():
        taken = [f"'{name}[{_plain(action.help)}]{_value(action)}'" for action in each.taken
                 for name in action.option_strings]
        rest = f"'*:word:({' '.join(_words(each))})'" if _words(each) else "'*:file:_files'"
        cases.append(f"    {verb}) _arguments {' '.join(taken)} {rest} ;;")
    names = " ".join(f"'{verb}'" for verb in verbs)
    return "\n".join(["#compdef bayesjoint", "_bayesjoint() {", "  if (( CURRENT == 2 )); then",
                      f"    compadd -- {names} --help --version; return", "  fi", "  local verb=$words[2]",
                      "  shift words; (( CURRENT-- ))", '  case "$verb" in', *cases, "  esac", "}",
                      'compdef _bayesjoint bayesjoint 2>/dev/null || _bayesjoint "$@"'])


def _value(action):
    """What follows an option, for zsh."""
    if action.nargs == 0:
        return ""
    return ":value:_files" if action.nargs in (None, 1) else "".join(
        ":value: " for _ in range(action.nargs if isinstance(action.nargs, int) else 1))


def _fish(verbs):
    first = "__fish_use_subcommand"
    lines = [f"complete -c bayesjoint -f -n {first} -a {verb}" for verb in verbs]
    lines += [f"complete -c bayesjoint -n {first} -l {name}" for name in ("help", "version")]
    for verb, each in verbs.items():
        seen = f"'__fish_seen_subcommand_from {verb}'"
        for action in each.taken:
            long = next((n[2:] for n in action.option_strings if n.startswith("--")), None)
            if long is not None:
                follows = "" if action.nargs == 0 else " -r"
                lines.append(f"complete -c bayesjoint -n {seen} -l {long}{follows} -d '{_plain(action.help)}'")
        if _words(each):
            lines.append(f"complete -c bayesjoint -f -n {seen} -a '{' '.join(_words(each))}'")
    return "\n".join(lines)
