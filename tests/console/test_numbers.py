"""Values in words, in the browser that runs these functions."""

import pytest

from tests.console.modules import Modules

pytestmark = [pytest.mark.xdist_group("console"), pytest.mark.browser]


async def test_a_number_reads_the_same_in_the_charts_and_on_the_map(modules: Modules) -> None:
    values = [None, 0, 0.024, 0.44, 4, 4.63, 9.97, 92.4, 995, 1234, 12_345]
    words = ["–", "0", "0.024", "0.44", "4", "4.6", "10", "92", "995", "1,234", "12,345"]
    rates = ["–", *(f"{one}/s" for one in words[1:])]
    assert await modules.run("numbers", "a.map((one) => m.number(one))", values) == words
    assert await modules.run("numbers", "a.map(m.perSecond)", values) == rates
    charts = await modules.run("numbers", "a.map((one) => m.withUnit(one, 'requests/s'))", values)
    assert charts == rates
    assert (
        await modules.run("faults_model", "a.slice(1).map((one) => m.figure(one, '/s'))", values)
        == rates[1:]
    )


@pytest.mark.parametrize(
    ("expression", "words"),
    [
        ("m.withUnit(92.4, '%')", "92 %"),
        ("m.withUnit(0.031, 's')", "0.031 s"),
        ("m.withUnit(7)", "7"),
        ("m.withUnit(null, '%')", "–"),
        ("m.inWords(212.4, 'requests/s')", "212 requests/s"),
        ("m.inWords(null, '%')", "not measured"),
        ("m.duration(0.0008)", "0.8 ms"),
        ("m.duration(0.045)", "45 ms"),
        ("m.duration(0.9997)", "1 s"),
        ("m.duration(1.25)", "1.3 s"),
        ("m.percent(0)", "0 %"),
        ("m.percent(0.004)", "0.4 %"),
        ("m.percent(0.12)", "12 %"),
        ("m.percent(0.00001)", "<0.1 %"),
        ("m.memory(64 * 2 ** 20)", "64 MiB"),
        ("m.memory(1.5 * 2 ** 30)", "1.5 GiB"),
        ("m.cores(0.423)", "0.42 cores"),
    ],
)
async def test_a_unit_follows_its_number(modules: Modules, expression: str, words: str) -> None:
    assert await modules.run("numbers", expression) == words
