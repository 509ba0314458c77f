"""The report as one HTML file that opens offline: no script, no font, no picture from elsewhere."""

from __future__ import annotations

from datetime import UTC
from html import escape
from importlib.metadata import version
from importlib.resources import files
from typing import TYPE_CHECKING, Final

from wickie.model import RotationState, Severity, Stage, Verdict
from wickie.report.headline import Headline, count, dead_versions, headline, secret_name, size
from wickie.report.record import SCHEMA_VERSION, Tone
from wickie.report.timeline import render_timeline, steps

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from wickie.model import Finding, RotationOutcome
    from wickie.report.record import Report

MOST_ROWS: Final = 1000
"""A page with more is no longer read; report.json has them all."""

_TONES: Final[Mapping[str, Tone]] = {
    Severity.CRITICAL: Tone.BAD,
    Severity.HIGH: Tone.BAD,
    Severity.MEDIUM: Tone.WARNING,
    Verdict.LIVE: Tone.BAD,
    Verdict.DEAD: Tone.GOOD,
    Stage.CURRENT: Tone.BAD,
    Stage.PENDING: Tone.BAD,
    Stage.PREVIOUS: Tone.WARNING,
    RotationState.ROTATED: Tone.GOOD,
    RotationState.FAILED: Tone.BAD,
    RotationState.ROLLED_BACK: Tone.BAD,
    RotationState.CAPPED: Tone.BAD,
    RotationState.DEBOUNCED: Tone.WARNING,
    "REFRESHED": Tone.GOOD,
    "UNHEALTHY": Tone.BAD,
}


def render_html(report: Report) -> str:
    """The whole report; everything that was read somewhere is escaped."""
    body = (
        _facts(report)
        + "".join(_rotation(rotation, report.findings) for rotation in report.rotations)
        + _findings(report)
        + _versions(report)
        + _gaps(report)
        + table("To be seen to", ("What",), [(escape(told),) for told in _notices(report)])
    )
    brand = f"{report.kind} of stage {report.stage}"
    run = f"Run <code>{escape(report.run_id)}</code>, {moment(report.created)}"
    return page(brand, headline(report), body, f"{run} · report schema {SCHEMA_VERSION}")


def page(brand: str, said: Headline, body: str, foot: str) -> str:
    """A page around `body` and `foot`, which are HTML already."""
    style = (files(__package__) / "page.css").read_text()
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>wickie: {escape(said.text)}</title>
<style>
{style}</style>
</head>
<body>
<main>
<header>
<p class="brand">wickie <span>{escape(brand)}</span></p>
<div class="headline {said.tone}"><h1>{escape(said.text)}</h1><p>{escape(said.detail)}</p></div>
</header>
{body}
</main>
<footer>{foot} · wickie {escape(version("wickie"))} · holds no secret value</footer>
</body>
</html>
"""


def _facts(report: Report) -> str:
    scan = report.scan
    facts = [("rotated", str(sum(r.state is RotationState.ROTATED for r in report.rotations)))]
    if scan:
        managed = sum(finding.managed is not None for finding in scan.findings)
        facts = [
            ("findings", f"{len(scan.findings):,}"),
            ("of managed secrets", f"{managed:,}"),
            *facts,
            ("artifacts read", f"{scan.artifacts:,}"),
            ("read", size(scan.bytes_scanned)),
            ("gaps", f"{len(scan.gaps):,}"),
        ]
    cells = "".join(f"<div><dt>{name}</dt><dd>{value}</dd></div>" for name, value in facts)
    return f'<dl class="facts">{cells}</dl>'


def _rotation(rotation: RotationOutcome, findings: Sequence[Finding]) -> str:
    rows = [
        ("Old value", f"{_version(rotation.from_version)} {chip(rotation.old_credential)}"),
        ("New value", f"{_version(rotation.to_version)} {_credential(rotation.new_credential)}"),
        *(
            (escape(outcome.name), f"{chip(outcome.state)} {escape(outcome.detail)}")
            for outcome in rotation.dependents
        ),
        *(("Warning", escape(warning)) for warning in rotation.warnings),
    ]
    if rotation.error:
        rows.insert(0, ("Error", f'<strong class="bad">{escape(rotation.error)}</strong>'))
    facts = "".join(f"<div><dt>{name}</dt><dd>{value}</dd></div>" for name, value in rows)
    taken = steps(rotation, findings)
    caption = f"{taken[-1].end:.1f} s from “{taken[0].name}” to “{taken[-1].name}”" if taken else ""
    return f"""<section>
<h2>{escape(secret_name(rotation.secret))} {chip(rotation.state)}</h2>
<p>{escape(" · ".join(filter(None, (f"reason: {rotation.reason}", rotation.strategy))))}</p>
<dl class="outcome">{facts}</dl>
<figure>{render_timeline(rotation, findings)}<figcaption>{escape(caption)}</figcaption></figure>
</section>
"""


def _findings(report: Report) -> str:
    findings, dead = report.findings, dead_versions(report)
    rows = [
        (
            chip(finding.severity),
            f"{escape(finding.title)}<small>{escape(finding.rule_id)}</small>",
            f"<code>{escape(_place(finding))}</code><small>{escape(_named(finding))}</small>",
            f"{escape(secret_name(finding.managed.arn))} {chip(finding.managed.stage)}"
            if finding.managed
            else "",
            _suppressed(finding) or _honoured(finding, dead),
            moment(finding.first_seen) if finding.first_seen else "",
        )
        for finding in findings[:MOST_ROWS]
    ]
    heads = ("Severity", "What", "Where", "Managed secret", "Honoured?", "First seen")
    more = len(findings) - len(rows)
    note = f"<p>{count(more, 'more finding')} in report.json.</p>" if more > 0 else ""
    return table("Findings", heads, rows) + note


def _versions(report: Report) -> str:
    """Every version of a managed secret this run met, with what is known of it now."""
    known: dict[tuple[str, str], list[str]] = {}
    for managed in (finding.managed for finding in report.findings if finding.managed):
        known[secret_name(managed.arn), managed.version_id] = [chip(managed.stage), "", ""]
    for rotation in report.rotations:
        name = secret_name(rotation.secret)
        for version_id, answer, became in (
            (rotation.from_version, chip(rotation.old_credential), "replaced"),
            (rotation.to_version, _credential(rotation.new_credential), "made by this run"),
        ):
            if version_id:
                cells = known.setdefault((name, version_id), ["", "", ""])
                cells[1:] = [became if rotation.state is RotationState.ROTATED else "", answer]
    rows = [
        (escape(name), _version(version_id), *cells)
        for (name, version_id), cells in sorted(known.items())
    ]
    heads = ("Secret", "Version", "Stage when found", "Since then", "Honoured?")
    return table("Secret versions", heads, rows)


def _gaps(report: Report) -> str:
    gaps = report.scan.gaps if report.scan else ()
    rows = [(f"<code>{escape(gap.uri)}</code>", escape(gap.reason)) for gap in gaps]
    return table("Not scanned", ("Where", "Why"), rows)


def _notices(report: Report) -> Sequence[str]:
    return report.scan.notices if report.scan else ()


def table(title: str, heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A section with a table of cells that are HTML already; nothing where there are no rows."""
    lines = "\n".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in rows)
    if not lines:
        return ""
    head = "".join(f'<th scope="col">{name}</th>' for name in heads)
    return f"""<section>
<h2>{title}</h2>
<div class="scroll" tabindex="0" role="region" aria-label="{title}"><table>
<thead><tr>{head}</tr></thead>
<tbody>
{lines}
</tbody></table></div>
</section>
"""


def chip(value: str) -> str:
    """A word in the colour of how it is meant."""
    tone = _TONES.get(value, "plain")
    return f'<span class="chip {tone}">{escape(value.replace("_", " ").lower())}</span>'


def _credential(verdict: Verdict) -> str:
    """A new value that is LIVE is good news, unlike a found one."""
    if verdict is Verdict.LIVE:
        return f'<span class="chip {Tone.GOOD}">live</span>'
    return f'<span class="chip {Tone.WARNING}">{escape(verdict.lower())}</span>'


def _honoured(finding: Finding, dead: set[tuple[str, str | None]]) -> str:
    """What was found stays found, but a value killed since is no longer news as live."""
    managed = finding.managed
    if managed and (secret_name(managed.arn), managed.version_id) in dead:
        return f'<span class="chip {Tone.GOOD}">dead now</span>'
    return chip(finding.verdict)


def _suppressed(finding: Finding) -> str:
    """Who has decided that it does not count, and why; nothing where nobody has."""
    if (by := finding.suppressed_by) is None:
        return ""
    until = f"until {by.until}" if by.until else ""
    words = ", ".join(filter(None, (by.reason, by.owner, until)))
    return f'<span class="chip plain">suppressed</span><small>{escape(words)}</small>'


def _version(version_id: str | None) -> str:
    return f"<code>{escape(version_id)}</code>" if version_id else "none"


def _named(finding: Finding) -> str:
    """Where it comes from, and the key by which wickie.yaml can ignore it."""
    return f"{finding.source} {finding.value_key}"


def _place(finding: Finding) -> str:
    line = finding.location.line
    return f"{finding.location.uri}:{line}" if line else finding.location.uri


def moment(at: datetime) -> str:
    """A time of day in UTC."""
    utc = at.astimezone(UTC)
    return f'<time datetime="{utc.isoformat()}">{utc:%Y-%m-%d %H:%M:%S} UTC</time>'
