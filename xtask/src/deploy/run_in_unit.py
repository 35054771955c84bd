"""Runs a command under the system call filter of a systemd unit, where no systemd is there to do it.

usage: run_in_unit.py UNIT COMMAND [ARGUMENT…]

Reads SystemCallFilter=, MemoryDenyWriteExecute= and RestrictAddressFamilies= as systemd.exec(5) describes them; the sets of
calls are those that `systemd-analyze syscall-filter` of this machine knows.
"""

import errno
import os
import socket
import subprocess
import sys

import pyseccomp as seccomp

PROT_WRITE, PROT_EXEC, SHM_EXEC = 2, 4, 0o100000


def settings(unit, name):
    """The values of a setting, one for each line that has it."""
    with open(unit) as lines:
        pairs = (line.strip().partition("=") for line in lines if not line.startswith("#"))
        return [value for key, _, value in pairs if key == name]


def calls_of(word):
    """A call, or those of a set and of the sets in it."""
    if not word.startswith("@"):
        return {word}
    text = subprocess.run(["systemd-analyze", "syscall-filter", word], check=True, capture_output=True, text=True).stdout
    words = [line.strip() for line in text.splitlines()[1:] if line.strip() and not line.strip().startswith("#")]
    return set().union(*(calls_of(inner) for inner in words))


def allowed_calls(unit):
    calls = calls_of("@default")
    for value in settings(unit, "SystemCallFilter"):
        words = value.removeprefix("~").split()
        named = set().union(*(calls_of(word) for word in words))
        calls = calls - named if value.startswith("~") else calls | named
    return calls


def main():
    unit, *command = sys.argv[1:]
    refuse = seccomp.ERRNO(errno.EPERM)
    families = " ".join(settings(unit, "RestrictAddressFamilies")).split()
    allowed_families = [int(getattr(socket, family)) for family in families]
    denies_exec = "yes" in settings(unit, "MemoryDenyWriteExecute")
    # One filter a rule, as systemd does it: the kernel takes the strictest answer of all.
    filters = []
    calls = seccomp.SyscallFilter(refuse)
    for name in sorted(allowed_calls(unit)):
        try:
            calls.add_rule(seccomp.ALLOW, name)
        except (ValueError, OSError):
            pass  # A call of another processor, or of a later kernel than the library knows.
    filters.append(calls)
    if denies_exec:
        memory = seccomp.SyscallFilter(seccomp.ALLOW)
        both = PROT_WRITE | PROT_EXEC
        memory.add_rule(refuse, "mmap", seccomp.Arg(2, seccomp.MASKED_EQ, both, both))
        memory.add_rule(refuse, "mprotect", seccomp.Arg(2, seccomp.MASKED_EQ, PROT_EXEC, PROT_EXEC))
        memory.add_rule(refuse, "pkey_mprotect", seccomp.Arg(2, seccomp.MASKED_EQ, PROT_EXEC, PROT_EXEC))
        memory.add_rule(refuse, "shmat", seccomp.Arg(2, seccomp.MASKED_EQ, SHM_EXEC, SHM_EXEC))
        filters.append(memory)
    if allowed_families:
        sockets = seccomp.SyscallFilter(seccomp.ALLOW)
        refuse_family = seccomp.ERRNO(errno.EAFNOSUPPORT)
        for family in set(range(64)) - set(allowed_families):
            sockets.add_rule(refuse_family, "socket", seccomp.Arg(0, seccomp.EQ, family))
        filters.append(sockets)
    # The strict one last: it takes the right to load others no earlier than that.
    for one in reversed(filters):
        one.load()
    os.execvp(command[0], command)


main()
