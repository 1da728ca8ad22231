"""``python -m audience``."""

from audience.commands.app import main

if __name__ == "__main__":
    main()
