"""first-byte RUNS LIMIT-SECONDS OUT -- COMMAND...: how long a command takes to print its first "first-byte".

Starts the command RUNS times, one after another. Writes the milliseconds from just before its process is made to
the moment the marker was read from its standard output, a line each, to OUT; prints the number of runs that were
lost (ended or ran out of time without it).
"""
import os
import select
import signal
import sys
import time

MARKER = b"first-byte"


def once(command, limit_s):
    read_end, write_end = os.pipe()
    begin = time.monotonic_ns()
    # A group of its own, so that whatever the command started ends with it.
    pid = os.posix_spawnp(command[0], command, os.environ, setpgroup=0, file_actions=[
        (os.POSIX_SPAWN_DUP2, write_end, 1), (os.POSIX_SPAWN_OPEN, 0, "/dev/null", os.O_RDONLY, 0)])
    os.close(write_end)
    seen, took = b"", None
    while took is None:
        left = limit_s - (time.monotonic_ns() - begin) / 1e9
        if left <= 0 or not select.select([read_end], [], [], left)[0]:
            break
        part = os.read(read_end, 65536)
        now = time.monotonic_ns()
        if not part:
            break
        seen += part
        if MARKER in seen:
            took = (now - begin) / 1e6
    os.close(read_end)
    try:
        os.killpg(pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    os.waitpid(pid, 0)
    return took


def main():
    runs, limit_s, out = int(sys.argv[1]), float(sys.argv[2]), sys.argv[3]
    times = [once(sys.argv[5:], limit_s) for _ in range(runs)]
    with open(out, "w", encoding="ascii") as file:
        file.writelines(f"{t:.1f}\n" for t in times if t is not None)
    print(times.count(None))


main()
