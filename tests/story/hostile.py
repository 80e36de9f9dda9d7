"""What a hostile document's program would try, as root in its guest. Prints what each attempt met."""
import errno
import os
import sys


def attempt(what, action):
    try:
        print(f"{what}: {action()}")
    except OSError as error:
        print(f"{what}: {errno.errorcode.get(error.errno, error.errno)}")


def read(path):
    with open(path, "rb") as f:
        return f"READ {len(f.read())} bytes"


def overwrite(path, content):
    with open(path, "wb") as f:
        f.write(content)
    return "overwritten"


def replace(path, content):
    """A running program's file cannot be opened for writing, but it can be removed."""
    os.unlink(path)
    return overwrite(path, content)


def listing(path):
    return " ".join(sorted(os.listdir(path)))


home = "/home/user1"
print(f"uid: {os.getuid()}")
attempt("private key", lambda: read(f"{home}/.ssh/id_rsa"))
attempt("key folder", lambda: listing(f"{home}/.ssh"))
attempt("another user", lambda: read("/home/user2/secret.txt"))
attempt("hidden file", lambda: read(f"{home}/diary.txt"))
attempt("homes", lambda: listing("/home"))
attempt("home", lambda: listing(home))
attempt("write to the script", lambda: overwrite(sys.argv[0], b"gone"))
attempt("passwd", lambda: overwrite("/etc/passwd", b"root::0:0::/:/bin/sh\n"))
attempt("link of python", lambda: read("/usr/bin/python3"))
attempt("python", lambda: replace("/usr/bin/python3.11", b"#!/bin/sh\necho taken\n"))
print("escape: \x1b]0;owned\x07\x1b[2J\x1b[31mred\x1b[0m \u202egnp.exe end")
