"""`python -m onport_worker.cli` is `onport-relay`."""

from onport_worker.cli import main

if __name__ == "__main__":
    main()
