#!/usr/bin/env python3
"""Draws a terminal's output as an SVG picture, so that pictures in documents are of real output.

Usage: COMMAND | tools/terminal_svg.py [--title TEXT] [--lines FIRST-LAST] > picture.svg
Understands SGR colours (30-37, 90-97, bold, dim, reset); other escapes are dropped.
"""
import argparse
import html
import re
import sys

COLOURS = {30: "#45475a", 31: "#f38ba8", 32: "#a6e3a1", 33: "#f9e2af", 34: "#89b4fa", 35: "#cba6f7",
           36: "#94e2d5", 37: "#bac2de"}
COLOURS.update({code + 60: colour for code, colour in COLOURS.items()})
CELL_WIDTH, LINE_HEIGHT, MARGIN, TITLE_HEIGHT = 8.0, 18, 16, 28


def spans(line):
    """Pieces of one line as (text, style); the style holds for this line only."""
    style = ""
    at = 0
    for escape in re.finditer(r"\x1b\[([0-9;]*)([A-Za-z])", line):
        if escape.start() > at:
            yield line[at:escape.start()], style
        at = escape.end()
        if escape.group(2) != "m":
            continue
        for code in (int(code or 0) for code in escape.group(1).split(";")):
            if code == 0:
                style = ""
            elif code == 1:
                style += " font-weight='bold'"
            elif code == 2:
                style += " opacity='0.6'"
            elif code in COLOURS:
                style = re.sub(r" fill='[^']*'", "", style) + f" fill='{COLOURS[code]}'"
    if at < len(line):
        yield line[at:], style


def visible(text):
    """Escaped, with spaces that browsers do not fold."""
    return html.escape(text).replace(" ", "\u00a0")


def draw(lines, title):
    plain = [re.sub(r"\x1b\[[0-9;]*[A-Za-z]", "", line) for line in lines]
    width = max([len(line) for line in plain] + [len(title) + 12]) * CELL_WIDTH + 2 * MARGIN
    height = len(lines) * LINE_HEIGHT + TITLE_HEIGHT + 2 * MARGIN
    out = [f"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {width:.0f} {height}' "
           f"width='{width:.0f}' height='{height}' role='img'>",
           f"<title>{html.escape(title)}</title>",
           f"<rect width='{width:.0f}' height='{height}' rx='8' fill='#1e1e2e'/>"]
    for index, colour in enumerate(("#f38ba8", "#f9e2af", "#a6e3a1")):
        out.append(f"<circle cx='{20 + 18 * index}' cy='18' r='6' fill='{colour}'/>")
    out.append("<g font-family='ui-monospace,SFMono-Regular,Menlo,Consolas,DejaVu Sans Mono,"
               "monospace' font-size='13' fill='#cdd6f4' xml:space='preserve'>")
    out.append(f"<text x='{width / 2:.0f}' y='22' text-anchor='middle' opacity='0.7'>"
               f"{html.escape(title)}</text>")
    for row, line in enumerate(lines):
        y = TITLE_HEIGHT + MARGIN + (row + 1) * LINE_HEIGHT - 5
        column = 0
        for text, style in spans(line):
            if text.strip():
                x = MARGIN + column * CELL_WIDTH
                out.append(f"<text x='{x:.1f}' y='{y}' textLength='{len(text) * CELL_WIDTH:.1f}'"
                           f"{style}>{visible(text)}</text>")
            column += len(text)
    out.append("</g></svg>")
    return "\n".join(out) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--title", default="")
    parser.add_argument("--lines", default="", help="FIRST-LAST, from 1")
    options = parser.parse_args()
    lines = [line.rsplit("\r", 1)[-1] for line in sys.stdin.read().rstrip("\n").split("\n")]
    if options.lines:
        match = re.fullmatch(r"(\d+)-(\d+)", options.lines)
        if not match:
            parser.error("--lines takes FIRST-LAST, such as 1-40")
        lines = lines[int(match.group(1)) - 1:int(match.group(2))]
    if not any(lines):
        sys.exit("terminal_svg.py: no lines to draw; pipe a command's output in")
    sys.stdout.write(draw(lines, options.title))


if __name__ == "__main__":
    main()
