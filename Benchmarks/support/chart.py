"""Bars of speed as SVG, readable on light and dark pages, without any library."""
import html
import textwrap

COLOURS = ["#2f81f7", "#8c959f", "#bc8cff", "#d29922", "#3fb950"]
STYLE = """
    text { font: 13px system-ui, -apple-system, "Segoe UI", Helvetica, Arial, sans-serif; fill: #1f2328 }
    .title { font-size: 15px; font-weight: 600 } .file { font-weight: 600 } .note { font-size: 11.5px; fill: #59636e }
    .page { fill: #ffffff } .line { stroke: #8c959f; stroke-dasharray: 3 3 }
    @media (prefers-color-scheme: dark) {
      text { fill: #e6edf3 } .note { fill: #9198a1 } .page { fill: #0d1117 }
    }"""
WIDTH, MARGIN, GAP, BAR, STEP = 860, 20, 30, 16, 21


def svg(files, engines, panels, baseline, note):
    """The chart.

    files     [(name, {engine: {key: value}})]: an engine may be missing from a file
    engines   names in the order of their bars
    panels    [(key, title)]: side by side
    baseline  the engine whose bar has the length 1
    note      what stands below, in small letters
    """
    panel = (WIDTH - 2 * MARGIN - GAP * (len(panels) - 1)) / len(panels)
    label = 150  # for the figures after the longest bar
    parts, top = [], 62
    for column, (key, title) in enumerate(panels):
        x = MARGIN + column * (panel + GAP)
        ratios = [speeds[e][key] / speeds[baseline][key] for _, speeds in files for e in speeds if baseline in speeds]
        scale = (panel - label) / max([1, *ratios])
        parts.append(text(x, 30, title, "title"))
        y = top
        for name, speeds in files:
            parts.append(text(x, y, name, "file"))
            y += 8
            base = speeds.get(baseline, {}).get(key) or max(s[key] for s in speeds.values())
            begin = y
            for engine in (e for e in engines if e in speeds):
                value = speeds[engine][key]
                length = max(2, scale * value / base)
                colour = COLOURS[engines.index(engine) % len(COLOURS)]
                parts.append(f'<rect x="{x:.1f}" y="{y}" width="{length:.1f}" height="{BAR}" rx="2" fill="{colour}"/>')
                ratio = "" if engine == baseline or baseline not in speeds else f" ({value / base:.1f} ×)"
                parts.append(text(x + length + 6, y + 12.5, f"{engine} {value:,.0f}{ratio}"))
                y += STEP
            if baseline in speeds:
                parts.insert(0, f'<line class="line" x1="{x + scale:.1f}" x2="{x + scale:.1f}" y1="{begin - 2}" y2="{y}"/>')
            y += 24
    for line in textwrap.wrap(note, 125):
        parts.append(text(MARGIN, y, line, "note"))
        y += 16
    height = y
    title = html.escape("Speed of " + " and ".join(engines))
    return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" '
            f'role="img" aria-label="{title}">\n  <style>{STYLE}\n  </style>\n'
            f'  <rect class="page" width="{WIDTH}" height="{height}" rx="6"/>\n  ' + "\n  ".join(parts) + "\n</svg>\n")


def text(x, y, words, style=None):
    kind = f' class="{style}"' if style else ""
    return f'<text x="{x:.1f}" y="{y}"{kind}>{html.escape(words)}</text>'
