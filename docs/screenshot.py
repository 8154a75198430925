"""Draws docs/images/terminal.png anew: the command in a real terminal (tmux), as its cells say.

    python3 docs/screenshot.py target/release/ndferry     # needs tmux, a monospaced font, and pyte and Pillow from PyPI
"""

import pathlib
import subprocess
import sys
import time

import pyte
from PIL import Image, ImageDraw, ImageFont

ROOT = pathlib.Path(__file__).resolve().parent.parent
FONT = "/usr/share/fonts/truetype/dejavu/DejaVuSansMono.ttf"
COLUMNS, LINES = 92, 47
STACK = "corpus/demo/stack-numpy1.pkl"
COMMANDS = [f"ndferry info {STACK}", f"ndferry stats {STACK}", f"ndferry view {STACK} -s 2 --lut viridis --width 88"]


def captured(program):
    """What the terminal shows after the commands, with its colours."""
    tmux = ["tmux", "-L", "ndferry-screenshot"]
    shell = f"cd {ROOT}; PATH={program.parent}:$PATH; export COLORTERM=truecolor LC_ALL=C.UTF-8 PS1='$ '; exec bash --norc"
    size = ["-x", str(COLUMNS), "-y", str(LINES)]
    subprocess.run([*tmux, "-f", "/dev/null", "new-session", "-d", *size, "bash", "-c", shell], check=True)
    try:
        subprocess.run([*tmux, "set", "-g", "status", "off"], check=True)
        time.sleep(0.5)
        for command in ["clear", *COMMANDS]:
            subprocess.run([*tmux, "send-keys", command, "Enter"], check=True)
            time.sleep(1)
        return subprocess.run([*tmux, "capture-pane", "-ep"], check=True, capture_output=True, text=True).stdout
    finally:
        subprocess.run([*tmux, "kill-session"])


def drawn(text):
    screen = pyte.Screen(COLUMNS, LINES)
    pyte.Stream(screen).feed(text.rstrip("\n").replace("\n", "\r\n"))
    font = ImageFont.truetype(FONT, 14)
    width, height = round(font.getlength("M")), 17
    last = max(y for y in range(LINES) if screen.display[y].strip())
    image = Image.new("RGB", (COLUMNS * width + 16, (last + 1) * height + 16), "#16181d")
    draw = ImageDraw.Draw(image)
    names = {"default": "#d7dae0", "green": "#6cc070", "red": "#e06c75", "cyan": "#56b6c2", "brown": "#d1a15a"}
    for y in range(last + 1):
        for x in range(COLUMNS):
            cell = screen.buffer[y][x]
            colour = lambda name, other: names.get(name, f"#{name}" if len(name) == 6 else other)
            left, top = 8 + x * width, 8 + y * height
            if cell.bg != "default":
                draw.rectangle([left, top, left + width - 1, top + height - 1], fill=colour(cell.bg, "#16181d"))
            if cell.data == "▀":
                draw.rectangle([left, top, left + width - 1, top + height // 2 - 1], fill=colour(cell.fg, "#d7dae0"))
            elif cell.data.strip():
                draw.text((left, top), cell.data, font=font, fill=colour(cell.fg, "#d7dae0"))
    return image


if __name__ == "__main__":
    image = drawn(captured(pathlib.Path(sys.argv[1]).resolve()))
    target = ROOT / "docs" / "images" / "terminal.png"
    target.parent.mkdir(exist_ok=True)
    image.quantize(128).save(target, optimize=True)
    print(f"{target}: {image.width} x {image.height}, {target.stat().st_size} bytes")
