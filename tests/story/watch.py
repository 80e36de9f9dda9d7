"""Reads a note again and again until it is refused: what a running micro-VM meets when its policy changes."""
import errno
import sys
import time

limit = time.monotonic() + float(sys.argv[1]) if len(sys.argv) > 1 else time.monotonic() + 120
seen = 0
while time.monotonic() < limit:
    try:
        with open("/home/user1/notes/todo.txt", "rb") as f:
            f.read()
        seen += 1
        if seen == 1:
            print("reading", flush=True)
    except OSError as error:
        print(f"refused: {errno.errorcode.get(error.errno, error.errno)}", flush=True)
        sys.exit(0 if seen else 3)
    time.sleep(0.2)
print("never refused", flush=True)
sys.exit(4)
