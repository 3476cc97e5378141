"""Runs a program at a terminal: terminal.py PROGRAM ARGUMENT… -- STEP…

A step is `see=TEXT` (waits until that has appeared after what was seen before), `type=TEXT` (with Python's escapes) or
`wait=SECONDS`. Prints how the program ended; fails, showing the screen, when something is not seen within a minute.
"""
import os
import pty
import select
import sys
import time

split = len(sys.argv) - 1 - sys.argv[::-1].index('--')
command, script = sys.argv[1:split], sys.argv[split + 1:]
process, terminal = pty.fork()
if process == 0:
    os.execv(command[0], command)

screen, seen, deadline = b'', 0, time.monotonic() + 60


def fail(why):
    sys.exit(f'{why}; the end of the screen:\n' + screen.decode(errors='replace')[-2000:])


def read():
    """More of the screen, or False at its end."""
    global screen
    ready, _, _ = select.select([terminal], [], [], max(0, deadline - time.monotonic()))
    if not ready:
        fail('not seen in time')
    try:
        chunk = os.read(terminal, 4096)
    except OSError:  # how Linux reports the end
        return False
    screen += chunk
    return bool(chunk)


for step in script:
    action, text = step.split('=', 1)
    if action == 'see':
        while (position := screen.find(text.encode(), seen)) < 0:
            if not read():
                fail(f'ended before {text!r}')
        seen = position + len(text.encode())
    elif action == 'type':
        os.write(terminal, text.encode().decode('unicode_escape').encode())
    else:
        time.sleep(float(text))
while read():
    pass
status = os.waitpid(process, 0)[1]
print(f'exit {os.WEXITSTATUS(status)}' if os.WIFEXITED(status) else f'signal {os.WTERMSIG(status)}')
