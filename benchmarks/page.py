"""The page about the main job: tables in Markdown, failures in bold."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.lines import EXCERPTS, FILM, LINES, LOSSLESS, METERS, SMALL, STILLS, VIDEO_SEAL_PSNR, WHOLE
from benchmarks.markdown import chance, table
from benchmarks.report import good, names_in_order

if TYPE_CHECKING:
    from collections.abc import Iterable

    from benchmarks.lines import Line, Meter
    from benchmarks.report import Outcome, Report
    from benchmarks.workshop import Verdict

VERDICTS = ("absent", "inconclusive", "found", "error")


def render(report: Report) -> str:
    """Write the page.

    Parameters
    ----------
    report : Report
        Lines of which it holds nothing are left out.

    Returns
    -------
    str
        Markdown.
    """
    parts = [_head(report), _summary(report), _invisible(report), _robust(report), _short(report), _absent(report)]
    return "\n\n".join(part for part in parts if part) + "\n"


def _head(report: Report) -> str:
    made = "\n".join(f"- {name}: {value}" for name, value in report.made.items())
    return (
        "# The main job, measured\n\n"
        "Written by `benchmarks/main_job.py`; do not edit. Every clip is marked whole at default strength into "
        "lossless FFV1, leaked, and decoded with the right key and, as a twin that must find nothing, with a wrong "
        "one. Leaked twins are decoded at effort fast, as they stand; unmarked clips and marked files themselves also "
        f"through the search for other geometries. What misses its bar is in bold.\n\n{made}"
    )


def _summary(report: Report) -> str:
    wrong = report.wrong_ids()
    count = "Wrong IDs: 0" if not wrong else f"**Wrong IDs: {len(wrong)}**"
    count += f" in {2 * len(report.outcomes)} decodes."
    named = "".join(f"\n- **{outcome.clip}, {outcome.line}, {outcome.leak or 'as it is'}**" for outcome in wrong)
    rows = [*_meter_rows(report), *_line_rows(report), *_speed_rows(report)]
    lines = table(["", "line", "bar", "aim", "measured", "reached"], rows)
    return f"## Summary\n\n{count}{named}\n\n{lines}"


def _meter_rows(report: Report) -> list[list[str]]:
    rows = []
    for meter in METERS:
        worst = report.worst(meter)
        if worst is not None:
            sign = "at least" if meter.at_least else "at most"
            levels = [f"{sign} {level:g} {meter.unit}".strip() for level in (meter.bar, meter.aim)]
            reached = meter.reaches(worst, meter.bar), meter.reaches(worst, meter.aim)
            measured = f"worst clip {worst:.{meter.digits}f}"
            rows.append(["Invisible", meter.name, *levels, measured, _reached(*reached)])
    return rows


def _line_rows(report: Report) -> list[list[str]]:
    rows = []
    for line in LINES:
        score = report.score(line)
        if score is not None:
            measured = f"{score.good} of {score.tried}"
            reached = score.share >= line.bar, score.share >= line.aim
            rows.append([line.section, line.name, f"{line.bar:.0%}", f"{line.aim:.0%}", measured, _reached(*reached)])
    return rows


def _speed_rows(report: Report) -> list[list[str]]:
    rows = []
    for speed in report.speeds:
        bar = f"at {'least' if speed.at_least else 'most'} {speed.bar:g} {speed.unit}"
        measured = f"{speed.median:.2f} {speed.unit}"
        rows.append(["Fast", speed.name, bar, bar, measured, _reached(speed.reached, speed.reached)])
    return rows


def _invisible(report: Report) -> str:
    if not report.qualities:
        return ""
    rows = []
    for clip, quality in report.qualities.items():
        cells = [_metered(meter, meter.value(quality)) for meter in METERS]
        information = [
            f"{quality.vmaf_host:.1f}",
            f"{quality.vmaf_worst:.1f}",
            f"{quality.smooth_share:.0%}",
            f"{quality.smooth_rms_cb:.2f}",
            f"{quality.smooth_rms_cr:.2f}",
            str(quality.frames),
        ]
        rows.append([clip, *cells, *information])
    names = [meter.name + (f" ({meter.unit})" if meter.unit else "") for meter in METERS]
    others = ["host's own VMAF", "worst frame's VMAF", "smooth blocks", "their RMS in Cb", "in Cr", "frames"]
    return (
        "## Invisible\n\n"
        "Marked clip against host on all consecutive frames. VMAF lost is that of the host against itself less that of "
        "the marked clip; PSNR is of the mean squared error over all frames; smooth blocks are 8x8 luma blocks in "
        "which the host's standard deviation is under 2 levels.\n\n" + table(["clip", *names, *others], rows)
    )


def _metered(meter: Meter, number: float) -> str:
    text = f"{number:.{meter.digits}f}"
    return text if meter.reaches(number, meter.bar) else f"**{text}**"


def _robust(report: Report) -> str:
    lines = [LOSSLESS, *(line for _, line in WHOLE), SMALL, *(line for _, line in FILM)]
    lines += [line for line in LINES if line.section == "Video Seal"]
    tried = [line for line in lines if report.of(line)]
    if not tried:
        return ""
    clips = names_in_order([outcome for line in tried for outcome in report.of(line)])
    rows = [[line.name, *(_cells(line, report, clips))] for line in tried]
    text = "## Robust\n\nEach cell: p_false as claimed, and the statistic z that it comes from.\n\n"
    if report.seal:
        text += (
            f"For Video Seal's clip the strength was set to {report.seal['strength']:g}, which leaves "
            f"{report.seal['psnr_rgb']:.2f} dB over RGB (at least {VIDEO_SEAL_PSNR} asked).\n\n"
        )
    return text + table(["leak", *clips], rows)


def _cells(line: Line, report: Report, clips: Iterable[str]) -> list[str]:
    by_clip = {outcome.clip: outcome for outcome in report.of(line)}
    return [_cell(line, by_clip[clip]) if clip in by_clip else "" for clip in clips]


def _cell(line: Line, outcome: Outcome) -> str:
    figures = _figures(outcome.verdict)
    if outcome.verdict.wrong_id:
        return f"**WRONG ID** {figures}"
    return figures if good(line, outcome) else f"**{outcome.verdict.verdict}** {figures}"


def _figures(verdict: Verdict) -> str:
    known = [] if verdict.p_false is None else [chance(verdict.p_false)]
    known += [] if verdict.evidence is None else [f"z {verdict.evidence:.1f}"]
    return ", ".join(known)


def _short(report: Report) -> str:
    lines = [line for line in (EXCERPTS, *(line for _, _, line in STILLS)) if report.of(line)]
    if not lines:
        return ""
    clips = names_in_order([outcome for line in lines for outcome in report.of(line)])
    rows = []
    for clip in clips:
        cells = []
        for line in lines:
            ours = [outcome for outcome in report.of(line) if outcome.clip == clip]
            found = sum(good(line, outcome) for outcome in ours)
            text = f"{found} of {len(ours)}"
            cells.append("" if not ours else text if found >= line.bar * len(ours) else f"**{text}**")
        rows.append([clip, *cells])
    return "## Short\n\nFound, of those tried.\n\n" + table(["clip", *(line.name for line in lines)], rows)


def _absent(report: Report) -> str:
    if not report.outcomes:
        return ""
    rows = []
    for section in dict.fromkeys(outcome.section for outcome in report.outcomes):
        ours = [outcome for outcome in report.outcomes if outcome.section == section]
        counts = [sum(outcome.twin.verdict == verdict for outcome in ours) for verdict in VERDICTS]
        rows.append([section, *(str(count) for count in counts)])
    least = report.least_p_false()
    claimed = "" if least is None else f" The smallest p_false claimed of anything that holds nothing: {chance(least)}."
    text = f"## Absent\n\nWhat was said of the files of each section with a wrong key.{claimed}\n\n"
    return text + table(["section", *VERDICTS], rows)


def _reached(bar: bool, aim: bool) -> str:  # noqa: FBT001 - both are said where it is called
    return "aim" if aim else "bar" if bar else "**missed**"
